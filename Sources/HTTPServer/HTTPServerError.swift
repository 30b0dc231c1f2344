// SPDX-License-Identifier: Apache-2.0

import Glibc
package import LockFree

/// Why a server did not start.
package enum HTTPServerError: Error, CustomStringConvertible {
    /// The text of a listen address is not a numeric IPv4 or IPv6 address.
    case address(String)
    /// A port could not be listened on: address, port, errno.
    case listen(String, UInt16, Int32)
    /// Another system call failed: what was tried, errno.
    case system(String, Int32)
    case thread(ThreadError)

    /// What was tried, on what, what happened, what to do.
    package var description: String {
        switch self {
        case .address(let text):
            return "listening on '\(text)' failed: it is not a numeric address; write it as 127.0.0.1, 0.0.0.0 or ::1"
        case .listen(let address, let port, let code):
            let advice =
                switch code {
                case EADDRINUSE: "another process listens there: stop it or choose another port (0 picks a free one)"
                case EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE: choose a higher one"
                case EADDRNOTAVAIL: "no interface of this machine has that address"
                default: "check the address and the limits of this system"
                }
            return "listening on \(address) port \(port) failed: \(Self.text(code)); \(advice)"
        case .system(let what, let code):
            return "\(what) failed: \(Self.text(code)); raise the limit on open files or ask for fewer reactors"
        case .thread(let error):
            return error.description
        }
    }

    private static func text(_ code: Int32) -> String {
        // SAFETY: strerror returns a terminated string; it is copied before the next call of this thread.
        unsafe String(cString: strerror(code))
    }
}
