// SPDX-License-Identifier: Apache-2.0

import TileModel

/// What a path asks for.
enum Route: Equatable {
    /// One tile of the tileset at an index of the catalog; `isDouble`: its `@2x` form.
    case tile(tileset: Int, TileCoordinate, TileFormat, padded: Bool, isDouble: Bool = false)
    /// The same without an extension: the Accept field says as what.
    case tileByAccept(tileset: Int, TileCoordinate, padded: Bool)
    /// `/dzi/{id}.dzi`
    case deepZoom(tileset: Int)
    /// `/viewer/{id}`
    case viewer(tileset: Int)
    /// `/compare/{left}/{right}`
    case comparison(left: Int, right: Int)
    /// `/tilejson/{id}.json`
    case tileJSON(tileset: Int)
    /// `/thumbnail/{id}.jpg`
    case thumbnail(tileset: Int)
    /// `/iiif/{id}`: the base URI, which leads to the description.
    case iiifBase(tileset: Int)
    /// `/iiif/{id}/info.json`
    case iiifInfo(tileset: Int)
    /// `/iiif/{id}/{region}/{size}/{rotation}/{quality}.{format}`: what the last four say is not looked at here.
    case iiifImage(tileset: Int)
    /// `/zoomify/{id}/ImageProperties.xml`
    case zoomify(tileset: Int)
    /// `/zoomify/{id}/TileGroup{n}/{tier}-{column}-{row}.jpg`
    case zoomifyTile(tileset: Int, tier: Int, column: Int, row: Int, TileFormat)
    /// `/wmts/1.0.0/WMTSCapabilities.xml`
    case wmtsCapabilities
    /// `/wmts?SERVICE=WMTS&...`
    case wmtsKeyValue
    /// `/assets/{name}`: a file that the pages load, by its index
    case asset(Int)
    case home
    case catalog
    case healthy
    case ready
    case metrics
    /// A path of a known form that names no tileset, or no tile by its form.
    case notFound
}

/// Paths to routes. Pure; no allocation unless a path is percent-encoded, which no URL that we hand out is.
///
/// A class, so that a look-up counts one reference and not one for each array of the tables.
final class Router: Sendable {
    /// The ids of tilesets, in the order of the catalog.
    let tilesets: NameTable
    /// The names of the files that pages load.
    let assets: NameTable
    /// Whether a name holds a percent sign: then no path may be taken as it came.
    private let hasEncodedNames: Bool

    init(tilesets: NameTable, assets: NameTable) {
        self.tilesets = tilesets
        self.assets = assets
        hasEncodedNames = tilesets.contains(UInt8(ascii: "%")) || assets.contains(UInt8(ascii: "%"))
    }

    /// Routes the path of a request, before its query.
    func route(_ path: Span<UInt8>) -> Route {
        // What a path names literally, no percent sign can be part of: so only what names nothing is looked at again.
        if !hasEncodedNames {
            let route = routeDecoded(path)
            guard case .notFound = route else { return route }
        }
        for index in 0..<path.count where path[index] == UInt8(ascii: "%") {
            guard let decoded = Self.percentDecoded(path) else { return .notFound }
            return routeDecoded(decoded.span)
        }
        return hasEncodedNames ? routeDecoded(path) : .notFound
    }

    private func routeDecoded(_ path: Span<UInt8>) -> Route {
        var cursor = PathCursor()
        guard let first = cursor.next(in: path) else { return .notFound }
        if PathPart.matches(path, first, "tiles") { return tileRoute(path, &cursor) }
        if PathPart.matches(path, first, "dzi") { return deepZoomRoute(path, &cursor) }
        if let route = singleRoute(path, first), cursor.isAtEnd(of: path) { return route }
        guard let second = cursor.next(in: path) else { return .notFound }
        if PathPart.matches(path, first, "iiif") { return iiifRoute(path, second, &cursor) }
        if PathPart.matches(path, first, "zoomify") { return zoomifyRoute(path, second, &cursor) }
        if PathPart.matches(path, first, "wmts") { return wmtsRoute(path, second, &cursor) }
        if PathPart.matches(path, first, "compare") { return comparisonRoute(path, second, &cursor) }
        guard cursor.isAtEnd(of: path) else { return .notFound }
        if PathPart.matches(path, first, "tilejson"), let tileset = tileset(path, second, before: ".json") {
            return .tileJSON(tileset: tileset)
        }
        if PathPart.matches(path, first, "thumbnail"), let tileset = tileset(path, second, before: ".jpg") {
            return .thumbnail(tileset: tileset)
        }
        if PathPart.matches(path, first, "viewer"), let tileset = tilesets.index(of: path, second) {
            return .viewer(tileset: tileset)
        }
        if PathPart.matches(path, first, "assets"), let asset = assets.index(of: path, second) {
            return .asset(asset)
        }
        return .notFound
    }

    private func singleRoute(_ path: Span<UInt8>, _ part: Range<Int>) -> Route? {
        if part.isEmpty { return .home }
        if PathPart.matches(path, part, "catalog.json") { return .catalog }
        if PathPart.matches(path, part, "wmts") { return .wmtsKeyValue }
        if PathPart.matches(path, part, "healthz") { return .healthy }
        if PathPart.matches(path, part, "readyz") { return .ready }
        if PathPart.matches(path, part, "metrics") { return .metrics }
        return nil
    }

    /// `/tiles/{id}/{level}/{x}/{y}.{ext}` (padded edges) and `/tiles/{id}/{level}/{x}_{y}.{ext}` (partial edges), both
    /// also without an extension.
    private func tileRoute(_ path: Span<UInt8>, _ cursor: inout PathCursor) -> Route {
        guard let id = cursor.next(in: path), let tileset = tilesets.index(of: path, id),
            let levelPart = cursor.next(in: path), let level = PathPart.number(path, levelPart),
            let third = cursor.next(in: path)
        else { return .notFound }
        guard let fourth = cursor.next(in: path) else {
            return pairRoute(path, third, tileset: tileset, level: level, needsExtension: false)
        }
        if cursor.isAtEnd(of: path), let x = PathPart.number(path, third), let y = PathPart.number(path, fourth) {
            return .tileByAccept(tileset: tileset, TileCoordinate(level: level, x: x, y: y), padded: true)
        }
        guard cursor.isAtEnd(of: path), let name = Self.split(path, fourth),
            let x = PathPart.number(path, third), let y = PathPart.number(path, name.stem)
        else { return .notFound }
        let tile = TileCoordinate(level: level, x: x, y: y)
        return .tile(tileset: tileset, tile, name.format, padded: true, isDouble: name.isDouble)
    }

    /// `/dzi/{id}.dzi` and `/dzi/{id}_files/{level}/{x}_{y}.{ext}`.
    private func deepZoomRoute(_ path: Span<UInt8>, _ cursor: inout PathCursor) -> Route {
        guard let name = cursor.next(in: path) else { return .notFound }
        if cursor.isAtEnd(of: path) {
            guard PathPart.hasSuffix(path, name, ".dzi"),
                let tileset = tilesets.index(of: path, name.lowerBound..<name.upperBound - 4)
            else { return .notFound }
            return .deepZoom(tileset: tileset)
        }
        guard PathPart.hasSuffix(path, name, "_files"),
            let tileset = tilesets.index(of: path, name.lowerBound..<name.upperBound - 6),
            let levelPart = cursor.next(in: path), let level = PathPart.number(path, levelPart),
            let pair = cursor.next(in: path), cursor.isAtEnd(of: path)
        else { return .notFound }
        return pairRoute(path, pair, tileset: tileset, level: level, needsExtension: true)
    }

    /// The tileset whose id stands in a segment before `suffix`.
    private func tileset(_ path: Span<UInt8>, _ part: Range<Int>, before suffix: StaticString) -> Int? {
        guard PathPart.hasSuffix(path, part, suffix) else { return nil }
        return tilesets.index(of: path, part.lowerBound..<part.upperBound - suffix.utf8CodeUnitCount)
    }

    /// What follows `/iiif/{id}`.
    private func iiifRoute(_ path: Span<UInt8>, _ id: Range<Int>, _ cursor: inout PathCursor) -> Route {
        guard let tileset = tilesets.index(of: path, id) else { return .notFound }
        guard let next = cursor.next(in: path) else { return .iiifBase(tileset: tileset) }
        if cursor.isAtEnd(of: path) {
            if next.isEmpty { return .iiifBase(tileset: tileset) }
            return PathPart.matches(path, next, "info.json") ? .iiifInfo(tileset: tileset) : .notFound
        }
        for _ in 0..<3 where cursor.next(in: path) == nil { return .notFound }
        return cursor.isAtEnd(of: path) ? .iiifImage(tileset: tileset) : .notFound
    }

    /// What follows `/compare/{left}`.
    private func comparisonRoute(_ path: Span<UInt8>, _ left: Range<Int>, _ cursor: inout PathCursor) -> Route {
        guard let left = tilesets.index(of: path, left), let second = cursor.next(in: path),
            let right = tilesets.index(of: path, second), cursor.isAtEnd(of: path)
        else { return .notFound }
        return .comparison(left: left, right: right)
    }

    /// What follows `/zoomify/{id}`.
    private func zoomifyRoute(_ path: Span<UInt8>, _ id: Range<Int>, _ cursor: inout PathCursor) -> Route {
        guard let tileset = tilesets.index(of: path, id), let next = cursor.next(in: path) else { return .notFound }
        guard let name = cursor.next(in: path) else {
            return PathPart.matches(path, next, "ImageProperties.xml") ? .zoomify(tileset: tileset) : .notFound
        }
        guard cursor.isAtEnd(of: path), PathPart.hasPrefix(path, next, "TileGroup"),
            PathPart.number(path, next.lowerBound + 9..<next.upperBound) != nil,
            let (stem, format, isDouble) = Self.split(path, name), !isDouble,
            let last = PathPart.lastIndex(of: UInt8(ascii: "-"), in: path, stem),
            let first = PathPart.lastIndex(of: UInt8(ascii: "-"), in: path, stem.lowerBound..<last),
            let tier = PathPart.number(path, stem.lowerBound..<first),
            let column = PathPart.number(path, first + 1..<last),
            let row = PathPart.number(path, last + 1..<stem.upperBound)
        else { return .notFound }
        return .zoomifyTile(tileset: tileset, tier: tier, column: column, row: row, format)
    }

    /// What follows `/wmts`: the capabilities, or `{id}/{TileMatrix}/{TileRow}/{TileCol}.{ext}`.
    private func wmtsRoute(_ path: Span<UInt8>, _ second: Range<Int>, _ cursor: inout PathCursor) -> Route {
        guard let third = cursor.next(in: path) else { return .notFound }
        guard let fourth = cursor.next(in: path) else {
            let isDocument =
                PathPart.matches(path, second, "1.0.0") && PathPart.matches(path, third, "WMTSCapabilities.xml")
            return isDocument ? .wmtsCapabilities : .notFound
        }
        guard let fifth = cursor.next(in: path), cursor.isAtEnd(of: path),
            let tileset = tilesets.index(of: path, second), let level = PathPart.number(path, third),
            let y = PathPart.number(path, fourth), let (stem, format, isDouble) = Self.split(path, fifth), !isDouble,
            let x = PathPart.number(path, stem)
        else { return .notFound }
        return .tile(tileset: tileset, TileCoordinate(level: level, x: x, y: y), format, padded: true)
    }

    /// The segments of a path as texts, decoded; none where it cannot be. For the few routes that look at them.
    static func segments(of path: Span<UInt8>) -> [String] {
        guard let bytes = percentDecoded(path) else { return [] }
        return bytes.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// `{x}_{y}.{ext}`, or `{x}_{y}`
    private func pairRoute(
        _ path: Span<UInt8>,
        _ pair: Range<Int>,
        tileset: Int,
        level: Int,
        needsExtension: Bool
    ) -> Route {
        let split = Self.split(path, pair)
        let stem = split?.stem ?? pair
        guard split != nil || !needsExtension,
            let underscore = PathPart.lastIndex(of: UInt8(ascii: "_"), in: path, stem),
            let x = PathPart.number(path, stem.lowerBound..<underscore),
            let y = PathPart.number(path, underscore + 1..<stem.upperBound)
        else { return .notFound }
        let tile = TileCoordinate(level: level, x: x, y: y)
        guard let split else { return .tileByAccept(tileset: tileset, tile, padded: false) }
        return .tile(tileset: tileset, tile, split.format, padded: false, isDouble: split.isDouble)
    }

    /// A file name's stem, the format that its extension names, and whether `@2x` stands between them.
    private static func split(
        _ path: Span<UInt8>,
        _ part: Range<Int>
    ) -> (stem: Range<Int>, format: TileFormat, isDouble: Bool)? {
        guard let dot = PathPart.lastIndex(of: UInt8(ascii: "."), in: path, part),
            let format = format(path, dot + 1..<part.upperBound)
        else { return nil }
        let stem = part.lowerBound..<dot
        let isDouble = PathPart.hasSuffix(path, stem, "@2x")
        return (isDouble ? stem.lowerBound..<dot - 3 : stem, format, isDouble)
    }

    private static func format(_ path: Span<UInt8>, _ ext: Range<Int>) -> TileFormat? {
        if PathPart.matches(path, ext, "jpg") || PathPart.matches(path, ext, "jpeg") { return .jpeg }
        if PathPart.matches(path, ext, "png") { return .png }
        if PathPart.matches(path, ext, "webp") { return .webp }
        if PathPart.matches(path, ext, "mvt") || PathPart.matches(path, ext, "pbf") { return .mvt }
        if PathPart.matches(path, ext, "mlt") { return .mlt }
        if PathPart.matches(path, ext, "avif") { return .avif }
        return nil
    }

    /// The path with its percent-encodings decoded, once; nil where one is malformed, stands for NUL or a slash, or
    /// where a segment is `..`. Source: RFC 3986 section 2.1; what is refused, because it would change the segments.
    static func percentDecoded(_ path: Span<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(path.count)
        var index = 0
        while index < path.count {
            if path[index] != UInt8(ascii: "%") {
                bytes.append(path[index])
                index += 1
                continue
            }
            guard index + 2 < path.count, let high = hexValue(path[index + 1]), let low = hexValue(path[index + 2])
            else { return nil }
            let byte = high << 4 | low
            guard byte != 0, byte != UInt8(ascii: "/") else { return nil }
            bytes.append(byte)
            index += 3
        }
        for segment in bytes.split(separator: UInt8(ascii: "/")) where segment.elementsEqual("..".utf8) { return nil }
        return bytes
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
