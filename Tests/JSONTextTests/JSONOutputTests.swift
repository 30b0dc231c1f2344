// SPDX-License-Identifier: Apache-2.0

import JSONText
import Testing

@Suite("Writing JSON")
struct JSONOutputTests {
    @Test("a text that tries to leave its script element stays inside")
    func scriptElement() {
        let text = JSONOutput.string("</script><b>\"\\\u{2028}\n").text
        #expect(text == #""\u003c/script>\u003cb>\"\\\u2028\u000a""#)
    }

    @Test("numbers that JSON cannot write become null")
    func notANumber() {
        #expect(
            JSONOutput.array([JSONOutput(Double.nan), JSONOutput(Double.infinity), JSONOutput(0.25)]).text
                == "[null,null,0.25]"
        )
    }

    @Test("what is written is read back as it was, control characters escaped")
    func readBack() throws {
        let nasty = "a\"\\\n\u{0}\u{1F}\u{7F}\u{9B}</é🙂\u{2029}"
        let output = JSONOutput.object([(nasty, .array([.string(nasty), .integer(.min), .bool(true), .null]))])
        #expect(output.text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) })
        let read = try JSONReader.read(Array(output.text.utf8), dialect: .json)
        let values = try #require(read[nasty]?.array)
        #expect(values.count == 4)
        #expect(values[0].string == nasty)
        #expect(values[1].integer == .min)
        #expect(values[2].value == .bool(true) && values[3].value == .null)
    }
}
