// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The bytes of a `sockaddr`, ready for connect(2).
struct SocketAddress: Hashable, Sendable {
    private let bytes: [UInt8]
    private let family: Int32

    /// The addresses of a place. A name is looked up, which may block for as long as the resolver's configuration says;
    /// a numeric address and a socket's path never block.
    static func resolve(_ place: RedisPlace) -> [SocketAddress] {
        switch place {
        case .unix(let path): return SocketAddress(unixPath: path).map { [$0] } ?? []
        case .tcp(let host, let port):
            let numeric = lookUp(host, port, flags: AI_NUMERICHOST)
            return numeric.isEmpty ? lookUp(host, port, flags: AI_ADDRCONFIG) : numeric
        }
    }

    /// The same without ever blocking: nil where the host is a name.
    static func numeric(_ place: RedisPlace) -> [SocketAddress]? {
        switch place {
        case .unix: return resolve(place)
        case .tcp(let host, let port):
            let found = lookUp(host, port, flags: AI_NUMERICHOST)
            return found.isEmpty ? nil : found
        }
    }

    private static func lookUp(_ host: String, _ port: UInt16, flags: Int32) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = flags | AI_NUMERICSERV
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0 else { return [] }
        // SAFETY: the list is the resolver's until it is freed, once, here; each address is copied by its own length.
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe entry.pointee.ai_addr {
                let raw = unsafe UnsafeRawBufferPointer(start: address, count: Int(entry.pointee.ai_addrlen))
                unsafe found.append(SocketAddress(bytes: Array(raw), family: entry.pointee.ai_family))
            }
            unsafe next = entry.pointee.ai_next
        }
        return found
    }

    private init(bytes: [UInt8], family: Int32) {
        self.bytes = bytes
        self.family = family
    }

    private init?(unixPath path: String) {
        // The path stands behind the 16 bits of the family, with its final zero (sun_path has 108 bytes).
        guard path.utf8.count < 108, let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: a local of that type; the path and its zero fit, as was looked at above.
        bytes = unsafe withUnsafeMutableBytes(of: &address) { raw in
            for (index, byte) in path.utf8.enumerated() { unsafe raw[offset + index] = byte }
            return unsafe Array(raw)
        }
        family = AF_UNIX
    }

    /// A connected non-blocking socket, or the error of what failed; ETIMEDOUT where the time is over.
    func connect(by deadline: CallDeadline) -> Result<Int32, SocketError> {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { return .failure(SocketError(code: errno)) }
        if family != AF_UNIX {
            var on: Int32 = 1
            unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        // SAFETY: the array holds the whole address and is alive inside the closure; the kernel copies it.
        let code = unsafe bytes.withUnsafeBytes { raw in
            unsafe Glibc.connect(
                descriptor,
                raw.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                socklen_t(raw.count)
            )
        }
        if code == 0 { return .success(descriptor) }
        var reason = errno
        // A Unix socket whose backlog is full says EAGAIN at once: that is "busy", not "in progress".
        if reason == EINPROGRESS || reason == EINTR { reason = Self.finish(descriptor, deadline) }
        if reason == 0 { return .success(descriptor) }
        close(descriptor)
        return .failure(SocketError(code: reason))
    }

    /// Waits for the end of a connect(2) that is under way; 0 or its error.
    private static func finish(_ descriptor: Int32, _ deadline: CallDeadline) -> Int32 {
        var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while true {
            let ready = unsafe poll(&item, 1, deadline.milliseconds)
            if ready > 0 { break }
            if ready == 0 { return ETIMEDOUT }
            if errno != EINTR { return errno }
        }
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        // SAFETY: locals of the types and sizes that the call fills.
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return errno }
        return code
    }
}

/// An errno value of a socket.
struct SocketError: Error, Hashable, CustomStringConvertible {
    let code: Int32

    var description: String { unsafe String(cString: strerror(code)) }
}
