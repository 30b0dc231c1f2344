// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import LockFree
package import TileModel

/// The sample tilesets: pictures that never existed, made by arithmetic, free of anybody's rights.
package enum Sample {
    /// The slide of the package's own `tiles-sample`: no multiple of a tile, let alone of four, in either direction.
    package static let size = GridSize(width: 2900, height: 2150)

    fileprivate static let attribution = "Drawn by orizuru sample; CC0 1.0"
    fileprivate static let smallSize = GridSize(width: 700, height: 517)
    fileprivate static let mapLevels = 0...4
}

/// Writes the sample tilesets into a new folder `path`: an ORIGAMI slide of `size` pixels with packs, a small plain
/// Deep Zoom pyramid, a world map as PNG tiles, and a README.md on how they are made.
///
/// The same bytes every time and everywhere with the same libjpeg and zlib. The folder appears when all of it is
/// written. `progress` counts tiles of the slide, then of the map, out of both together. Memory is bounded by some rows
/// of families of the slide, not by its height.
package func writeSample(
    to path: String,
    size: GridSize = Sample.size,
    replaces: Bool = false,
    progress: BuildProgress = { _, _ in }
) throws(BuildError) {
    try writeSample(to: path, size: size, mapLevels: Sample.mapLevels, replaces: replaces, progress: progress)
}

/// The same with fewer levels of the map, for tests.
func writeSample(
    to path: String,
    size: GridSize,
    mapLevels: ClosedRange<Int>,
    replaces: Bool = false,
    progress: BuildProgress = { _, _ in }
) throws(BuildError) {
    guard let pyramid = Pyramid(deepZoom: size, tileSize: 256, overlap: 0), pyramid.maxLevel >= 2 else {
        throw .unsuitable(size: size, reason: "a sample slide has 3 to \(Pyramid.maxSide) pixels a side")
    }
    let mapTiles = mapLevels.reduce(0) { $0 + 1 << (2 * $1) }
    let total = pyramid.tileCount + mapTiles
    let output = try OutputFolder(path, replaces: replaces)

    var options = BuildOptions(
        description: BuildDescription(
            title: "Tissue that never was (\(size))",
            attribution: Sample.attribution,
            micronsPerPixel: TissuePicture.micronsPerPixel
        )
    )
    options.threads = OSThread.processorCount
    _ = try PyramidBuild.build(
        DrawnRows(TissuePicture(size: size)),
        identity: 0,
        options: options,
        to: output.path("tissue")
    ) { status in
        progress(status.done, total)
        return true
    }

    var quality = BuildQuality()
    quality.tiles = 88
    quality.subsampling = .quarter
    try DeepZoomWriter(quality: quality).write(
        TissuePicture(size: Sample.smallSize, seed: 2),
        name: "small-tissue",
        tileSize: 254,
        overlap: 1,
        into: output
    )

    try output.makeFolder("world")
    try MapWriter().write(
        WorldMapPicture(),
        levels: mapLevels,
        in: "world/",
        of: output,
        description: BuildDescription(title: "A world that never was", attribution: Sample.attribution),
        progress: { done, _ in progress(pyramid.tileCount + done, total) }
    )
    try output.write("README.md", readme(size: size))
    try output.finish()
}

private func readme(size: GridSize) -> String {
    """
    # Sample tilesets

    Written by `orizuru sample\(size == Sample.size ? "" : " --size \(size)") tiles-sample`. Everything here is drawn by arithmetic: no scan, no map data, no
    photograph. Dedicated to the public domain (CC0 1.0).

    | tileset | form | what it is |
    |---|---|---|
    | `tissue/` | ORIGAMI slide, \(size) pixels, 256-pixel tiles, residuals in packs | a section of gut-like tissue in haematoxylin and eosin colours: glands, vessels, muscle, some thousands of nuclei |
    | `small-tissue.dzi` | plain Deep Zoom, \(Sample.smallSize) pixels, 254-pixel tiles, overlap 1 | another section, small |
    | `world/` | XYZ folder of PNG tiles, z \(Sample.mapLevels.lowerBound) to \(Sample.mapLevels.upperBound) | a map of an imaginary world in Web Mercator |

    ## How it is made
    - The pictures are functions of place and a seed, in arithmetic that is the same on every machine (IEEE additions,
      multiplications and integer hashes; no mathematics library). Any part can be drawn alone, so a slide of any size
      is written in bounded memory: `orizuru sample --size 16384x16384 DIR`.
    - `tissue`: coarser levels are means of two by two pixels. Levels up to the parents (the finest but two) are JPEG
      files of quality 95, 4:4:4. The two finest levels are kept as residuals only: children at quality 60,
      grandchildren at 40, one pack for each family. The size is no multiple of four tiles in either direction, as with
      real slides. The folders of the two finest levels hold an empty `.keep`: readers count levels by folders.
    - The bytes depend on the versions of libjpeg-turbo and zlib, the pictures do not.

    """
}
