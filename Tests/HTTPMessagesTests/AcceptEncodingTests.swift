// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import TestSupport
import Testing

@Suite("Accept-Encoding")
struct AcceptEncodingTests {
    private func takesGzip(_ value: String) -> Bool {
        unsafe GuardedBytes(capacity: 4096).with(Array(value.utf8)) { unsafe AcceptEncoding.takesGzip($0) }
    }

    @Test(
        "gzip is taken by its name, in any case and with a weight, and by a star",
        arguments: [
            "gzip", "GZip", "x-gzip", "gzip, deflate, br, zstd", "br;q=1, gzip;q=0.001", "deflate , gzip ;\tq=1.000",
            "*", "identity;q=0, *;q=0.5", "gzip;q=0, x-gzip",
        ]
    )
    func taken(_ value: String) { #expect(takesGzip(value)) }

    @Test(
        "gzip is not taken where it is not named, weighs nothing, or the weight is none",
        arguments: [
            "", "identity", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "gzipp", "gzip;q=2",
            "gzip;q=0.0001", "gzip;q=1.5", "gzip;q=", "gzip;q=x", "gzip;level=1", "gzip;q=1;q=1", ";", ",", "gz ip",
        ]
    )
    func notTaken(_ value: String) { #expect(!takesGzip(value)) }
}
