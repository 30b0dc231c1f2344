// SPDX-License-Identifier: Apache-2.0

import TileModel

/// Makes names for URLs out of names of files, each once.
///
/// ASCII letters, digits and `-._~` survive (the unreserved characters of RFC 3986, 2.3: never percent-encoded, the
/// same in every client); a run of anything else becomes one `-`. Dots in front are dropped, so no name is `.` or
/// `..` or hidden. A name of which nothing is left is called by its hash, the same at every start.
struct TilesetIdentifiers {
    /// Longer names are cut: an id stands in every URL, log line and metric label.
    static let maxLength = 100

    private var taken: Set<String> = []
    /// The last number that was given to each base, so that many of one name cost no search.
    private var numbers: [String: Int] = [:]

    /// An id for `name`, and whether a number had to be added because another tileset has it.
    mutating func unique(for name: String) -> (id: String, isRenamed: Bool) {
        let base = Self.identifier(for: name)
        if taken.insert(base).inserted { return (base, false) }
        var number = numbers[base, default: 1] + 1
        while !taken.insert("\(base)-\(number)").inserted { number += 1 }
        numbers[base] = number
        return ("\(base)-\(number)", true)
    }

    /// The id that a name asks for.
    static func identifier(for name: String) -> String {
        var result: [UInt8] = []
        for byte in name.utf8 where result.count < maxLength {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.append(byte)
            case UInt8(ascii: "."):
                if !result.isEmpty { result.append(byte) }
            default:
                if !result.isEmpty, result.last != UInt8(ascii: "-") { result.append(UInt8(ascii: "-")) }
            }
        }
        while let last = result.last, last == UInt8(ascii: "-") || last == UInt8(ascii: ".") { result.removeLast() }
        guard result.isEmpty else { return String(decoding: result, as: UTF8.self) }
        var hash = StableHash()
        hash.combine(name)
        return "tileset-\(hexadecimal(hash.value).prefix(8))"
    }
}
