// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
package import HTTPServer

/// Where a server is to be reached: what the minimal server binds by itself, and what is bound here for it.
package enum ListenPlace: Sendable, Hashable {
    /// An address and a port.
    case address(ListenAddress)
    /// A socket in the file system, for a proxy on the same machine.
    case unix(path: String)
    /// The sockets that systemd hands over (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, from descriptor 3 on).
    case inherited
}

/// A place could not be listened on.
package struct ListenError: Error, Hashable, CustomStringConvertible {
    package let description: String
}

/// The listening sockets that exist before the server does.
///
/// Made on the main thread before the first connection; closed by the server that takes them.
package struct PreparedListeners: Sendable {
    /// Addresses that the server binds itself.
    package private(set) var addresses: [ListenAddress] = []
    /// Sockets that listen already.
    package private(set) var descriptors: [Int32] = []
    /// The files of Unix sockets of ours: removed when the server stops, before it drains.
    private var paths: [String] = []

    /// Binds what has to be bound.
    ///
    /// - Parameter environment: where systemd's variables are looked for.
    package init(_ places: [ListenPlace], environment: (String) -> String?) throws(ListenError) {
        for place in places {
            switch place {
            case .address(let address): addresses.append(address)
            case .unix(let path): try listen(onUnixSocket: path)
            case .inherited: descriptors += try Self.inherited(environment)
            }
        }
    }

    /// Removes the files of Unix sockets, so that nobody connects to a server that is about to stop.
    package func removeFiles() {
        for path in paths { _ = unsafe unlink(path) }
    }

    /// The paths of Unix sockets, for the line that says where the server listens.
    package var unixPaths: [String] { paths }

    private mutating func listen(onUnixSocket path: String) throws(ListenError) {
        // A file that a server left behind when it was killed; one that somebody still answers stays.
        if unsafe platform_unix_is_stale(path) == 1 { _ = unsafe unlink(path) }
        let descriptor = unsafe platform_listen_unix(path, 0o666)
        guard descriptor >= 0 else {
            let reason = unsafe String(cString: strerror(-descriptor))
            throw ListenError(
                description: "listening on the Unix socket \(path) failed: \(reason); "
                    + "check that its folder exists, may be written to, and that no other server uses it"
            )
        }
        descriptors.append(descriptor)
        paths.append(path)
    }

    /// The descriptors that were handed over.
    static func inherited(_ environment: (String) -> String?) throws(ListenError) -> [Int32] {
        guard let process = environment("LISTEN_PID").flatMap({ Int32($0) }), process == getpid(),
            let count = environment("LISTEN_FDS").flatMap({ Int32($0) }), (1...64).contains(count)
        else {
            throw ListenError(
                description: "no socket was handed over (LISTEN_PID and LISTEN_FDS are not set for this process); "
                    + "start the server from a systemd unit with a socket, or listen on an address"
            )
        }
        var descriptors: [Int32] = []
        for descriptor in 3..<3 + count {
            guard platform_adopt_listener(descriptor) == 0 else {
                throw ListenError(
                    description: "descriptor \(descriptor), handed over as a socket, is not one that listens; "
                        + "the socket unit needs ListenStream= and Accept=no"
                )
            }
            descriptors.append(descriptor)
        }
        return descriptors
    }
}
