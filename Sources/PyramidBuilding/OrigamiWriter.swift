// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TileDescriptions
import TileModel

/// Writes a slide in the ORIGAMI form: the Deep Zoom pyramid up to the level of parents, and one pack of residuals
/// for each family below it.
///
/// The picture is asked for one family's part at a time, row by row of families; kept are the parents of one such row
/// and what the coarser levels have not cut yet. Peak memory is about twelve bytes for each pixel of a row of parents.
package struct OrigamiWriter {
    private let quality: BuildQuality
    private let encoder = JPEGEncoder()
    private let residualEncoder: ResidualEncoder

    package init(quality: BuildQuality = BuildQuality()) {
        self.quality = quality
        residualEncoder = ResidualEncoder(qualities: quality.residuals)
    }

    /// Writes the slide as the folder `path`, which appears when it is complete. `progress` counts families.
    package func write(
        _ picture: some Picture,
        to path: String,
        description: BuildDescription,
        tileSize: Int = 256,
        replaces: Bool = false,
        progress: BuildProgress = { _, _ in }
    ) throws(BuildError) {
        let output = try OutputFolder(path, replaces: replaces)
        try write(picture, in: "", of: output, description: description, tileSize: tileSize, progress: progress)
        try output.finish()
    }

    /// Writes the slide into the folder `prefix` (with its slash, or empty) of one that is being made.
    func write(
        _ picture: some Picture,
        in prefix: String,
        of output: OutputFolder,
        description: BuildDescription,
        tileSize: Int,
        progress: BuildProgress
    ) throws(BuildError) {
        guard let pyramid = Pyramid(deepZoom: picture.size, tileSize: tileSize, overlap: 0), pyramid.maxLevel >= 2
        else { throw .unsuitable(size: picture.size, reason: "an ORIGAMI slide has at least three levels") }
        let parentLevel = pyramid.maxLevel - 2
        for level in 0...parentLevel { try output.makeFolder("\(prefix)baseline_pyramid_files/\(level)") }
        // Readers take the finest level from the folders' names, and version control keeps no empty folder.
        for level in (parentLevel + 1)...pyramid.maxLevel {
            try output.makeFolder("\(prefix)baseline_pyramid_files/\(level)")
            try output.write("\(prefix)baseline_pyramid_files/\(level)/.keep", [])
        }
        try output.makeFolder("\(prefix)residual_packs")
        var cutter = TileCutter(pyramid: pyramid, finest: parentLevel, cutting: 0...max(parentLevel - 1, 0))
        let grid = pyramid.grid(ofLevel: parentLevel)
        for row in 0..<grid.height {
            var band: RasterImage?
            for column in 0..<grid.width {
                let tile = TileCoordinate(level: parentLevel, x: column, y: row)
                let family = Family(parent: tile, in: pyramid)
                let grandchildren = picture.render(rect(of: family, in: pyramid))
                let children = grandchildren.halved()
                let parent = children.halved()
                try write(family, pyramid, parent, children, grandchildren, prefix, output)
                if band == nil {
                    let width = pyramid.size(ofLevel: parentLevel).width
                    band = RasterImage(width: width, height: parent.height, filledWith: [0, 0, 0])
                }
                band?.place(parent, atColumn: column * tileSize)
                progress(row * grid.width + column + 1, grid.area)
            }
            guard let band else { continue }
            try cutter.push(band) { (tile, image) throws(BuildError) in
                // A pyramid of three levels has no level above its parents.
                guard tile.level < parentLevel else { return }
                try output.write(
                    "\(prefix)baseline_pyramid_files/\(tile.level)/\(tile.x)_\(tile.y).jpg",
                    try encoder.encode(image, as: tile, quality: quality)
                )
            }
        }
        try output.write("\(prefix)baseline_pyramid.dzi", DeepZoomDocument.text(pyramid: pyramid, format: .jpeg))
        try output.write("\(prefix)summary.json", "{\n\(description.json()),\n  \"tile_size\": \(tileSize)\n}\n")
    }

    private func write(
        _ family: Family,
        _ pyramid: Pyramid,
        _ parent: RasterImage,
        _ children: RasterImage,
        _ grandchildren: RasterImage,
        _ prefix: String,
        _ output: OutputFolder
    ) throws(BuildError) {
        let tile = family.parent
        let jpeg = try encoder.encode(parent, as: tile, quality: quality)
        try output.write("\(prefix)baseline_pyramid_files/\(tile.level)/\(tile.x)_\(tile.y).jpg", jpeg)
        let pack: [UInt8]
        do {
            pack = try residualEncoder.encode(
                family: family,
                pyramid: pyramid,
                parent: jpeg,
                children: children,
                grandchildren: grandchildren
            ).file()
        } catch {
            throw .notEncoded(tile, reason: "\(error)")
        }
        try output.write("\(prefix)residual_packs/\(tile.x)_\(tile.y).pack", pack)
    }

    /// The pixels of the finest level that a family covers.
    private func rect(of family: Family, in pyramid: Pyramid) -> PixelRect {
        let side = pyramid.tileSize * 4
        let x = family.parent.x * side
        let y = family.parent.y * side
        return PixelRect(
            x: x,
            y: y,
            width: min(side, pyramid.size.width - x),
            height: min(side, pyramid.size.height - y)
        )
    }
}

extension RasterImage {
    /// Copies a picture of the same height into this one.
    fileprivate mutating func place(_ part: RasterImage, atColumn column: Int) {
        precondition(part.height == height && column + part.width <= width, "a part of another size")
        for row in 0..<height {
            let start = row * stride + column * channels
            pixels.replaceSubrange(
                start..<(start + part.stride),
                with: part.pixels[(row * part.stride)..<((row + 1) * part.stride)]
            )
        }
    }
}
