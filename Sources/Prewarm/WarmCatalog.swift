// SPDX-License-Identifier: Apache-2.0

internal import JSONText
package import TileModel

/// A tileset as a server's `/catalog.json` describes it, checked.
package struct WarmTileset: Equatable, Sendable {
    package let id: String
    package let kind: TilesetKind
    package let pyramid: Pyramid
    /// The level of the parents of families that are rendered; nil where each tile is stored as it is.
    package let familyLevel: Int?
    /// How many levels of stored tiles one request warms: 3 where the server knows groups, else 1.
    package let warmLevels: Int
    package let template: TileURLTemplate

    /// The walk over its tiles.
    package func walk(_ part: WarmPart, after position: TileCoordinate? = nil) -> FamilyWalk {
        FamilyWalk(
            pyramid: pyramid,
            familyLevel: familyLevel,
            levels: part.levels,
            isGrouped: warmLevels == 3,
            region: part.region(kind: kind, pyramid: pyramid),
            after: position
        )
    }
}

/// A path with places for level, column and row: `/tiles/a/{level}/{x}_{y}.jpg?v=1`.
package struct TileURLTemplate: Equatable, Sendable, CustomStringConvertible {
    private let text: String

    /// As the catalog has it.
    package var description: String { text }

    /// Nil where it does not begin with a slash, lacks one of the three places or holds what no request line may.
    package init?(_ text: String) {
        guard text.hasPrefix("/"), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), text.utf8.count <= 4096,
            ["{level}", "{x}", "{y}"].allSatisfy({ text.contains($0) })
        else { return nil }
        self.text = text
    }

    /// The path of one tile.
    package func path(of tile: TileCoordinate) -> String {
        var path = ""
        var rest = text[...]
        while let brace = rest.firstIndex(of: "{") {
            path += rest[..<brace]
            rest = rest[brace...]
            if let value = Self.take("{level}", from: &rest, tile.level) ?? Self.take("{x}", from: &rest, tile.x)
                ?? Self.take("{y}", from: &rest, tile.y)
            {
                path += value
            } else {
                path.append(rest.removeFirst())
            }
        }
        return path + rest
    }

    private static func take(_ place: String, from rest: inout Substring, _ value: Int) -> String? {
        guard rest.hasPrefix(place) else { return nil }
        rest = rest.dropFirst(place.count)
        return String(value)
    }
}

/// Reads the catalog of a server.
package enum WarmCatalog {
    /// Where a server answers it.
    package static let path = "/catalog.json"
    /// The longest catalog that is read: some 100,000 tilesets.
    package static let maxBytes = 64 << 20

    /// The tilesets of a catalog, in its order.
    ///
    /// - Parameter url: where it came from, for messages.
    package static func read(_ bytes: [UInt8], url: String) throws(PrewarmError) -> [WarmTileset] {
        let root: JSONNode
        do throws(JSONError) {
            root = try JSONReader.read(bytes, dialect: .json)
        } catch {
            throw .catalogInvalid(url: url, reason: error.description)
        }
        guard let entries = root["tilesets"]?.array else {
            throw .catalogInvalid(url: url, reason: "it has no list \"tilesets\"")
        }
        var tilesets: [WarmTileset] = []
        for (index, entry) in entries.enumerated() {
            do throws(EntryFault) {
                tilesets.append(try tileset(entry))
            } catch {
                let id = entry["id"]?.string.map { "\"\(PrewarmError.printable($0))\"" } ?? "number \(index + 1)"
                throw .catalogInvalid(url: url, reason: "tileset \(id): \(error.reason)")
            }
        }
        return tilesets
    }

    private struct EntryFault: Error {
        let reason: String
    }

    private static func tileset(_ entry: JSONNode) throws(EntryFault) -> WarmTileset {
        guard let id = entry["id"]?.string, !id.isEmpty else {
            throw EntryFault(reason: "\"id\" is missing or no text")
        }
        guard let kind = entry["kind"]?.string.flatMap(TilesetKind.init(rawValue:)) else {
            throw EntryFault(reason: "\"kind\" is neither \"slide\" nor \"map\"")
        }
        guard let template = entry["tiles"]?.string.flatMap(TileURLTemplate.init) else {
            throw EntryFault(reason: "\"tiles\" is no path with {level}, {x} and {y}")
        }
        let familyLevel: Int?
        switch entry["familyTop"]?.value {
        case nil, .null: familyLevel = nil
        case .integer(let level): familyLevel = level
        default: throw EntryFault(reason: "\"familyTop\" is neither null nor a level")
        }
        let pyramid = try pyramid(entry, kind)
        if let familyLevel, familyLevel < pyramid.minLevel || familyLevel > pyramid.maxLevel - 2 {
            throw EntryFault(reason: "\"familyTop\" \(familyLevel) leaves no two levels below it in \(pyramid.levels)")
        }
        return WarmTileset(
            id: id,
            kind: kind,
            pyramid: pyramid,
            familyLevel: familyLevel,
            warmLevels: entry["warmLevels"]?.integer == 3 ? 3 : 1,
            template: template
        )
    }

    private static func pyramid(_ entry: JSONNode, _ kind: TilesetKind) throws(EntryFault) -> Pyramid {
        func number(_ name: String) throws(EntryFault) -> Int {
            guard let number = entry[name]?.integer else { throw EntryFault(reason: "\"\(name)\" is no whole number") }
            return number
        }
        let tileSize = try number("tileSize")
        let minLevel = try number("minLevel")
        let maxLevel = try number("maxLevel")
        guard minLevel <= maxLevel else {
            throw EntryFault(reason: "minLevel \(minLevel) exceeds maxLevel \(maxLevel)")
        }
        switch kind {
        case .map:
            guard let pyramid = Pyramid(mapTileSize: tileSize, levels: minLevel...maxLevel) else {
                throw EntryFault(reason: "tileSize \(tileSize) or levels \(minLevel)-\(maxLevel) are out of bounds")
            }
            return pyramid
        case .slide:
            let size = GridSize(width: try number("width"), height: try number("height"))
            let overlap = entry["overlap"] == nil ? 0 : try number("overlap")
            guard let pyramid = Pyramid(deepZoom: size, tileSize: tileSize, overlap: overlap) else {
                throw EntryFault(reason: "size \(size), tileSize \(tileSize) or overlap \(overlap) are out of bounds")
            }
            guard pyramid.levels == minLevel...maxLevel else {
                throw EntryFault(reason: "levels \(minLevel)-\(maxLevel) do not fit size \(size): \(pyramid.levels)")
            }
            return pyramid
        }
    }
}
