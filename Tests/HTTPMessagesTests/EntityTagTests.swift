// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import TestSupport
import Testing

@Suite("Entity tags")
struct EntityTagTests {
    private func isListed(_ tag: String, in list: String) -> Bool {
        let tagBytes = Array(tag.utf8)
        return unsafe tagBytes.withUnsafeBytes { tag in
            let listBytes = Array(list.utf8)
            return unsafe GuardedBytes(capacity: 256).with(listBytes) { list in unsafe EntityTag.isListed(tag, in: list)
            }
        }
    }

    @Test("a tag is found in a list, by weak comparison, wherever it stands")
    func listed() {
        #expect(isListed("\"a\"", in: "\"a\""))
        #expect(isListed("\"a\"", in: "W/\"a\""))
        #expect(isListed("W/\"a\"", in: "\"a\""))
        #expect(isListed("\"a\"", in: "\"b\", \"a\""))
        #expect(isListed("\"a\"", in: "\"b\" ,\t,, W/\"a\" , \"c\""))
        #expect(isListed("\"a,b\"", in: "\"x\", \"a,b\""))
        #expect(isListed("\"a\"", in: "*"))
    }

    @Test("another tag, a part of one, and a list that is not well formed do not match")
    func notListed() {
        for list in [
            "", "\"b\"", "a", "\"a", "a\"", "\"A\"", "\"aa\"", "w/\"a\"", "W/a", "W/", "W", "x, \"a\"", "* , \"a\"",
            "\"\"",
        ] {
            #expect(!isListed("\"a\"", in: list), "\(list)")
        }
    }

    @Test("strong comparison takes no weak tag")
    func strong() {
        func isSame(_ a: String, _ b: String) -> Bool {
            let first = Array(a.utf8)
            let second = Array(b.utf8)
            return unsafe first.withUnsafeBytes { a in
                unsafe second.withUnsafeBytes { b in unsafe EntityTag.isSame(a, as: b) }
            }
        }
        #expect(isSame("\"a\"", "\"a\""))
        #expect(!isSame("W/\"a\"", "W/\"a\""))
        #expect(!isSame("\"a\"", "\"b\""))
        #expect(!isSame("", ""))
    }
}
