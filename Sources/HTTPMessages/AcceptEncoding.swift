// SPDX-License-Identifier: Apache-2.0

/// What a client says of content codings (RFC 9110, 12.5.3).
package enum AcceptEncoding {
    /// Whether the value of the field allows gzip. Without the field everything is allowed: that is for the caller.
    ///
    /// A coding that is not named is refused, unless a star stands for it; a weight of zero refuses. What cannot be
    /// understood counts as refused: every client reads bytes without a coding.
    package static func allowsGzip(_ value: some Collection<UInt8>) -> Bool {
        var star = false
        for element in value.split(separator: UInt8(ascii: ",")) {
            let parts = element.split(separator: UInt8(ascii: ";"))
            guard let name = parts.first.map({ trimmed($0) }) else { continue }
            let isAllowed = parts.dropFirst().allSatisfy { !isZeroWeight(trimmed($0)) }
            if isName(name, "gzip") || isName(name, "x-gzip") { return isAllowed }
            if name == [UInt8(ascii: "*")] { star = isAllowed }
        }
        return star
    }

    /// `q=0`, `q=0.`, `q=0.000`.
    private static func isZeroWeight(_ parameter: [UInt8]) -> Bool {
        guard parameter.count >= 3, parameter[0] | 0x20 == UInt8(ascii: "q"), parameter[1] == UInt8(ascii: "=") else {
            return false
        }
        return parameter[2...].allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ".") }
    }

    private static func isName(_ bytes: [UInt8], _ name: StaticString) -> Bool {
        bytes.count == name.utf8CodeUnitCount && zip(bytes, name.description.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }

    private static func trimmed(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        return Array(Array(bytes.drop(while: isBlank)).reversed().drop(while: isBlank).reversed())
    }
}
