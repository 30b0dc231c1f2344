// SPDX-License-Identifier: Apache-2.0

package import CPlatform
import DiskTier
import Glibc
import LockFree

/// The real file system with faults on purpose: calls that fail, stall, write half of their bytes, or end the process.
package final class FaultyFileSystem: DiskFileSystem {
    /// What goes wrong. Errors are positive errno values.
    package struct Faults: Sendable {
        package var readError: Int32?
        package var writeError: Int32?
        package var syncError: Int32?
        /// Microseconds that each read and write takes longer.
        package var readDelay: UInt32 = 0
        package var writeDelay: UInt32 = 0
        /// How many bytes writes may still take; then they are short, and the next fails for want of room.
        package var bytesLeft: Int?
        /// Whether making room beforehand fails for want of room.
        package var isFull = false
        /// Whether room can be made beforehand at all.
        package var canReserve = true
        /// The process kills itself in the middle of the call that brings this to 0: a write, a rename, a removal, a cut.
        package var callsUntilDeath: Int?

        package init() {}
    }

    private let real = LinuxFileSystem()
    private let state = Lock((faults: Faults(), writes: 0, syncs: 0))

    package init(_ faults: Faults = Faults()) { self.faults = faults }

    package var faults: Faults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }

    /// How many writes there were.
    package var writes: Int { state.withLock { $0.writes } }

    /// Counts a call that changes the disk; whether it is the one to die in.
    private func isLast() -> Bool {
        state.withLock { state in
            guard let left = state.faults.callsUntilDeath else { return false }
            state.faults.callsUntilDeath = left - 1
            return left <= 1
        }
    }

    private func die() -> Never {
        kill(getpid(), SIGKILL)
        while true { pause() }
    }

    package func makeFolder(_ path: String) -> Int32 { real.makeFolder(path) }
    package func list(_ path: String) -> [String]? { real.list(path) }
    package func lock(_ path: String) -> Int32 { real.lock(path) }
    package func open(_ path: String, writable: Bool, create: Bool) -> Int32 {
        real.open(path, writable: writable, create: create)
    }
    package func close(_ descriptor: Int32) { real.close(descriptor) }
    package func duplicate(_ descriptor: Int32) -> Int32 { real.duplicate(descriptor) }
    package func size(_ descriptor: Int32) -> Int { real.size(descriptor) }

    package func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let faults = faults
        if faults.readDelay > 0 { usleep(faults.readDelay) }
        if let code = faults.readError { return Int(-code) }
        return unsafe real.read(descriptor, into: buffer, at: offset)
    }

    package func write(_ descriptor: Int32, _ parts: UnsafeMutableBufferPointer<iovec>, at offset: Int) -> Int {
        let total = unsafe parts.reduce(0) { unsafe $0 + $1.iov_len }
        if isLast() {
            // Any part of it may have come to the disk.
            unsafe shorten(parts, to: Int.random(in: 0...total))
            _ = unsafe real.write(descriptor, parts, at: offset)
            die()
        }
        let (faults, room) = state.withLock { state -> (Faults, Int) in
            state.writes += 1
            guard let left = state.faults.bytesLeft else { return (state.faults, total) }
            let room = min(left, total)
            state.faults.bytesLeft = left - room
            return (state.faults, room)
        }
        if faults.writeDelay > 0 { usleep(faults.writeDelay) }
        if let code = faults.writeError { return Int(-code) }
        if room == 0 && total > 0 { return Int(-ENOSPC) }
        unsafe shorten(parts, to: room)
        return unsafe real.write(descriptor, parts, at: offset)
    }

    private func shorten(_ parts: UnsafeMutableBufferPointer<iovec>, to count: Int) {
        var rest = count
        for index in parts.indices {
            unsafe parts[index].iov_len = unsafe min(parts[index].iov_len, rest)
            rest -= unsafe parts[index].iov_len
        }
    }

    package func reserve(_ descriptor: Int32, bytes: Int) -> Int32 {
        let faults = faults
        if faults.isFull { return -ENOSPC }
        return faults.canReserve ? real.reserve(descriptor, bytes: bytes) : -EOPNOTSUPP
    }

    package func truncate(_ descriptor: Int32, bytes: Int) -> Int32 {
        if isLast() { die() }
        return real.truncate(descriptor, bytes: bytes)
    }

    package func sync(_ descriptor: Int32) -> Int32 {
        if isLast() { die() }
        if let code = faults.syncError { return -code }
        return real.sync(descriptor)
    }

    package func syncFolder(_ path: String) -> Int32 { real.syncFolder(path) }

    package func freeBytes(_ path: String) -> Int? { faults.isFull ? 0 : real.freeBytes(path) }

    package func rename(_ from: String, _ to: String) -> Int32 {
        if isLast() { die() }
        return real.rename(from, to)
    }

    package func remove(_ path: String) -> Int32 {
        if isLast() { die() }
        return real.remove(path)
    }
}
