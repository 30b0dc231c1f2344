// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
package import LockFree
import Synchronization

/// The file with one line per answered request.
///
/// Reactors put lines into rings of their own and never wait, wake or lock anybody; one thread comes by ten times a
/// second and writes what is there. A disk or a pipe that is too slow costs lines, which are counted, and no answer.
package final class AccessLog: Sendable {
    private let path: String
    private let rings: [LogRing]
    private let file: Lock<Int32>
    private let isStopping = Atomic<Bool>(false)
    private let thread = Lock<OSThread?>(nil)
    private let lostBytes = Atomic<Int>(0)

    private static let pause: UInt32 = 100_000

    /// Opens the file to append to it. `reactors`: how many write.
    package init(path: String, reactors: Int) throws(ListenError) {
        self.path = path
        rings = (0..<reactors).map { _ in LogRing() }
        file = Lock(try Self.open(path))
    }

    deinit { file.withLock { platform_close($0) } }

    /// Starts the writer.
    package func start() throws(ThreadError) {
        let started = try OSThread(name: "access-log", nice: 5) { [self] in
            while !isStopping.load(ordering: .relaxed) {
                usleep(Self.pause)
                writeAll()
            }
            writeAll()
        }
        thread.withLock { $0 = started }
    }

    /// Writes what is left and ends the writer. After the last reactor has ended.
    package func stop() {
        isStopping.store(true, ordering: .relaxed)
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// Opens the path again: for programs that rotate logs by renaming them. Where that fails, the old file is written on.
    package func reopen() throws(ListenError) {
        let next = try Self.open(path)
        file.withLock { descriptor in
            platform_close(descriptor)
            descriptor = next
        }
    }

    /// Lines that found no room, and bytes that the file did not take.
    package var dropped: (lines: Int, bytes: Int) {
        (rings.reduce(0) { $0 + $1.dropped }, lostBytes.load(ordering: .relaxed))
    }

    func ring(ofReactor reactor: Int) -> LogRing { rings[reactor] }

    private static func open(_ path: String) throws(ListenError) -> Int32 {
        // Non-blocking, so that opening or writing a pipe without a reader is an error, not a wait.
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK
        let descriptor = unsafe Glibc.open(path, flags, 0o640)
        guard descriptor >= 0 else {
            let reason = unsafe String(cString: strerror(errno))
            throw ListenError(description: "opening the access log \(path) failed: \(reason); check its folder")
        }
        return descriptor
    }

    private func writeAll() {
        file.withLock { descriptor in
            for ring in rings { unsafe ring.take { bytes in unsafe write(bytes, to: descriptor) } }
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) {
        var sent = 0
        while sent < bytes.count {
            // SAFETY: the rest of the caller's bytes.
            let count = unsafe Glibc.write(descriptor, bytes.baseAddress! + sent, bytes.count - sent)
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                // Half a line would garble the next: so a slow reader gets a while, and then loses the rest.
                if unsafe poll(&item, 1, 1000) <= 0 { break }
            } else if errno != EINTR {
                break
            }
        }
        if sent < bytes.count { lostBytes.wrappingAdd(bytes.count - sent, ordering: .relaxed) }
    }
}
