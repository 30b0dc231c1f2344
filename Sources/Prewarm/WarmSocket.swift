// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Why a request had no answer.
enum ConnectionFault: Error, Equatable {
    /// The name of the host is not known, or cannot be asked for now.
    case unresolved(String)
    /// No connection could be made.
    case unreachable(String)
    /// The connection broke.
    case broken(String)
    case timedOut
    /// What came was no answer that can be read.
    case refused(HTTPResponseFault)
}

/// When something must have happened: a point of the monotonic clock.
struct Deadline {
    private let instant: ContinuousClock.Instant

    init(after duration: Duration) { instant = .now + min(duration, .seconds(86_400)) }

    /// For poll(2): rounded up, so that a wait never ends too early and spins.
    var milliseconds: Int32 {
        let (seconds, attoseconds) = (instant - .now).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
    }

    var hasPassed: Bool { instant <= .now }
}

/// A TCP connection that never waits longer than its deadlines. Owned by one thread.
///
/// The descriptor is non-blocking; every wait is a poll(2). SIGPIPE is not raised (MSG_NOSIGNAL).
final class WarmSocket {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Connects to the first address of the host that answers, IPv6 or IPv4 in the resolver's order. Looking up a name
    /// takes as long as the system's resolver takes, whatever the deadline.
    static func connect(host: String, port: UInt16, deadline: Deadline) throws(ConnectionFault) -> WarmSocket {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        // SAFETY: the strings and the hints live for the call; the list is freed below, after its last use.
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { throw unsafe .unresolved(String(cString: gai_strerror(code))) }
        defer { unsafe freeaddrinfo(list) }
        var fault = ConnectionFault.unresolved("the name has no address")
        var next = unsafe list
        while let address = unsafe next {
            do throws(ConnectionFault) {
                return try unsafe connect(address.pointee, deadline)
            } catch {
                fault = error
                if deadline.hasPassed { break }
            }
            unsafe next = address.pointee.ai_next
        }
        throw fault
    }

    private static func connect(_ address: addrinfo, _ deadline: Deadline) throws(ConnectionFault) -> WarmSocket {
        let type = unsafe address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = unsafe Glibc.socket(address.ai_family, type, address.ai_protocol)
        guard descriptor >= 0 else { throw .unreachable(message(errno)) }
        let connection = WarmSocket(descriptor: descriptor)
        // SAFETY: address and length are the resolver's own pair, alive until its list is freed by the caller.
        if unsafe Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 {
            guard errno == EINPROGRESS || errno == EINTR else { throw .unreachable(message(errno)) }
            try connection.wait(for: POLLOUT, deadline)
            var code: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            // SAFETY: the option is an int, and so is the variable.
            guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code == 0 else {
                throw .unreachable(message(code))
            }
        }
        var one: Int32 = 1
        // SAFETY: the option is an int, and so is the variable. A failure costs latency only.
        _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        return connection
    }

    /// Whether the connection rests as it should: neither ended by the other side nor with bytes that nobody asked for,
    /// which would be taken for the next answer.
    var isAtRest: Bool {
        var byte: UInt8 = 0
        // SAFETY: one byte, and the length says one; MSG_PEEK leaves it where it is.
        let count = unsafe Glibc.recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count < 0 && errno == EAGAIN
    }

    /// Sends all bytes.
    func send(_ bytes: [UInt8], _ deadline: Deadline) throws(ConnectionFault) {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                // SAFETY: the slice lies inside the array's storage, which lives for the call.
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[sent...])
                return unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                try wait(for: POLLOUT, deadline)
            } else if errno != EINTR {
                throw .broken(Self.message(errno))
            }
        }
    }

    /// Receives what there is, at least one byte; 0 when the other side has ended.
    func receive(into buffer: inout [UInt8], _ deadline: Deadline) throws(ConnectionFault) -> Int {
        while true {
            // Also where bytes flow without a pause: a trickle must not outlast the deadline.
            guard !deadline.hasPassed else { throw .timedOut }
            let capacity = buffer.count
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                // SAFETY: the kernel writes at most `capacity` bytes into the array's own storage.
                unsafe Glibc.recv(descriptor, bytes.baseAddress, capacity, 0)
            }
            if count >= 0 { return count }
            if errno == EAGAIN {
                try wait(for: POLLIN, deadline)
            } else if errno != EINTR {
                throw .broken(Self.message(errno))
            }
        }
    }

    private func wait(for events: Int32, _ deadline: Deadline) throws(ConnectionFault) {
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            // SAFETY: one entry, and the count says one.
            let count = unsafe poll(&entry, 1, deadline.milliseconds)
            if count > 0 { return }
            if count < 0, errno != EINTR { throw .broken(Self.message(errno)) }
            guard !deadline.hasPassed else { throw .timedOut }
        }
    }

    private static func message(_ code: Int32) -> String {
        // SAFETY: a text of the C library that stays valid until this thread asks again; it is copied at once.
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}
