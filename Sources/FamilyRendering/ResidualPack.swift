// SPDX-License-Identifier: Apache-2.0

import CPlatform
internal import TileModel

/// The residuals of one family in one file: u32 uncompressed size, then an LZ4 block that holds a header, an index and
/// the residual JPEGs. Little-endian. See `docs/architecture.md` for the reference's format and for the kinds of entry
/// that are ours: readers pass over kinds that they do not know.
package enum ResidualPack {
    /// The largest uncompressed size that is accepted: 20 residuals of the largest tile at a byte and a half a pixel
    /// would be more, but no writer comes near; it bounds a worker's memory.
    package static let maxUncompressedBytes = 64 << 20
    /// The size prefix and the shortest LZ4 block.
    package static let minFileBytes = 5
    static let headerBytes = 24
    static let entryBytes = 16

    /// What an entry is.
    package enum Kind {
        /// A grandchild's residual.
        package static let grandchild: UInt8 = 0
        /// A child's residual.
        package static let child: UInt8 = 1
        /// The chroma weights of members 1...20, blue and red of each, a signed byte each; index 0.
        package static let chromaWeights: UInt8 = 0xC0
        /// A child's chroma residual: a gray JPEG of Cb's differences above Cr's; the index is the child's.
        package static let chromaResidual: UInt8 = 0xC1
        /// The CRC-32C of all bytes of the uncompressed pack before the four of this entry, which are its last; index 0.
        package static let checksum: UInt8 = 0xFF
    }

    /// The bytes of an entry of chroma weights.
    static let weightBytes = 40

    /// One entry of the index.
    package struct Entry: Hashable, Sendable {
        /// 1 a child, 0 a grandchild; others are extensions that this version does not know.
        package let kind: UInt8
        /// The place within the family, row by row: 0...3 for children, 0...15 for grandchildren.
        package let index: UInt8
        /// Where the bytes lie in the uncompressed pack; inside it.
        package let range: Range<Int>

        /// The family's member number, or nil for a kind that is not known. An index beyond the kind's is an error.
        package func member() throws(PackError) -> Int? {
            switch (kind, index) {
            case (1, 0..<4): 1 + Int(index)
            case (0, 0..<16): 5 + Int(index)
            case (0, _), (1, _): throw .outOfBounds(what: "index \(index) of a residual pack entry of kind \(kind)")
            default: nil
            }
        }

        /// The child, 1...4, whose chroma residual this is; nil for other kinds.
        func chromaChild() throws(PackError) -> Int? {
            guard kind == Kind.chromaResidual else { return nil }
            guard index < 4 else { throw .outOfBounds(what: "index \(index) of a chroma residual") }
            return 1 + Int(index)
        }
    }

    /// Compares an uncompressed pack with its checksum. Returns whether it has one; throws where it does not hold.
    @discardableResult
    package static func verifyChecksum(of pack: UnsafeRawBufferPointer) throws(PackError) -> Bool {
        var place: Range<Int>?
        try unsafe forEachEntry(of: pack) { entry throws(PackError) in
            if entry.kind == Kind.checksum { place = entry.range }
        }
        guard let place else { return false }
        guard place.count == 4, place.upperBound == pack.count else {
            throw .outOfBounds(what: "the checksum of a residual pack, which is not its last four bytes,")
        }
        // SAFETY: four bytes from the place's start are the pack's last.
        let stored = unsafe LittleEndian.u32(pack, place.lowerBound)
        let computed = unsafe platform_crc32c(0, pack.baseAddress, place.lowerBound)
        guard stored == computed else { throw .wrongChecksum(stored: stored, computed: computed) }
        return true
    }

    /// The uncompressed size that a pack file declares, checked against what is acceptable and plausible.
    package static func uncompressedSize(of file: UnsafeRawBufferPointer) throws(PackError) -> Int {
        guard file.count >= minFileBytes else {
            throw .truncated(what: "residual pack", needed: minFileBytes, available: file.count)
        }
        let declared = Int(unsafe LittleEndian.u32(file, 0))
        let compressed = file.count - 4
        guard declared >= headerBytes, declared <= maxUncompressedBytes,
            declared <= compressed * LZ4Block.maxExpansion
        else { throw .implausibleSize(declared: declared, compressed: compressed) }
        return declared
    }

    /// Decompresses a pack file into `target`, which must have exactly the size of `uncompressedSize`.
    package static func decompress(
        _ file: UnsafeRawBufferPointer,
        into target: UnsafeMutableRawBufferPointer
    ) throws(PackError) {
        guard file.count >= minFileBytes else {
            throw .truncated(what: "residual pack", needed: minFileBytes, available: file.count)
        }
        try unsafe LZ4Block.decompress(UnsafeRawBufferPointer(rebasing: file[4...]), into: target)
    }

    /// Calls `body` with each entry of an uncompressed pack, in the order of the index. Entries without bytes are left
    /// out. Complexity: O(entries), of which there are at most a sixteenth of the bytes.
    package static func forEachEntry(
        of pack: UnsafeRawBufferPointer,
        _ body: (Entry) throws(PackError) -> Void
    ) throws(PackError) {
        guard pack.count >= headerBytes else {
            throw .truncated(what: "residual pack", needed: headerBytes, available: pack.count)
        }
        // SAFETY: every read below is inside the bytes: the header by the guard above, entries by the one below.
        let magic = unsafe LittleEndian.u32(pack, 0)
        guard magic == LittleEndian.magic("ORIG") || magic == LittleEndian.magic("RRIP") else {
            throw .wrongMagic(what: "residual pack")
        }
        let version = Int(unsafe LittleEndian.u16(pack, 4))
        guard version == 1 else { throw .unknownVersion(what: "residual pack", version: version) }
        let count = Int(unsafe LittleEndian.u32(pack, 8))
        let indexOffset = Int(unsafe LittleEndian.u32(pack, 12))
        let dataOffset = Int(unsafe LittleEndian.u32(pack, 16))
        // As many as there are kinds and members: more can only be meant to cost time.
        guard count <= 65_536 else { throw .outOfBounds(what: "the count of entries of a residual pack (\(count))") }
        // 32-bit numbers in 64-bit sums: nothing below can overflow.
        guard indexOffset >= headerBytes, indexOffset + count * entryBytes <= pack.count else {
            throw .outOfBounds(what: "the index of a residual pack (\(count) entries at \(indexOffset))")
        }
        guard dataOffset >= indexOffset + count * entryBytes, dataOffset <= pack.count else {
            throw .outOfBounds(what: "the data offset \(dataOffset) of a residual pack")
        }
        for number in 0..<count {
            let at = indexOffset + number * entryBytes
            let start = dataOffset + Int(unsafe LittleEndian.u32(pack, at + 4))
            let length = Int(unsafe LittleEndian.u32(pack, at + 8))
            guard start <= pack.count, length <= pack.count - start else {
                throw .outOfBounds(what: "entry \(number) of a residual pack (\(length) bytes at \(start))")
            }
            if length == 0 { continue }
            try body(Entry(kind: unsafe pack[at], index: unsafe pack[at + 1], range: start..<(start + length)))
        }
    }
}
