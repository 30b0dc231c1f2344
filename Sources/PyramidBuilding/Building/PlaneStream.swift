// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TileModel

/// Halves one plane again and again while its rows arrive, and hands out the levels in bands of rows.
///
/// Memory is one band of each level that is wanted and one row of the others, whatever the plane's height.
/// Complexity: four thirds of the finest level's samples.
final class PlaneStream {
    /// Takes a finished band: the level's number, the band's, and its rows. Luma bands have one more column or row than
    /// the level where its size is odd, repeated from the edge: what an encoder of 4:2:0 reads.
    typealias Sink = (_ level: Int, _ index: Int, _ rows: Plane) throws(BuildError) -> Void

    private struct Level {
        let number: Int
        let size: GridSize
        /// Rows of a band; nil where the level is passed through only.
        let bandRows: Int?
        var band: Plane?
        var bandIndex = 0
        /// Rows that the band has.
        var filled = 0
        /// Rows that arrived.
        var arrived = 0
        /// Whether `waiting` holds a row without its partner.
        var hasWaiting = false
        let waiting = PlaneBuffer()
        let halved = PlaneBuffer()
    }

    /// The finest first.
    private var levels: [Level]
    private let roundsUp: Bool

    /// A stream that is fed with level `finest` of the pyramid. `bandRows` says for each level how many rows a band has,
    /// nil where none is wanted; `roundsUp` makes bands of even size.
    init(pyramid: Pyramid, finest: Int, roundsUp: Bool, bandRows: (Int) -> Int?) {
        self.roundsUp = roundsUp
        levels = (0...finest).reversed().map { number in
            Level(number: number, size: pyramid.size(ofLevel: number), bandRows: bandRows(number))
        }
        while levels.count > 1, levels.last?.bandRows == nil { levels.removeLast() }
    }

    /// Takes the next rows of the finest level. `keepsRows` says that they stay as they are: bands may be windows of
    /// them.
    func push(_ rows: Plane, keepsRows: Bool, sink: Sink) throws(BuildError) {
        try push(rows, at: 0, keepsRows: keepsRows, sink: sink)
    }

    private func push(_ rows: Plane, at index: Int, keepsRows: Bool, sink: Sink) throws(BuildError) {
        precondition(rows.width >= levels[index].size.width, "rows of another plane")
        levels[index].arrived += rows.height
        precondition(levels[index].arrived <= levels[index].size.height, "more rows than the level has")
        try cut(rows, at: index, keepsRows: keepsRows, sink: sink)
        if index + 1 < levels.count, let halved = halve(rows, at: index) {
            try push(halved, at: index + 1, keepsRows: false, sink: sink)
        }
    }

    /// Adds rows to bands, and hands those out that are full.
    private func cut(_ rows: Plane, at index: Int, keepsRows: Bool, sink: Sink) throws(BuildError) {
        guard let bandRows = levels[index].bandRows else { return }
        let size = levels[index].size
        var row = 0
        while row < rows.height {
            let wanted = min(bandRows, size.height - levels[index].bandIndex * bandRows)
            let needsCopy = roundsUp && (size.width % 2 == 1 || wanted % 2 == 1)
            if keepsRows, !needsCopy, levels[index].filled == 0, rows.height - row >= wanted {
                let band = rows.window(x: 0, y: row, width: size.width, height: wanted)
                try sink(levels[index].number, levels[index].bandIndex, band)
                levels[index].bandIndex += 1
                row += wanted
                continue
            }
            let band = levels[index].band ?? Self.band(size.width, wanted, roundsUp)
            let count = min(wanted - levels[index].filled, rows.height - row)
            band.window(x: 0, y: levels[index].filled, width: size.width, height: count)
                .copy(from: rows.window(x: 0, y: row, width: size.width, height: count))
            levels[index].filled += count
            row += count
            if levels[index].filled == wanted {
                band.replicateEdges(beyondWidth: size.width, height: wanted)
                levels[index].band = nil
                levels[index].filled = 0
                try sink(levels[index].number, levels[index].bandIndex, band)
                levels[index].bandIndex += 1
            } else {
                levels[index].band = band
            }
        }
    }

    /// A band's own memory: it outlives the stream's next steps.
    private static func band(_ width: Int, _ rows: Int, _ roundsUp: Bool) -> Plane {
        roundsUp ? Plane(width: (width + 1) & ~1, height: (rows + 1) & ~1) : Plane(width: width, height: rows)
    }

    /// The means of the pairs of rows that are complete; nil where there is none yet.
    private func halve(_ rows: Plane, at index: Int) -> Plane? {
        let size = levels[index].size
        let rows = rows.window(x: 0, y: 0, width: size.width, height: rows.height)
        let waiting = levels[index].waiting.plane(width: size.width, height: 1)
        let isLast = levels[index].arrived == size.height
        let available = rows.height + (levels[index].hasWaiting ? 1 : 0)
        let count = isLast ? (available + 1) / 2 : available / 2
        let target = levels[index].halved.plane(width: (size.width + 1) / 2, height: count)
        var next = 0
        for row in 0..<count {
            if row == 0, levels[index].hasWaiting {
                PlaneHalving.halve(waiting, row: 0, rows, row: 0, into: target, row: 0)
                next = 1
            } else {
                let lower = min(next + 1, rows.height - 1)
                PlaneHalving.halve(rows, row: next, rows, row: lower, into: target, row: row)
                next += 2
            }
        }
        levels[index].hasWaiting = next < rows.height
        if next < rows.height { waiting.copy(from: rows.window(x: 0, y: next, width: size.width, height: 1)) }
        return count > 0 ? target : nil
    }
}
