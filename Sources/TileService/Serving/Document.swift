// SPDX-License-Identifier: Apache-2.0

import TileModel

/// A text that is answered as it is: a page, a description, with its entity tag.
struct Document: Sendable {
    let mediaType: String
    let body: [UInt8]
    /// In quotes.
    let entityTag: String

    init(mediaType: String, body: [UInt8]) {
        self.mediaType = mediaType
        self.body = body
        entityTag = Self.entityTag(of: body)
    }

    /// The tag of bytes that nothing but themselves tells from others, in quotes.
    static func entityTag(of body: [UInt8]) -> String {
        var hash = StableHash()
        hash.combine(body)
        return "\"\(hexadecimal(hash.value))\""
    }
}
