// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TileModel

/// Reads a picture that can be asked for any of its parts by rows.
final class DrawnRows<Drawing: Picture>: RowSource {
    let width: Int
    let height: Int
    let subsampling = ChromaSubsampling.full
    let keepsRows = false
    private let drawing: Drawing
    private var next = 0

    init(_ drawing: Drawing) {
        self.drawing = drawing
        width = drawing.size.width
        height = drawing.size.height
    }

    func read(_ count: Int) throws(CodecError) -> PlanarPicture {
        let rows = min(count, height - next)
        precondition(rows > 0, "reading behind the last row")
        defer { next += rows }
        return PlanarPicture(drawing.render(PixelRect(x: 0, y: next, width: width, height: rows)))
    }
}
