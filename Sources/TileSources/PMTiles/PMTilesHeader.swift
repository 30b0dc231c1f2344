// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// The first 127 bytes of a PMTiles archive, checked against the length of the file. A value; no I/O.
///
/// Source: PMTiles 3 (facts in `docs/architecture.md`). All numbers are little-endian.
package struct PMTilesHeader: Hashable, Sendable {
    /// Why an archive is refused: a sentence about what is wrong with it.
    package struct Failure: Error, Hashable, Sendable {
        package let reason: String

        package init(reason: String) { self.reason = reason }
    }

    /// How a part is compressed, by its number in the format.
    package enum Compression: UInt8, Sendable, CaseIterable {
        case unknown, none, gzip, brotli, zstandard

        var name: String {
            switch self {
            case .unknown: "unknown"
            case .none: "none"
            case .gzip: "gzip"
            case .brotli: "brotli"
            case .zstandard: "zstd"
            }
        }
    }

    /// How long a header is, and with the root directory behind it at most.
    package static let byteCount = 127
    static let rootEnd = 16_384
    /// How long a root directory may be.
    package static let rootBytes = rootEnd - byteCount

    package var root: Range<Int>
    package var metadata: Range<Int>
    package var leaves: Range<Int>
    package var tiles: Range<Int>
    /// Counts that writers note; 0 where they do not know. Nothing depends on them.
    package var addressedTiles = 0
    package var entries = 0
    package var contents = 0
    package var isClustered = false
    package var internalCompression: Compression
    package var tileCompression: Compression
    /// What tiles are said to be; nil where that is left open.
    package var format: TileFormat?
    package var levels: ClosedRange<Int>
    package var bounds: GeographicBounds?
    package var center: MapCenter?

    package init(
        root: Range<Int>,
        metadata: Range<Int>,
        leaves: Range<Int>,
        tiles: Range<Int>,
        internalCompression: Compression,
        tileCompression: Compression,
        format: TileFormat?,
        levels: ClosedRange<Int>
    ) {
        self.root = root
        self.metadata = metadata
        self.leaves = leaves
        self.tiles = tiles
        self.internalCompression = internalCompression
        self.tileCompression = tileCompression
        self.format = format
        self.levels = levels
    }

    /// Reads the header of a file of `fileSize` bytes from its first bytes. Every section lies inside the file then.
    package init(parsing bytes: [UInt8], fileSize: Int) throws(Failure) {
        guard !bytes.isEmpty else { throw Failure(reason: "the file is empty") }
        guard bytes.count >= Self.byteCount, fileSize >= Self.byteCount else {
            throw Failure(reason: "\(fileSize) bytes are shorter than the header of \(Self.byteCount)")
        }
        guard bytes.starts(with: "PMTiles".utf8) else {
            throw Failure(reason: "it does not begin with \"PMTiles\": no PMTiles archive")
        }
        // Some archives of the format's first weeks carry the digit instead of the number; nothing else differs.
        guard bytes[7] == 3 || bytes[7] == UInt8(ascii: "3") else {
            throw Failure(reason: "PMTiles of version \(bytes[7]); only version 3 is read")
        }
        root = try Self.section("root directory", bytes, at: 8, fileSize)
        metadata = try Self.section("metadata", bytes, at: 24, fileSize)
        leaves = try Self.section("section of leaf directories", bytes, at: 40, fileSize)
        tiles = try Self.section("section of tiles", bytes, at: 56, fileSize)
        guard !root.isEmpty else { throw Failure(reason: "the root directory has no bytes") }
        guard root.upperBound <= Self.rootEnd else {
            throw Failure(
                reason: "the root directory ends at byte \(root.upperBound), beyond the first \(Self.rootEnd)"
            )
        }
        addressedTiles = Int(clamping: Self.little64(bytes, 72))
        entries = Int(clamping: Self.little64(bytes, 80))
        contents = Int(clamping: Self.little64(bytes, 88))
        isClustered = bytes[96] == 1
        internalCompression = try Self.compression(bytes[97], of: "directories")
        tileCompression = try Self.compression(bytes[98], of: "tiles")
        format = try Self.format(bytes[99])
        guard bytes[100] <= bytes[101], Int(bytes[101]) <= Pyramid.maxMapLevel else {
            throw Failure(
                reason: "levels \(bytes[100]) to \(bytes[101]) are no range within 0 to \(Pyramid.maxMapLevel)"
            )
        }
        levels = Int(bytes[100])...Int(bytes[101])
        bounds = GeographicBounds(
            west: Self.degrees(bytes, 102),
            south: Self.degrees(bytes, 106),
            east: Self.degrees(bytes, 110),
            north: Self.degrees(bytes, 114)
        )
        center = MapCenter(
            longitude: Self.degrees(bytes, 119),
            latitude: Self.degrees(bytes, 123),
            level: Int(bytes[118])
        )
    }

    /// The 127 bytes.
    package var bytes: [UInt8] {
        var bytes = Array("PMTiles".utf8) + [3]
        for section in [root, metadata, leaves, tiles] {
            Self.append(UInt64(section.lowerBound), to: &bytes)
            Self.append(UInt64(section.count), to: &bytes)
        }
        for count in [addressedTiles, entries, contents] { Self.append(UInt64(max(count, 0)), to: &bytes) }
        bytes += [isClustered ? 1 : 0, internalCompression.rawValue, tileCompression.rawValue, Self.number(of: format)]
        bytes += [UInt8(levels.lowerBound), UInt8(levels.upperBound)]
        let box: [Double] =
            bounds.map { [$0.west, $0.south, $0.east, $0.north] } ?? [-180, -85.0511287, 180, 85.0511287]
        for degrees in box { Self.append(degrees: degrees, to: &bytes) }
        bytes.append(UInt8(center?.level ?? levels.lowerBound))
        Self.append(degrees: center?.longitude ?? 0, to: &bytes)
        Self.append(degrees: center?.latitude ?? 0, to: &bytes)
        return bytes
    }

    // MARK: Fields

    private static func section(
        _ name: String,
        _ bytes: [UInt8],
        at place: Int,
        _ fileSize: Int
    ) throws(Failure) -> Range<Int> {
        let offset = little64(bytes, place)
        let count = little64(bytes, place + 8)
        // A section without bytes may stand anywhere: writers put zeros there.
        if count == 0 { return 0..<0 }
        let (end, overflows) = offset.addingReportingOverflow(count)
        guard !overflows, let start = Int(exactly: offset), let end = Int(exactly: end), end <= fileSize else {
            throw Failure(
                reason: "the \(name) (offset \(offset), \(count) bytes) lies outside the file of \(fileSize) bytes"
            )
        }
        return start..<end
    }

    private static func compression(_ number: UInt8, of part: String) throws(Failure) -> Compression {
        guard let compression = Compression(rawValue: number) else {
            throw Failure(reason: "the \(part) are compressed by the unknown method \(number)")
        }
        switch compression {
        case .unknown, .none, .gzip: return compression
        case .brotli, .zstandard:
            throw Failure(
                reason: "the \(part) are compressed by \(compression.name), which is not read; write them with gzip"
            )
        }
    }

    private static let formats: [(number: UInt8, format: TileFormat)] = [
        (1, .mvt), (2, .png), (3, .jpeg), (4, .webp), (5, .avif), (6, .mlt),
    ]

    private static func format(_ number: UInt8) throws(Failure) -> TileFormat? {
        if number == 0 { return nil }
        guard let known = formats.first(where: { $0.number == number }) else {
            throw Failure(reason: "tiles of the unknown type \(number)")
        }
        return known.format
    }

    private static func number(of format: TileFormat?) -> UInt8 {
        formats.first { $0.format == format }?.number ?? 0
    }

    private static func little64(_ bytes: [UInt8], _ place: Int) -> UInt64 {
        bytes[place..<place + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * shift))) }
    }

    private static func degrees(_ bytes: [UInt8], _ place: Int) -> Double {
        let bits = bytes[place..<place + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        return Double(Int32(bitPattern: bits)) / 1e7
    }

    private static func append(degrees: Double, to bytes: inout [UInt8]) {
        let bits = UInt32(bitPattern: Int32(clamping: Int((degrees * 1e7).rounded())))
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(8 * shift))) }
    }
}
