// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Entity tags in conditions (RFC 9110, 8.8.3 and 13.1).
package enum EntityTag {
    /// How tags are compared (RFC 9110, 8.8.3.2): weak looks at the opaque part alone.
    package enum Comparison: Sendable { case weak, strong }

    /// Whether an If-None-Match value names `tag`, by weak comparison: then the answer is 304.
    ///
    /// `list` is the field's value: `*`, or tags separated by commas, each perhaps with `W/`. `tag` is what the answer's
    /// ETag field holds, quotes included. A list that is not well formed matches nothing beyond what was read of it.
    ///
    /// `comparison`: strong for If-Match, where a weak tag matches nothing.
    package static func isListed(
        _ tag: UnsafeRawBufferPointer,
        in list: UnsafeRawBufferPointer,
        comparison: Comparison = .weak
    ) -> Bool {
        // A client that knows one tag sends just that.
        if unsafe list.count == tag.count && equal(tag, list) {
            if case .weak = comparison { return true }
            return unsafe list[0] == UInt8(ascii: "\"")
        }
        let wanted = unsafe opaque(tag)
        var at = 0
        // SAFETY: `at` is compared with the count before each read; both buffers are the caller's, alive for the call.
        while at < list.count {
            let byte = unsafe list[at]
            if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: ",") {
                at += 1
                continue
            }
            if byte == UInt8(ascii: "*") { return list.count == 1 }
            var isWeak = false
            if unsafe byte == UInt8(ascii: "W") && at + 1 < list.count && list[at + 1] == UInt8(ascii: "/") {
                isWeak = true
                at += 2
            }
            guard at < list.count, unsafe list[at] == UInt8(ascii: "\"") else { return false }
            let start = at
            at += 1
            while at < list.count, unsafe list[at] != UInt8(ascii: "\"") { at += 1 }
            guard at < list.count else { return false }
            at += 1
            if isWeak, case .strong = comparison { continue }
            if unsafe equal(wanted, UnsafeRawBufferPointer(rebasing: list[start..<at])) { return true }
        }
        return false
    }

    /// Whether two tags are equal by strong comparison, as If-Range asks for: neither weak, and the same bytes.
    package static func isSame(_ tag: UnsafeRawBufferPointer, as other: UnsafeRawBufferPointer) -> Bool {
        guard tag.count >= 2, unsafe tag[0] == UInt8(ascii: "\"") else { return false }
        return unsafe equal(tag, other)
    }

    /// A tag without `W/`.
    private static func opaque(_ tag: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard tag.count >= 2, unsafe tag[0] == UInt8(ascii: "W"), unsafe tag[1] == UInt8(ascii: "/") else {
            return unsafe tag
        }
        return unsafe UnsafeRawBufferPointer(rebasing: tag[2...])
    }

    private static func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count, let first = a.baseAddress, let second = b.baseAddress else { return false }
        // SAFETY: both have as many bytes.
        return unsafe memcmp(first, second, a.count) == 0
    }
}
