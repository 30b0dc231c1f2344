// SPDX-License-Identifier: Apache-2.0

package import TileModel
package import TileSources

/// All places of a tileset in the order of an export: level by level, each along its Hilbert curve, so that numbers
/// ascend, as PMTiles wants them, and the tiles of a family come together. The same at every run over the same source.
///
/// Takes eight bytes a tile.
package struct ExportOrder: Sendable {
    private let levels: [[Int]]
    /// Where each level begins.
    private let starts: [Int]
    /// How many places there are.
    package let count: Int

    /// Asks a source what it has; a source that cannot say has every tile of its pyramid.
    package init(of source: any TileSource) throws(SourceError) {
        let pyramid = source.info.pyramid
        var levels: [[Int]] = []
        var starts: [Int] = []
        var count = 0
        for level in pyramid.levels {
            guard let numbers = try source.tileNumbers(ofLevel: level) ?? Self.grid(pyramid, level, besides: count)
            else {
                throw .unsupported(
                    path: source.info.title,
                    reason: "more than \(Self.limit) tiles cannot be put in order"
                )
            }
            starts.append(count)
            levels.append(numbers.sorted())
            count += numbers.count
        }
        self.levels = levels
        self.starts = starts
        self.count = count
    }

    /// Two gibibytes of numbers, of tiles that nobody listed.
    private static let limit = 1 << 28

    private static func grid(_ pyramid: Pyramid, _ level: Int, besides others: Int) -> [Int]? {
        let grid = pyramid.grid(ofLevel: level)
        guard grid.area <= limit - min(others, limit) else { return nil }
        var numbers: [Int] = []
        numbers.reserveCapacity(grid.area)
        for y in 0..<grid.height {
            for x in 0..<grid.width { numbers.append(TileCoordinate(level: level, x: x, y: y).hilbertIdentifier) }
        }
        return numbers
    }

    /// The place at an index, which is below `count`.
    package subscript(index: Int) -> TileCoordinate {
        let level = starts.lastIndex { $0 <= index } ?? 0
        // Levels without tiles begin where the next one does; the last of them is the one that has it.
        guard let tile = TileCoordinate(hilbertIdentifier: levels[level][index - starts[level]]) else {
            preconditionFailure("no tile at \(index)")
        }
        return tile
    }
}
