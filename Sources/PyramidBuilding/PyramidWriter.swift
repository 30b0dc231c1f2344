// SPDX-License-Identifier: Apache-2.0

package import FamilyRendering
package import ImageCodecs
import TileModel

/// How far a build has come: units done and units in all. Called on the building thread.
package typealias BuildProgress = (_ done: Int, _ total: Int) -> Void

/// Qualities of what is written.
package struct BuildQuality: Sendable {
    /// JPEG quality of stored tiles, 1...100.
    package var tiles = 95
    /// Chroma of stored tiles: full where residuals are predicted from them, for a child's colour is all its parent's.
    package var subsampling = ChromaSubsampling.full
    package var residuals = ResidualEncoder.Qualities.standard

    package init() {}
}

/// What a tileset says about itself.
package struct BuildDescription: Sendable {
    package var title: String
    package var attribution: String
    package var micronsPerPixel: Double?

    package init(title: String, attribution: String, micronsPerPixel: Double? = nil) {
        self.title = title
        self.attribution = attribution
        self.micronsPerPixel = micronsPerPixel
    }

    /// The members of a JSON object, for summary.json.
    func json(indent: String = "  ") -> String {
        var lines = ["\(indent)\"title\": \(quoted(title))", "\(indent)\"attribution\": \(quoted(attribution))"]
        if let micronsPerPixel { lines.append("\(indent)\"microns_per_pixel\": \(micronsPerPixel)") }
        return lines.joined(separator: ",\n")
    }
}

/// Text as a JSON string.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case ..<" ":
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

/// The bytes of a .dzi file.
func deepZoomDocument(_ pyramid: Pyramid, format: String) -> String {
    """
    <?xml version="1.0" encoding="UTF-8"?>
    <Image xmlns="http://schemas.microsoft.com/deepzoom/2008"
      Format="\(format)"
      Overlap="\(pyramid.overlap)"
      TileSize="\(pyramid.tileSize)">
      <Size Width="\(pyramid.size.width)" Height="\(pyramid.size.height)"/>
    </Image>

    """
}
