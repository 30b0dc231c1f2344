// SPDX-License-Identifier: Apache-2.0

import TileDescriptions
import TileModel

/// A tileset in the list of the catalog page: what it looks like, what it is called, and how large it is.
enum CatalogCard {
    static func markup(_ summary: TilesetSummary) -> String {
        let picture = summary.previewPath.map { path in
            "<img src=\"\(markupEscaped(path))\" alt=\"\" loading=\"lazy\" decoding=\"async\">"
        }
        return "<li class=\"\(summary.kind.rawValue)\"><a href=\"\(markupEscaped(summary.viewerPath))\">"
            + "<span class=\"thumbnail\">\(picture ?? "")</span><strong>\(markupEscaped(summary.title))</strong>"
            + "<span class=\"facts\">\(markupEscaped(facts(summary)))</span></a></li>"
    }

    /// Kind, size, and the resolution where it is known. Lines break between facts alone.
    static func facts(_ summary: TilesetSummary) -> String {
        let pyramid = summary.pyramid
        var facts = [summary.kind.rawValue]
        switch summary.kind {
        case .map:
            let (first, last) = (pyramid.minLevel, pyramid.maxLevel)
            facts += [first == last ? "zoom \(first)" : "zoom \(first)–\(last)", "\(pyramid.tileSize) px tiles"]
        case .slide:
            facts.append("\(pyramid.size.width) × \(pyramid.size.height) px")
            if let microns = summary.micronsPerPixel, microns > 0 {
                let width = millimetres(Double(pyramid.size.width) * microns)
                let height = millimetres(Double(pyramid.size.height) * microns)
                facts += ["\(decimal(microns, places: 4)) µm/px", "\(width) × \(height) mm"]
            }
        }
        facts.append(summary.format.fileExtensions[0])
        return facts.map { $0.replacing(" ", with: "\u{A0}") }.joined(separator: "\u{A0}· ")
    }

    private static func millimetres(_ microns: Double) -> String { decimal(microns / 1000, places: 2) }

    /// A number with at most so many places behind the point, and no zeros at its end.
    static func decimal(_ value: Double, places: Int) -> String {
        var unit = 1
        for _ in 0..<places { unit *= 10 }
        guard let scaled = Int(exactly: (value * Double(unit)).rounded()) else { return String(value) }
        var digits = String(scaled % unit + unit).dropFirst()
        while digits.last == "0" { digits = digits.dropLast() }
        return digits.isEmpty ? String(scaled / unit) : "\(scaled / unit).\(digits)"
    }
}
