// SPDX-License-Identifier: Apache-2.0

/// Whether a JPEG brings the tables that its first scan needs.
///
/// libjpeg keeps tables from one picture to the next, so a stream without its own would be decoded by whatever the
/// last one left: pixels that depend on the order of calls. A decoder starts afresh for such a stream.
/// Source: ITU-T T.81, annex B.
enum JPEGTables {
    /// False also where the markers make no sense. Complexity: O(markers before the first scan), none of whose bodies
    /// are read but those of tables and headers.
    static func areComplete(in bytes: UnsafeRawBufferPointer) -> Bool {
        var quantisation: UInt16 = 0
        var huffman: UInt16 = 0
        var needed: UInt16 = 0
        var isHuffman = true
        var isProgressive = false
        var segments = unsafe JPEGSegments(of: bytes)
        while let (marker, body) = unsafe segments.next() {
            switch marker {
            case 0xDB: quantisation |= unsafe quantisationTables(body)
            case 0xC4: huffman |= unsafe huffmanTables(body)
            case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
                isHuffman = marker < 0xC8
                isProgressive = marker & 3 == 2
                guard body.count >= 6 else { return false }
                for component in unsafe 0..<Int(body[5]) {
                    guard 8 + 3 * component < body.count else { return false }
                    needed |= unsafe 1 << UInt16(body[8 + 3 * component] & 15)
                }
            case 0xDA:
                guard needed & ~quantisation == 0 else { return false }
                return unsafe !isHuffman || scan(body, isProgressive, huffman)
            default: break
            }
        }
        return false
    }

    /// The numbers that a DQT defines, as bits.
    private static func quantisationTables(_ body: UnsafeRawBufferPointer) -> UInt16 {
        var defined: UInt16 = 0
        var at = 0
        while at < body.count {
            // SAFETY: at < count.
            let byte = unsafe body[at]
            at += byte >> 4 == 0 ? 65 : 129
            if at <= body.count { defined |= 1 << UInt16(byte & 15) }
        }
        return defined
    }

    /// The tables that a DHT defines: DC in bits 0...3, AC in bits 4...7.
    private static func huffmanTables(_ body: UnsafeRawBufferPointer) -> UInt16 {
        var defined: UInt16 = 0
        var at = 0
        while at + 17 <= body.count {
            // SAFETY: 17 bytes are left.
            let byte = unsafe body[at]
            var values = 0
            for index in 1...16 { values += unsafe Int(body[at + index]) }
            at += 17 + values
            if at <= body.count, byte & 0xEC == 0 { defined |= 1 << UInt16(byte >> 2 | byte & 3) }
        }
        return defined
    }

    /// Whether the tables that a scan header names are defined. The first scan of a progressive picture has DC only.
    private static func scan(_ body: UnsafeRawBufferPointer, _ isProgressive: Bool, _ huffman: UInt16) -> Bool {
        guard body.count >= 1 else { return false }
        for component in unsafe 0..<Int(body[0]) {
            guard 2 + 2 * component < body.count else { return false }
            // SAFETY: checked by the guard.
            let selectors = unsafe body[2 + 2 * component]
            let (direct, alternating) = (selectors >> 4, selectors & 15)
            guard direct < 4, huffman & 1 << UInt16(direct) != 0 else { return false }
            if isProgressive { continue }
            guard alternating < 4, huffman & 16 << UInt16(alternating) != 0 else { return false }
        }
        return true
    }

    /// Whether the picture comes in several scans: progressive, or component by component. A decoder then holds all of
    /// its coefficients, two bytes a sample. False also where the markers make no sense.
    static func haveSeveralScans(in bytes: UnsafeRawBufferPointer) -> Bool {
        var components: UInt8 = 0
        var segments = unsafe JPEGSegments(of: bytes)
        while let (marker, body) = unsafe segments.next() {
            switch marker {
            case 0xDB, 0xC4, 0xCC: break
            case 0xC0...0xCF:
                guard body.count >= 6 else { return false }
                if marker & 3 == 2 { return true }
                components = unsafe body[5]
            case 0xDA: return unsafe body.count >= 1 && body[0] < components
            default: break
            }
        }
        return false
    }
}
