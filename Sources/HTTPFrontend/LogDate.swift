// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPMessages

/// The time as access logs write it, `20/Nov/2026:11:54:55 +0000`, written anew when the second changes. One thread.
struct LogDate {
    private var second = -1
    private var bytes: [UInt8] = []

    var text: [UInt8] {
        mutating get {
            let now = Int(time(nil))
            if now != second {
                second = now
                bytes = Self.text(now)
            }
            return bytes
        }
    }

    /// Made of an HTTP date: `Fri, 20 Nov 2026 11:54:55 GMT`.
    static func text(_ secondsSince1970: Int) -> [UInt8] {
        let date = Array(HTTPDate.text(secondsSince1970).utf8)
        var text = Array(date[5..<7])
        text.append(UInt8(ascii: "/"))
        text += date[8..<11]
        text.append(UInt8(ascii: "/"))
        text += date[12..<16]
        text.append(UInt8(ascii: ":"))
        text += date[17..<25]
        text += " +0000".utf8
        return text
    }
}
