// SPDX-License-Identifier: Apache-2.0

import JSONText

/// What a tileset says about itself: `summary.json` of a slide.
package struct BuildDescription: Hashable, Sendable {
    package var title: String
    package var attribution: String?
    package var micronsPerPixel: Double?
    /// The magnification of the objective.
    package var objectivePower: Double?
    /// Whose scanner or format the slide was of.
    package var vendor: String?

    package init(title: String, attribution: String? = nil, micronsPerPixel: Double? = nil) {
        self.title = title
        self.attribution = attribution
        self.micronsPerPixel = micronsPerPixel
    }

    /// The members of a JSON object, for summary.json.
    func json(indent: String = "  ") -> String {
        var lines = ["\(indent)\"title\": \(JSONOutput.string(title).text)"]
        if let attribution { lines.append("\(indent)\"attribution\": \(JSONOutput.string(attribution).text)") }
        if let micronsPerPixel { lines.append("\(indent)\"microns_per_pixel\": \(JSONOutput(micronsPerPixel).text)") }
        if let objectivePower { lines.append("\(indent)\"objective_power\": \(JSONOutput(objectivePower).text)") }
        if let vendor { lines.append("\(indent)\"vendor\": \(JSONOutput.string(vendor).text)") }
        return lines.joined(separator: ",\n")
    }
}
