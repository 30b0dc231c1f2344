// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPMessages

@Suite("Accept-Encoding")
struct AcceptEncodingTests {
    @Test(
        "gzip is allowed where it is named, or a star stands for it, with a weight above zero",
        arguments: [
            ("gzip", true), ("GZip", true), ("x-gzip", true), ("gzip, deflate, br", true), ("deflate,gzip;q=0.5", true),
            ("*", true), ("br, *;q=0.1", true), ("gzip;q=1.0", true), ("gzip ; q=0.001", true),
            ("deflate,, gzip", true),
            ("", false), ("identity", false), ("gzip;q=0", false), ("gzip;q=0.000", false), ("gzip; Q=0", false),
            ("*;q=0", false), ("gzip;q=0, *", false), ("*, gzip;q=0", false), ("deflate, br", false),
            ("gzipped", false),
            (",", false), (";q=1", false),
        ]
    )
    func gzip(value: String, isAllowed: Bool) {
        #expect(AcceptEncoding.allowsGzip(Array(value.utf8)) == isAllowed)
    }
}
