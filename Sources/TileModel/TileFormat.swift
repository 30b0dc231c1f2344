// SPDX-License-Identifier: Apache-2.0

/// What a tile's bytes are.
public enum TileFormat: UInt8, Sendable, Hashable, CaseIterable {
    case jpeg = 1
    case png = 2
    case webp = 3
    case avif = 4
    /// Mapbox Vector Tiles.
    case mvt = 5
    /// MapLibre Tiles.
    case mlt = 6

    /// Whether it holds pixels; otherwise geometry.
    public var isRaster: Bool { rawValue <= Self.avif.rawValue }

    /// The media type: as IANA registers it; of MLT, which is not registered yet, as its specification proposes it.
    package var mediaType: StaticString {
        switch self {
        case .jpeg: "image/jpeg"
        case .png: "image/png"
        case .webp: "image/webp"
        case .avif: "image/avif"
        case .mvt: "application/vnd.mapbox-vector-tile"
        case .mlt: "application/vnd.maplibre-vector-tile"
        }
    }

    /// The extensions that name it in URLs and file names, the preferred one first.
    package var fileExtensions: [String] {
        switch self {
        case .jpeg: ["jpg", "jpeg"]
        case .png: ["png"]
        case .webp: ["webp"]
        case .avif: ["avif"]
        case .mvt: ["mvt", "pbf"]
        case .mlt: ["mlt"]
        }
    }

    /// The format that an extension names (lower case, without a dot).
    package init?(fileExtension: some StringProtocol) {
        guard let format = Self.allCases.first(where: { $0.fileExtensions.contains(String(fileExtension)) }) else {
            return nil
        }
        self = format
    }

    /// The raster format that the first bytes of a file show, whatever its name says. Nil where none of ours; vector
    /// tiles begin with nothing that tells them.
    package init?(sniffing bytes: some Collection<UInt8>) {
        let head = Array(bytes.prefix(12))
        if head.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if head.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if head.count == 12, head[0..<4].elementsEqual("RIFF".utf8), head[8..<12].elementsEqual("WEBP".utf8) {
            self = .webp
        } else if head.count == 12, head[4..<12].elementsEqual("ftypavif".utf8) {
            self = .avif
        } else {
            return nil
        }
    }
}

/// Which of the forms of one tile is meant.
public struct TileVariant: Hashable, Sendable {
    /// What its bytes are.
    public let format: TileFormat
    /// Padded to the full tile size (the XYZ form); only for tiles that are partial, so that one tile has one key.
    public let isPadded: Bool
    /// The `@2x` form: the same place at twice the pixels in each direction.
    public let isDouble: Bool
    /// Inflated for a client that refuses gzip; only for tilesets whose tiles are stored compressed.
    public let isInflated: Bool

    /// A form; the plain one unless said.
    @inlinable
    public init(format: TileFormat, isPadded: Bool = false, isDouble: Bool = false, isInflated: Bool = false) {
        self.format = format
        self.isPadded = isPadded
        self.isDouble = isDouble
        self.isInflated = isInflated
    }

    /// The form of a byte that `bits` gave; nil where it names no format.
    package init?(bits: UInt8) {
        guard let format = TileFormat(rawValue: bits & 0x0F) else { return nil }
        self.init(
            format: format,
            isPadded: bits & 0x10 != 0,
            isDouble: bits & 0x20 != 0,
            isInflated: bits & 0x40 != 0
        )
    }

    /// 8 bits: the format in the low four, the flags above.
    @inlinable
    package var bits: UInt8 {
        format.rawValue | (isPadded ? 0x10 : 0) | (isDouble ? 0x20 : 0) | (isInflated ? 0x40 : 0)
    }
}
