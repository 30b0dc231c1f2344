// SPDX-License-Identifier: Apache-2.0

/// What an error reply of the server means for us, by its first word.
package enum ErrorReply: Hashable, Sendable {
    /// -OOM: the server is full. Writes are refused, reads go on; the server is well.
    case full
    /// -READONLY, -MISCONF, -NOREPLICAS: this node takes no writes; reads go on. It may have become a replica.
    case readOnly
    /// -LOADING, -BUSY, -MASTERDOWN: nothing is served yet, or for a while.
    case notReady
    /// -CLUSTERDOWN: the cluster has nobody for this slot.
    case clusterDown
    /// -MOVED: another node serves the slot from now on.
    case moved(slot: Int, RedisPlace?)
    /// -ASK: another node has this key while the slot is on its way; ask there, once.
    case ask(RedisPlace?)
    /// -TRYAGAIN: the keys of one command are apart while their slot is on its way.
    case tryAgain
    /// -NOAUTH, -WRONGPASS, -NOPERM: the credentials do not suffice.
    case denied
    /// Anything else: not a server of the kind that we think it is.
    case unknown

    /// - Parameter node: who said it: a redirection without a host means the same host.
    package init(_ text: String, from node: RedisPlace) {
        let words = text.prefix(256).split(separator: " ", maxSplits: 3)
        switch words.first {
        case "OOM": self = .full
        case "READONLY", "MISCONF", "NOREPLICAS": self = .readOnly
        case "LOADING", "BUSY", "MASTERDOWN": self = .notReady
        case "CLUSTERDOWN": self = .clusterDown
        case "TRYAGAIN": self = .tryAgain
        case "NOAUTH", "WRONGPASS", "NOPERM": self = .denied
        case "MOVED", "ASK":
            guard words.count >= 3, let slot = Int(words[1]), (0..<ClusterSlot.count).contains(slot) else {
                self = .unknown
                return
            }
            let place = Self.place(words[2], node)
            self = words[0] == "MOVED" ? .moved(slot: slot, place) : .ask(place)
        default: self = .unknown
        }
    }

    /// `HOST:PORT`, where an IPv6 address stands without brackets, and `:PORT` is a port of the same host.
    private static func place(_ text: Substring, _ node: RedisPlace) -> RedisPlace? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        let host = text[..<colon]
        if !host.isEmpty { return .tcp(host: String(host), port: port) }
        guard case .tcp(let same, _) = node else { return nil }
        return .tcp(host: same, port: port)
    }

    /// Whether the server, or what we know of it, is at fault, so that the circuit breaker counts it.
    package var isFailure: Bool {
        switch self {
        case .full, .readOnly, .moved, .ask, .tryAgain: false
        case .notReady, .clusterDown, .denied, .unknown: true
        }
    }
}
