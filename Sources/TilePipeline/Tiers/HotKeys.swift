// SPDX-License-Identifier: Apache-2.0

import TileModel

/// Which tiles people looked at, the hottest first, as it is kept for the next process. A value.
///
/// In a file: u64 magic, u32 editions, u32 tiles; for each edition two u64; for each tile u32 edition, u32 form, u64 place; at
/// the end a u64 hash of all that. Little-endian. What is damaged or of another version is no list.
struct HotKeys: Hashable, Sendable {
    var keys: [TierKey]

    /// "ORZHOT" and version 1.
    private static let magic: UInt64 = 0x0001_544F_485A_524F
    private static let headByteCount = 16
    static let keyByteCount = 16
    private static let editionByteCount = 16

    init(_ keys: [TierKey]) { self.keys = keys }

    func encoded() -> [UInt8] {
        var editions: [TileEdition: UInt32] = [:]
        var names: [TileEdition] = []
        for key in keys where editions[key.edition] == nil {
            editions[key.edition] = UInt32(clamping: names.count)
            names.append(key.edition)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            Self.headByteCount + names.count * Self.editionByteCount + keys.count * Self.keyByteCount + 8
        )
        bytes.append(Self.magic)
        bytes.append(UInt32(clamping: names.count))
        bytes.append(UInt32(clamping: keys.count))
        for edition in names {
            bytes.append(edition.high)
            bytes.append(edition.low)
        }
        for key in keys {
            bytes.append(editions[key.edition] ?? 0)
            bytes.append(UInt32(truncatingIfNeeded: key.form))
            bytes.append(key.place)
        }
        bytes.append(Self.hash(bytes[...]))
        return bytes
    }

    /// Nil where the bytes are no whole list.
    init?(decoding bytes: [UInt8]) {
        var rest = bytes[...]
        guard bytes.count >= Self.headByteCount + 8, Self.hash(bytes.dropLast(8)) == bytes.suffix(8).word(UInt64.self),
            rest.take(UInt64.self) == Self.magic, let editionCount = rest.take(UInt32.self),
            let keyCount = rest.take(UInt32.self),
            Int(editionCount) * Self.editionByteCount + Int(keyCount) * Self.keyByteCount + 8 == rest.count
        else { return nil }
        var editions: [TileEdition] = []
        for _ in 0..<editionCount {
            guard let high = rest.take(UInt64.self), let low = rest.take(UInt64.self) else { return nil }
            editions.append(TileEdition(high: high, low: low))
        }
        keys = []
        keys.reserveCapacity(Int(keyCount))
        for _ in 0..<keyCount {
            guard let edition = rest.take(UInt32.self), let form = rest.take(UInt32.self),
                let place = rest.take(UInt64.self), Int(edition) < editions.count,
                let key = TierKey(edition: editions[Int(edition)], form: UInt64(form), place: place)
            else { return nil }
            keys.append(key)
        }
    }

    private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var hash = StableHash()
        hash.combine(bytes)
        return hash.value
    }
}

extension [UInt8] {
    fileprivate mutating func append<Word: FixedWidthInteger>(_ word: Word) {
        for shift in stride(from: 0, to: Word.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: word >> Word(shift)))
        }
    }
}

extension ArraySlice<UInt8> {
    /// The bytes as one little-endian word; the slice is as long as it.
    fileprivate func word<Word: FixedWidthInteger>(_: Word.Type) -> Word {
        reversed().reduce(0) { $0 << 8 | Word($1) }
    }

    /// Takes a word from the front; nil where there is none.
    fileprivate mutating func take<Word: FixedWidthInteger>(_ type: Word.Type) -> Word? {
        let size = Word.bitWidth / 8
        guard count >= size else { return nil }
        defer { removeFirst(size) }
        return prefix(size).word(type)
    }
}
