// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// A listening socket. Closed when the last reactor drops it, which each does after it has emptied the accept queue.
final class Listener: Sendable {
    let descriptor: Int32
    let port: UInt16

    init(_ address: ListenAddress, isPerReactor: Bool, unsentByteLimit: Int) throws(HTTPServerError) {
        descriptor = unsafe platform_listen(
            address.address,
            address.port,
            isPerReactor ? 1 : 0,
            Int32(clamping: unsentByteLimit)
        )
        guard descriptor >= 0 else {
            throw descriptor == -EINVAL
                ? .address(address.address) : .listen(address.address, address.port, -descriptor)
        }
        port = UInt16(truncatingIfNeeded: platform_bound_port(descriptor))
    }

    /// Takes over a socket that listens already.
    init(adopting descriptor: Int32, unsentByteLimit: Int) {
        self.descriptor = descriptor
        port = UInt16(clamping: platform_bound_port(descriptor))
        platform_tune_listener(descriptor, Int32(clamping: unsentByteLimit))
    }

    deinit { if descriptor >= 0 { platform_close(descriptor) } }
}
