// SPDX-License-Identifier: Apache-2.0

/// What a tile's bytes are.
public enum TileFormat: UInt8, Sendable, Hashable, CaseIterable {
    case jpeg = 1
    case png = 2
    case webp = 3

    /// The media type, as IANA registers it.
    package var mediaType: StaticString {
        switch self {
        case .jpeg: "image/jpeg"
        case .png: "image/png"
        case .webp: "image/webp"
        }
    }

    /// The extensions that name it in URLs and file names, the preferred one first.
    package var fileExtensions: [String] {
        switch self {
        case .jpeg: ["jpg", "jpeg"]
        case .png: ["png"]
        case .webp: ["webp"]
        }
    }

    /// The format that an extension names (lower case, without a dot).
    package init?(fileExtension: some StringProtocol) {
        guard let format = Self.allCases.first(where: { $0.fileExtensions.contains(String(fileExtension)) }) else {
            return nil
        }
        self = format
    }

    /// The format that the first bytes of a file show, whatever its name says. Nil where none of ours.
    package init?(sniffing bytes: some Collection<UInt8>) {
        let head = Array(bytes.prefix(12))
        if head.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if head.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if head.count == 12, head[0..<4].elementsEqual("RIFF".utf8), head[8..<12].elementsEqual("WEBP".utf8) {
            self = .webp
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

    /// A form; not padded unless said.
    @inlinable
    public init(format: TileFormat, isPadded: Bool = false) {
        self.format = format
        self.isPadded = isPadded
    }

    /// 8 bits: the format in the low four, the flags above.
    @inlinable
    package var bits: UInt8 { format.rawValue | (isPadded ? 0x10 : 0) }
}
