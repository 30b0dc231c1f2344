// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Testing

@Suite("Header blocks")
struct HeaderBlockTests {
    @Test("lines are written in order and end with a blank line")
    func lines() {
        var block = HeaderBlock()
        block.add("Content-Type", "image/jpeg")
        block.add("Content-Length", 15)
        #expect(
            String(decoding: block.finished(), as: UTF8.self)
                == "Content-Type: image/jpeg\r\nContent-Length: 15\r\n\r\n"
        )
    }

    @Test("a value cannot end its line, so no answer can be split")
    func splitting() {
        var block = HeaderBlock()
        block.add("Location", "/a\r\nSet-Cookie: x\u{0}\u{7f}")
        #expect(String(decoding: block.finished(), as: UTF8.self) == "Location: /a??Set-Cookie: x??\r\n\r\n")
    }

    @Test("each status line carries its number and ends with CR LF")
    func statusLines() {
        for status in Status.allCases {
            let line = "\(status.line)"
            #expect(line.hasPrefix("HTTP/1.1 \(status.code) ") && line.hasSuffix("\r\n"))
        }
    }
}
