// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
import TileModel
package import TileSources

/// Reads the finest level of a tileset by rows: one row of tiles is decoded at a time. A tile that does not exist is
/// white; one that is damaged is an error.
package final class TilesetRows: RowSource {
    package let width: Int
    package let height: Int
    package let subsampling = ChromaSubsampling.full
    package let keepsRows = false
    private let decoder: TileDecoder
    private let buffers = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]
    private var next = 0
    /// The row of tiles that the buffers hold.
    private var tileRow = -1

    package init(_ source: any TileSource) {
        decoder = TileDecoder(source)
        width = source.info.pyramid.size.width
        height = source.info.pyramid.size.height
    }

    package func read(_ count: Int) throws(CodecError) -> PlanarPicture {
        precondition(next < height, "reading behind the last row")
        let tileSize = decoder.source.info.pyramid.tileSize
        // Even, as long as there are more rows: chunks end where a row of tiles does.
        let row = next / tileSize
        let last = min((row + 1) * tileSize, height)
        if row != tileRow {
            do {
                try load(row, rows: last - row * tileSize)
            } catch {
                throw .unreadable(reason: error.description)
            }
        }
        let rows = min(count, last - next)
        let planes = buffers.map { buffer in
            buffer.plane(width: width, height: last - row * tileSize)
                .window(x: 0, y: next - row * tileSize, width: width, height: rows)
        }
        next += rows
        return PlanarPicture(luma: planes[0], chroma: (planes[1], planes[2]))
    }

    private func load(_ row: Int, rows: Int) throws(BuildError) {
        let pyramid = decoder.source.info.pyramid
        let planes = buffers.map { $0.plane(width: width, height: rows) }
        for x in 0..<pyramid.grid(ofLevel: pyramid.maxLevel).width {
            let tile = TileCoordinate(level: pyramid.maxLevel, x: x, y: row)
            let rect = pyramid.rect(of: tile, overlapping: false)
            let targets = planes.map { $0.window(x: rect.x, y: 0, width: rect.width, height: rect.height) }
            guard let picture = try decoder.decode(tile) else {
                for (plane, white) in zip(targets, [255, 128, 128] as [UInt8]) { plane.fill(white) }
                continue
            }
            targets[0].copy(from: picture.luma)
            if let chroma = picture.chroma {
                targets[1].copy(from: chroma.blue)
                targets[2].copy(from: chroma.red)
            } else {
                for plane in targets[1...] { plane.fill(128) }
            }
        }
        tileRow = row
    }
}
