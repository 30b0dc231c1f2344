// SPDX-License-Identifier: Apache-2.0

package import JSONText
import TileModel

/// The document `/iiif/{id}/info.json` of a slide. Source: IIIF Image API 3.0, section 5.
package enum IIIFDocument {
    /// The most pixels that one answer may have: what bounds the memory and the time that a client can ask for.
    package static let maxArea = 4096 * 4096

    package static let context = "http://iiif.io/api/image/3/context.json"

    /// - Parameter base: what absolute URLs begin with, such as `https://slides.example.org`.
    package static func json(of tileset: TilesetSummary, base: String) -> JSONOutput {
        let pyramid = tileset.pyramid
        // Levels of less than a tile show nothing that a viewer would ask for.
        let coarsest = pyramid.levels.last { pyramid.grid(ofLevel: $0).area == 1 } ?? pyramid.minLevel
        let finestFirst = (coarsest...pyramid.maxLevel).reversed()
        let whole = finestFirst.map { pyramid.size(ofLevel: $0) }.filter { $0.area <= maxArea }
        var members: [(String, JSONOutput)] = [
            ("@context", .string(context)),
            ("id", .string("\(base)/iiif/\(tileset.id)")),
            ("type", .string("ImageService3")),
            ("protocol", .string("http://iiif.io/api/image")),
            ("profile", .string("level1")),
            ("width", .integer(pyramid.size.width)),
            ("height", .integer(pyramid.size.height)),
            ("maxArea", .integer(maxArea)),
            (
                "sizes",
                .array(
                    whole.reversed().map { .object([("width", .integer($0.width)), ("height", .integer($0.height))]) }
                )
            ),
            (
                "tiles",
                .array([
                    .object([
                        ("width", .integer(pyramid.tileSize)),
                        // Always: without it OpenLayers 10 distorts the picture.
                        ("height", .integer(pyramid.tileSize)),
                        ("scaleFactors", .array(finestFirst.map { .integer(1 << (pyramid.maxLevel - $0)) })),
                    ])
                ])
            ),
            ("preferredFormats", strings(["jpg"])),
            ("extraFormats", strings(["png"])),
            ("extraQualities", strings(["color", "gray", "bitonal"])),
            // All of level 2 but sizeByConfinedWh: a box that is larger than the region is refused, not filled in part.
            ("extraFeatures", strings(["mirroring", "regionByPct", "rotationBy90s", "sizeByPct", "sizeByWh"])),
        ]
        if let attribution = tileset.attribution { members.append(("attribution", .string(attribution))) }
        return .object(members)
    }

    private static func strings(_ values: [String]) -> JSONOutput { .array(values.map(JSONOutput.string)) }
}
