// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import TestSupport
import Testing

@Suite("HTTP dates")
struct HTTPDateTests {
    private func read(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        return unsafe GuardedBytes(capacity: 64).with(bytes) { unsafe HTTPDate.parse($0) }
    }

    @Test("the example of the RFC is written and read in all three forms")
    func example() {
        #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(read("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(read("Sunday, 06-Nov-94 08:49:37 GMT") == 784_111_777)
        #expect(read("Sun Nov  6 08:49:37 1994") == 784_111_777)
    }

    @Test("every date from 1970 to 9999 comes back, leap days included")
    func roundTrip() {
        let seed = Seed.ofThisRun
        print("dates: \(seed)")
        var random = seed.generator()
        for seconds in [0, 951_782_400, 1_709_164_800, 4_107_542_399, 253_402_300_799] {
            #expect(read(HTTPDate.text(seconds)) == seconds)
        }
        for _ in 0..<5000 {
            let seconds = Int.random(in: 0...253_402_300_799, using: &random)
            #expect(read(HTTPDate.text(seconds)) == seconds, "\(seed)")
        }
        #expect(HTTPDate.text(-1) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.text(Int.max) == "Fri, 31 Dec 9999 23:59:59 GMT")
    }

    @Test(
        "what is not a date is not read",
        arguments: [
            "", "x", "Sun", "Sun, ", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 31 Feb 1994 00:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Foo 1994 08:49:37 GMT", "-1",
            "0",
            "Sun Nov 6 08:49:37 1994", "Sun, 06-Nov 94 08:49:37 GMT",
        ]
    )
    func refused(_ text: String) { #expect(read(text) == nil) }
}
