// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TileDescriptions
import TileModel

/// Writes a plain Deep Zoom pyramid of JPEG tiles: `{name}.dzi` and `{name}_files/{level}/{column}_{row}.jpg`.
struct DeepZoomWriter {
    let quality: BuildQuality
    private let encoder = JPEGEncoder()

    init(quality: BuildQuality) { self.quality = quality }

    /// Writes the pyramid `name` into a folder that is being made. `progress` counts rows of tiles.
    func write(
        _ picture: some Picture,
        name: String,
        tileSize: Int,
        overlap: Int,
        into output: OutputFolder,
        progress: BuildProgress = { _, _ in }
    ) throws(BuildError) {
        guard let pyramid = Pyramid(deepZoom: picture.size, tileSize: tileSize, overlap: overlap) else {
            throw .unsuitable(size: picture.size, reason: "not a size that Deep Zoom can have")
        }
        for level in pyramid.levels { try output.makeFolder("\(name)_files/\(level)") }
        var cutter = TileCutter(pyramid: pyramid, finest: pyramid.maxLevel, cutting: pyramid.levels)
        let bands = pyramid.grid(ofLevel: pyramid.maxLevel).height
        for band in 0..<bands {
            let top = band * tileSize
            let rect = PixelRect(
                x: 0,
                y: top,
                width: picture.size.width,
                height: min(tileSize, picture.size.height - top)
            )
            try cutter.push(picture.render(rect)) { (tile, image) throws(BuildError) in
                try output.write(
                    "\(name)_files/\(tile.level)/\(tile.x)_\(tile.y).jpg",
                    try encoder.encode(image, as: tile, quality: quality)
                )
            }
            progress(band + 1, bands)
        }
        try output.write("\(name).dzi", DeepZoomDocument.text(pyramid: pyramid, format: .jpeg))
    }
}
