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
            var listed = try source.tileNumbers(ofLevel: level)
            if listed == nil {
                guard Self.canList(pyramid) else {
                    throw .unsupported(
                        path: source.info.title,
                        reason: "more than \(Self.limit) tiles cannot be put in order"
                    )
                }
                listed = Self.grid(pyramid, level)
            }
            let numbers = listed ?? []
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

    /// Whether all levels together have no more tiles than are put in order, before any is.
    private static func canList(_ pyramid: Pyramid) -> Bool {
        var rest = limit
        for level in pyramid.levels {
            let area = pyramid.grid(ofLevel: level).area
            guard area <= rest else { return false }
            rest -= area
        }
        return true
    }

    private static func grid(_ pyramid: Pyramid, _ level: Int) -> [Int] {
        let grid = pyramid.grid(ofLevel: level)
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
