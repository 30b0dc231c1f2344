// SPDX-License-Identifier: Apache-2.0

/// Writes one line of the log as bytes. Pure: time comes in as a number.
enum LogLine {
    /// The longest line in bytes: what a pipe takes whole or not at all (PIPE_BUF), so that lines never mingle.
    static let maxBytes = 4096

    /// The bytes of a line, its newline included.
    ///
    /// - Parameter milliseconds: since 1970, UTC.
    static func bytes(
        format: LogFormat,
        colored: Bool,
        milliseconds: Int,
        level: LogLevel,
        message: String,
        fields: LogFields
    ) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        switch format {
        case .text: appendText(to: &line, colored, milliseconds, level, message, fields)
        case .json: appendJSON(to: &line, milliseconds, level, message, fields)
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private static func appendText(
        to line: inout [UInt8],
        _ colored: Bool,
        _ milliseconds: Int,
        _ level: LogLevel,
        _ message: String,
        _ fields: LogFields
    ) {
        let limit = maxBytes - 64
        appendTimestamp(milliseconds, to: &line)
        line.append(UInt8(ascii: " "))
        if colored { line += color(of: level).utf8 }
        line += label(of: level).utf8
        if colored { line += "\u{1B}[0m".utf8 }
        line.append(UInt8(ascii: " "))
        appendPlain(message, to: &line, limit: limit)
        for (key, value) in fields where line.count < limit {
            line.append(UInt8(ascii: " "))
            line += key.description.utf8
            line.append(UInt8(ascii: "="))
            if case .string(let text) = value, text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x22 || $0 == 0x3D }) {
                appendQuoted(text, to: &line, limit: limit)
            } else {
                appendPlain(plain(value), to: &line, limit: limit)
            }
        }
    }

    private static func appendJSON(
        to line: inout [UInt8],
        _ milliseconds: Int,
        _ level: LogLevel,
        _ message: String,
        _ fields: LogFields
    ) {
        // Room for the closing quote, the mark of truncation and the brace of whatever is cut off.
        let limit = maxBytes - 64
        line += "{\"time\":\"".utf8
        appendTimestamp(milliseconds, to: &line)
        line += "\",\"level\":\"\(level.name)\",\"message\":".utf8
        appendQuoted(message, to: &line, limit: limit)
        for (key, value) in fields where line.count < limit - 256 {
            line.append(UInt8(ascii: ","))
            appendQuoted(key.description, to: &line, limit: limit)
            line.append(UInt8(ascii: ":"))
            switch value {
            case .string(let text): appendQuoted(text, to: &line, limit: limit)
            case .number(let number) where !number.isFinite: line += "null".utf8
            default: line += plain(value).utf8
            }
        }
        line.append(UInt8(ascii: "}"))
    }

    private static func plain(_ value: LogValue) -> String {
        switch value {
        case .string(let text): text
        case .integer(let number): String(number)
        case .number(let number): String(number)
        case .boolean(let flag): flag ? "true" : "false"
        }
    }

    /// Control bytes are shown, never sent: what a client wrote must not steer a terminal or forge a line.
    private static func appendPlain(_ text: String, to line: inout [UInt8], limit: Int) {
        for scalar in text.unicodeScalars {
            guard line.count < limit else {
                line += "...".utf8
                return
            }
            if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) {
                line += "\\u{\(String(scalar.value, radix: 16))}".utf8
            } else {
                line += UTF8.encode(scalar)!
            }
        }
    }

    private static func appendQuoted(_ text: String, to line: inout [UInt8], limit: Int) {
        line.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            guard line.count < limit else {
                line += "...".utf8
                break
            }
            switch scalar {
            case "\"": line += "\\\"".utf8
            case "\\": line += "\\\\".utf8
            case "\n": line += "\\n".utf8
            case "\r": line += "\\r".utf8
            case "\t": line += "\\t".utf8
            case _ where scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                line += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: line += UTF8.encode(scalar)!
            }
        }
        line.append(UInt8(ascii: "\""))
    }

    private static func appendTimestamp(_ milliseconds: Int, to line: inout [UInt8]) {
        let (days, secondOfDay) = (milliseconds / 86_400_000, milliseconds / 1000 % 86_400)
        let (year, month, day) = civil(days: days)
        append(year, digits: 4, to: &line)
        line.append(UInt8(ascii: "-"))
        append(month, digits: 2, to: &line)
        line.append(UInt8(ascii: "-"))
        append(day, digits: 2, to: &line)
        line.append(UInt8(ascii: "T"))
        append(secondOfDay / 3600, digits: 2, to: &line)
        line.append(UInt8(ascii: ":"))
        append(secondOfDay / 60 % 60, digits: 2, to: &line)
        line.append(UInt8(ascii: ":"))
        append(secondOfDay % 60, digits: 2, to: &line)
        line.append(UInt8(ascii: "."))
        append(milliseconds % 1000, digits: 3, to: &line)
        line.append(UInt8(ascii: "Z"))
    }

    /// The date of a day counted from 1970-01-01, which must not lie before it.
    /// Source: Hinnant, "chrono-compatible low-level date algorithms": years that begin in March, eras of 400 years.
    private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let (era, dayOfEra) = (shifted / 146_097, shifted % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func append(_ value: Int, digits: Int, to line: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            line.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }

    private static func label(of level: LogLevel) -> String {
        switch level {
        case .trace: "TRACE "
        case .debug: "DEBUG "
        case .info: "INFO  "
        case .notice: "NOTICE"
        case .warning: "WARN  "
        case .error: "ERROR "
        }
    }

    private static func color(of level: LogLevel) -> String {
        switch level {
        case .trace, .debug: "\u{1B}[2m"
        case .info: "\u{1B}[32m"
        case .notice: "\u{1B}[36m"
        case .warning: "\u{1B}[33m"
        case .error: "\u{1B}[31m"
        }
    }
}
