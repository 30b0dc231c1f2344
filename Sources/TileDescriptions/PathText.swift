// SPDX-License-Identifier: Apache-2.0

/// A name as one segment of a URL's path: everything but letters, digits and `-._~` is percent-encoded, so that it means
/// nothing to whoever takes the URL up. Source: RFC 3986, sections 2.1 and 2.3.
package func pathEncoded(_ name: String) -> String {
    var output = ""
    for byte in name.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            output.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            output += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
        }
    }
    return output
}
