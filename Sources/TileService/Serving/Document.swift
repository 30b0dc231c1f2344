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
        var hash = StableHash()
        hash.combine(body)
        entityTag = "\"\(hexadecimal(hash.value))\""
    }
}
