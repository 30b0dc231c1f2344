// SPDX-License-Identifier: Apache-2.0

/// Where an answer came from. The raw values are the `layer` labels of metrics and the details of Cache-Status.
public enum TileTier: UInt8, Sendable, CaseIterable {
    /// Memory, asked for more than once.
    case hot
    /// Memory, rendered or fetched and not yet asked for again.
    case warm
    /// The disk tier.
    case disk
    /// The Redis-compatible tier.
    case shared
    /// Rendered, or read from the source, for this request.
    case render
    /// No tile: an error, a 304, a document.
    case none

    /// The label.
    package var label: StaticString {
        switch self {
        case .hot: "hot"
        case .warm: "warm"
        case .disk: "disk"
        case .shared: "shared"
        case .render: "render"
        case .none: "none"
        }
    }
}
