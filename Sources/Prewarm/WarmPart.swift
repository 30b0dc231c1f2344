// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// Which part of each tileset is wanted, and how people write it: the options of `orizuru prewarm`, the queries of the
/// admin listener.
package struct WarmPart: Equatable, Sendable {
    /// The levels; nil: all.
    package var levels: ClosedRange<Int>?
    /// Of slides: rectangles in pixels of the finest level; empty: all.
    package var pixels: [PixelRect] = []
    /// Of maps; nil: all.
    package var geography: GeographicRegion?

    package init() {}

    /// Whether everything is wanted.
    package var isWhole: Bool { levels == nil && pixels.isEmpty && geography == nil }

    /// What is wanted of a tileset, apart from levels; nil: all.
    package func region(kind: TilesetKind, pyramid: Pyramid) -> WarmRegion? {
        switch kind {
        case .slide: pixels.isEmpty ? nil : WarmRegion(pixels)
        case .map: geography?.region(in: pyramid)
        }
    }

    /// Levels as people write them: `9-12`, `9-`, `-12`, `9`; from 0 to 30, the finest that any pyramid of ours has.
    package static func levels(parsing text: String) -> ClosedRange<Int>? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: return level(parts[0]).map { $0...$0 }
        case 2:
            guard let first = parts[0].isEmpty ? 0 : level(parts[0]),
                let last = parts[1].isEmpty ? 30 : level(parts[1]),
                first <= last, text != "-"
            else { return nil }
            return first...last
        default: return nil
        }
    }

    private static func level(_ text: String) -> Int? { Int(text).flatMap { (0...30).contains($0) ? $0 : nil } }

    /// A box as people write it: `west,south,east,north` in degrees.
    package static func box(parsing text: String) -> GeographicRegion.Box? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Double($0) }
        guard parts.count == 4, numbers.count == 4 else { return nil }
        return GeographicRegion.Box(west: numbers[0], south: numbers[1], east: numbers[2], north: numbers[3])
    }

    /// A rectangle as people write it: `x,y,width,height` in whole pixels.
    package static func pixels(parsing text: String) -> PixelRect? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0) }.filter { (0...1 << 30).contains($0) }
        guard parts.count == 4, numbers.count == 4, numbers[2] > 0, numbers[3] > 0 else { return nil }
        return PixelRect(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
    }

    /// Adds a box to what is wanted of maps.
    package mutating func add(_ box: GeographicRegion.Box) {
        var region = geography ?? GeographicRegion()
        region.boxes.append(box)
        geography = region
    }
}
