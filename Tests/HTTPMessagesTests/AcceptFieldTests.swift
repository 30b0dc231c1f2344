// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import TestSupport
import Testing

@Suite("The Accept field")
struct AcceptFieldTests {
    static func quality(_ type: StaticString, _ field: String) -> Int {
        let bytes = Array(field.utf8)
        return unsafe bytes.withUnsafeBytes { unsafe AcceptField.quality(of: type, in: $0) }
    }

    @Test(
        "the most specific range that covers a type decides",
        arguments: [
            ("image/png", 1000), ("IMAGE/PNG", 1000), ("image/*", 1000), ("*/*", 1000), ("text/html", 0), ("", 0),
            ("image/png;q=0.5", 500), ("image/png; q=0.123", 123), ("image/png;q=0", 0), ("image/png;q=1.000", 1000),
            ("*/*;q=0.8, image/*;q=0.4, image/png;q=0.2", 200), ("image/png;q=0.2, image/*;q=0.4, */*;q=0.8", 200),
            ("image/jpeg, */*;q=0.1", 100), ("image/webp,image/apng,image/*,*/*;q=0.8", 1000),
            ("text/html ,\timage/png ;level=1 ; q=0.7", 700), ("image/pngx, image/pn", 0), (",,;q=0.3,image/png", 1000),
        ]
    )
    func covers(field: String, expected: Int) {
        #expect(Self.quality("image/png", field) == expected)
    }

    @Test("a weight that cannot be read counts as none", arguments: ["q=", "q=2", "q=0.1234", "q=x", "q=-1", "q=1.5"])
    func malformed(parameter: String) {
        #expect(Self.quality("image/png", "image/png;\(parameter)") == 1000)
    }

    @Test("no bytes lead out of the field")
    func randomBytes() {
        let seed = Seed.ofThisRun
        print("Accept fields: \(seed)")
        var random = seed.generator()
        let alphabet = Array("image/png*;q=0.51, \t".utf8)
        for _ in 0..<20_000 {
            let field = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let quality = unsafe field.withUnsafeBytes { unsafe AcceptField.quality(of: "image/png", in: $0) }
            #expect((0...1000).contains(quality), "\(seed): \(field)")
        }
    }
}
