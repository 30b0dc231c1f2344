// SPDX-License-Identifier: Apache-2.0

import JSONText

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
        var lines = [
            "\(indent)\"title\": \(JSONOutput.string(title).text)",
            "\(indent)\"attribution\": \(JSONOutput.string(attribution).text)",
        ]
        if let micronsPerPixel { lines.append("\(indent)\"microns_per_pixel\": \(micronsPerPixel)") }
        return lines.joined(separator: ",\n")
    }
}
