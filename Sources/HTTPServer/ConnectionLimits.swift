// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization

/// How many connections are open, in all and per address, over all reactors. Asked when a connection begins and ends,
/// never per request.
final class ConnectionLimits: Sendable {
    enum Verdict { case admitted, overLimit, overAddressLimit }

    let total: Int
    let perAddress: Int
    private let open = Atomic<Int>(0)
    private let byAddress = Lock<[PeerAddress: Int]>([:])

    init(total: Int, perAddress: Int) {
        self.total = total
        self.perAddress = perAddress
    }

    func admit(_ address: PeerAddress) -> Verdict {
        guard open.wrappingAdd(1, ordering: .relaxed).newValue <= total else {
            open.wrappingSubtract(1, ordering: .relaxed)
            return .overLimit
        }
        // Clients of a Unix socket have no address; mostly they are one proxy.
        if address.high == 0 && address.low == 0 { return .admitted }
        let isAdmitted = byAddress.withLock { counts in
            let count = counts[address, default: 0]
            guard count < perAddress else { return false }
            counts[address] = count + 1
            return true
        }
        guard isAdmitted else {
            open.wrappingSubtract(1, ordering: .relaxed)
            return .overAddressLimit
        }
        return .admitted
    }

    func release(_ address: PeerAddress) {
        open.wrappingSubtract(1, ordering: .relaxed)
        if address.high == 0 && address.low == 0 { return }
        byAddress.withLock { counts in
            let count = counts[address, default: 1] - 1
            counts[address] = count > 0 ? count : nil
        }
    }
}
