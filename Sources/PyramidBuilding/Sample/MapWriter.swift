// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import JSONText
import TileModel

/// Writes a map as a folder of PNG tiles, `{z}/{x}/{y}.png`, rows from the top, with a metadata.json beside them.
struct MapWriter {
    /// Writes the levels into the folder `prefix` (with its slash) of one that is being made. `progress` counts tiles.
    func write(
        _ map: WorldMapPicture,
        levels: ClosedRange<Int>,
        in prefix: String,
        of output: OutputFolder,
        description: BuildDescription,
        progress: BuildProgress = { _, _ in }
    ) throws(BuildError) {
        let total = levels.reduce(0) { $0 + 1 << (2 * $1) }
        var done = 0
        for level in levels {
            for x in 0..<(1 << level) {
                try output.makeFolder("\(prefix)\(level)/\(x)")
                for y in 0..<(1 << level) {
                    let tile = TileCoordinate(level: level, x: x, y: y)
                    try output.write("\(prefix)\(level)/\(x)/\(y).png", try png(of: map, tile))
                    done += 1
                    progress(done, total)
                }
            }
        }
        try output.write(
            "\(prefix)metadata.json",
            """
            {
              "name": \(JSONOutput.string(description.title).text),
              "attribution": \(JSONOutput(description.attribution).text),
              "format": "png",
              "scheme": "xyz",
              "minzoom": \(levels.lowerBound),
              "maxzoom": \(levels.upperBound),
              "bounds": [-180, -85.0511, 180, 85.0511]
            }

            """
        )
    }

    private func png(of map: WorldMapPicture, _ tile: TileCoordinate) throws(BuildError) -> [UInt8] {
        do {
            return try PNGCodec.encode(map.render(tile), content: .flat)
        } catch {
            throw .notEncoded(tile, reason: error.description)
        }
    }
}
