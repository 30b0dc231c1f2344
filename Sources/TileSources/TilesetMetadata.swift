// SPDX-License-Identifier: Apache-2.0

package import JSONText
package import TileModel

/// What small files beside the tiles say for people: names, sources, scale. All optional; a file that cannot be read
/// or understood says nothing, because no tile depends on it.
package struct TilesetMetadata: Hashable, Sendable {
    package var title: String?
    package var attribution: String?
    package var micronsPerPixel: Double?
    package var objectivePower: Double?
    package var vendor: String?
    package var bounds: GeographicBounds?
    package var center: MapCenter?
    package var details: String?
    package var vectorLayers: [VectorLayer] = []

    /// The longest text that is taken over: it goes into every catalog.
    private static let maxText = 1000

    /// From a slide's summary.json: `title`, `attribution`, `microns_per_pixel`, `objective_power`, `vendor` (the
    /// rest is its maker's affair).
    /// From a map's metadata.json or TileJSON: `name`, `attribution`, `bounds`, `center`, `description`,
    /// `vector_layers` (also inside `json`, as MBTiles has them).
    package init(json bytes: [UInt8]) {
        self.init((try? JSONReader.read(bytes, dialect: .json)) ?? JSONNode(value: .null, line: 1, column: 1))
    }

    /// From members of those names.
    package init(_ document: JSONNode) {
        title = Self.text(document["title"] ?? document["name"])
        attribution = Self.text(document["attribution"])
        micronsPerPixel = Self.scale((document["microns_per_pixel"] ?? document["mpp"])?.double)
        objectivePower = Self.power(document["objective_power"]?.double)
        vendor = Self.text(document["vendor"])
        if let box = document["bounds"]?.doubles, box.count == 4 {
            bounds = GeographicBounds(west: box[0], south: box[1], east: box[2], north: box[3])
        }
        if let place = document["center"]?.doubles, place.count == 3, let level = Int(exactly: place[2].rounded()) {
            center = MapCenter(longitude: place[0], latitude: place[1], level: level)
        }
        details = Self.text(document["description"])
        var layers = document["vector_layers"]
        if layers == nil, let nested = document["json"]?.string {
            layers = (try? JSONReader.read(Array(nested.utf8), dialect: .json))?["vector_layers"]
        }
        vectorLayers = Self.vectorLayers(layers)
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

    /// From a tilemapresource.xml beside a tile that is there: title, abstract, bounds.
    init(_ resource: TileMapResource, around tile: TileCoordinate) {
        title = Self.text(resource.title)
        details = Self.text(resource.details)
        bounds = resource.bounds(around: tile)
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
    package func apply(to info: inout TilesetInfo) {
        info.attribution = attribution
        info.micronsPerPixel = micronsPerPixel
        info.objectivePower = objectivePower
        info.vendor = vendor
        info.bounds = bounds
        info.center = center
        info.details = details
        info.vectorLayers = info.format.isRaster ? [] : vectorLayers
    }

    /// Takes over what is not said here.
    mutating func merge(_ other: TilesetMetadata) {
        title = title ?? other.title
        attribution = attribution ?? other.attribution
        micronsPerPixel = micronsPerPixel ?? other.micronsPerPixel
        objectivePower = objectivePower ?? other.objectivePower
        vendor = vendor ?? other.vendor
        bounds = bounds ?? other.bounds
        center = center ?? other.center
        details = details ?? other.details
        if vectorLayers.isEmpty { vectorLayers = other.vectorLayers }
    }

    /// The most layers, and fields of a layer, that are taken over.
    private static let maxVectorLayers = 1000

    private static func vectorLayers(_ node: JSONNode?) -> [VectorLayer] {
        (node?.array ?? []).prefix(maxVectorLayers).compactMap { layer in
            guard let id = text(layer["id"]) else { return nil }
            var fields: [VectorLayer.Field] = []
            if case .object(let members) = layer["fields"]?.value {
                fields = members.prefix(maxVectorLayers).map {
                    VectorLayer.Field(name: $0.name, type: text($0.node) ?? "")
                }
            }
            return VectorLayer(
                id: id,
                fields: fields,
                description: text(layer["description"]),
                minLevel: level(layer["minzoom"]),
                maxLevel: level(layer["maxzoom"])
            )
        }
    }

    private static func level(_ node: JSONNode?) -> Int? {
        guard let level = node?.double.flatMap(Int.init(exactly:)), (0...Pyramid.maxMapLevel).contains(level) else {
            return nil
        }
        return level
    }

    private static func text(_ value: JSONNode?) -> String? { text(value?.string) }

    private static func text(_ text: String?) -> String? {
        guard let text, !text.isEmpty, text.utf8.count <= maxText else { return nil }
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
