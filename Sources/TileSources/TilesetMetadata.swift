// SPDX-License-Identifier: Apache-2.0

import JSONText
import TileModel

/// What small files beside the tiles say for people: names, sources, scale. All optional; a file that cannot be read
/// or understood says nothing, because no tile depends on it.
struct TilesetMetadata: Hashable {
    var title: String?
    var attribution: String?
    var micronsPerPixel: Double?
    var objectivePower: Double?
    var vendor: String?
    var bounds: GeographicBounds?

    /// The longest text that is taken over: it goes into every catalog.
    private static let maxText = 1000

    /// From a slide's summary.json: `title`, `attribution`, `microns_per_pixel`, `objective_power`, `vendor` (the
    /// rest is its maker's affair).
    /// From a map's metadata.json or TileJSON: `name`, `attribution`, `bounds`.
    init(json bytes: [UInt8]) {
        guard let document = try? JSONReader.read(bytes, dialect: .json) else { return }
        title = Self.text(document["title"] ?? document["name"])
        attribution = Self.text(document["attribution"])
        micronsPerPixel = Self.scale((document["microns_per_pixel"] ?? document["mpp"])?.double)
        objectivePower = Self.power(document["objective_power"]?.double)
        vendor = Self.text(document["vendor"])
        if let box = document["bounds"]?.doubles, box.count == 4 {
            bounds = GeographicBounds(west: box[0], south: box[1], east: box[2], north: box[3])
        }
    }

    /// From the vips-properties.xml that `vips dzsave` writes: the scale that OpenSlide found (`openslide.mpp-x`), the
    /// objective and the vendor.
    init(vipsProperties bytes: [UInt8]) {
        var reader = XMLReader(bytes)
        var path: [String] = []
        var name = ""
        while let event = try? reader.next() {
            switch event {
            case .start(let element): path.append(element.name)
            case .end: _ = path.popLast()
            case .text(let text):
                if path.last == "name" { name = text }
                if path.last == "value", name == "openslide.mpp-x" || name == "aperio.MPP" && micronsPerPixel == nil {
                    micronsPerPixel = Self.scale(Double(text))
                }
                if path.last == "value", name == "openslide.objective-power" {
                    objectivePower = Self.power(Double(text))
                }
                if path.last == "value", name == "openslide.vendor", !text.isEmpty, text.utf8.count <= Self.maxText {
                    vendor = text
                }
            }
        }
    }

    /// Reads the named files of a folder that exist; what an earlier one says wins.
    init(folder: String, json names: [String], vipsProperties path: String? = nil) {
        for name in names {
            guard let bytes = try? OpenFile.contents(of: "\(folder)/\(name)", limit: Limits.metadataBytes) else {
                continue
            }
            merge(TilesetMetadata(json: bytes))
        }
        if micronsPerPixel == nil || objectivePower == nil || vendor == nil, let path,
            let bytes = try? OpenFile.contents(of: path, limit: Limits.metadataBytes)
        {
            merge(TilesetMetadata(vipsProperties: bytes))
        }
    }

    /// Sets what is said here on `info`.
    func apply(to info: inout TilesetInfo) {
        info.attribution = attribution
        info.micronsPerPixel = micronsPerPixel
        info.objectivePower = objectivePower
        info.vendor = vendor
        info.bounds = bounds
    }

    private mutating func merge(_ other: TilesetMetadata) {
        title = title ?? other.title
        attribution = attribution ?? other.attribution
        micronsPerPixel = micronsPerPixel ?? other.micronsPerPixel
        objectivePower = objectivePower ?? other.objectivePower
        vendor = vendor ?? other.vendor
        bounds = bounds ?? other.bounds
    }

    private static func text(_ value: JSONNode?) -> String? {
        guard let text = value?.string, !text.isEmpty, text.utf8.count <= maxText else { return nil }
        return text
    }

    /// No objective magnifies by less than a tenth or by more than a thousand.
    private static func power(_ value: Double?) -> Double? {
        guard let value, (0.1...1000).contains(value) else { return nil }
        return value
    }

    /// From a nanometre to a millimetre: outside it is a mistake of units.
    private static func scale(_ value: Double?) -> Double? {
        guard let value, (0.001...1000).contains(value) else { return nil }
        return value
    }
}
