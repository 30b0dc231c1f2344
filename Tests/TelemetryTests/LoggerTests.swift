// SPDX-License-Identifier: Apache-2.0

import Foundation
import Telemetry
import Testing

@Suite("The log")
struct LoggerTests {
    /// What a logger writes into a pipe.
    private func written(format: LogFormat, level: LogLevel = .trace, _ body: (Logger) -> Void) throws -> String {
        let pipe = Pipe()
        body(Logger(level: level, format: format, descriptor: pipe.fileHandleForWriting.fileDescriptor))
        try pipe.fileHandleForWriting.close()
        return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }

    @Test("a JSON line parses and keeps message and fields, control characters and quotes included")
    func json() throws {
        let text = try written(format: .json) {
            $0.log(
                .warning,
                "a \"b\"\n\u{1}\u{9F}",
                ["path": "x\\y", "count": 3, "ratio": 0.5, "on": true, "id": .init("q")]
            )
        }
        #expect(text.hasSuffix("\n") && text.dropLast().contains("\n") == false)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["message"] as? String == "a \"b\"\n\u{1}\u{9F}")
        #expect(object["level"] as? String == "warning")
        #expect(object["path"] as? String == "x\\y")
        #expect(object["count"] as? Int == 3)
        #expect(object["on"] as? Bool == true)
        let time = try #require(object["time"] as? String)
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let date = try #require(formatter.date(from: time))
        #expect(abs(date.timeIntervalSinceNow) < 600)
    }

    @Test("a text line shows control characters instead of sending them")
    func text() throws {
        let text = try written(format: .text) {
            $0.log(.info, "hi\u{1B}[2J", ["who": "two words", "n": 1, "e": "a\nb"])
        }
        #expect(text.hasSuffix("INFO   hi\\u{1b}[2J who=\"two words\" n=1 e=\"a\\nb\"\n"))
    }

    @Test("lines below the level are neither built nor written")
    func levels() throws {
        var built = 0
        func message() -> String {
            built += 1
            return "m"
        }
        let text = try written(format: .text, level: .warning) {
            $0.log(.info, message())
            $0.log(.error, message())
            $0.level = .trace
            $0.log(.trace, message())
        }
        #expect(built == 2)
        #expect(text.split(separator: "\n").count == 2)
    }

    @Test("a line of any length is at most 4096 bytes and still valid", arguments: LogFormat.allCases)
    func longLine(format: LogFormat) throws {
        let long = String(repeating: "\u{1}é", count: 5000)
        let text = try written(format: format) { $0.log(.info, long, ["a": .init(long), "b": .init(long)]) }
        #expect(text.utf8.count <= 4096 && text.hasSuffix("\n"))
        if format == .json { _ = try JSONSerialization.jsonObject(with: Data(text.utf8)) }
    }

    @Test("a repeated fault is written once per interval, with the number left out")
    func repeatedFault() throws {
        let often = RepeatedFault(every: .zero)
        let seldom = RepeatedFault(every: .seconds(3600))
        let text = try written(format: .text) { logger in
            for _ in 0..<3 { logger.log(.warning, limitedBy: seldom, "seldom") }
            for _ in 0..<2 { logger.log(.warning, limitedBy: often, "often") }
        }
        #expect(text.components(separatedBy: "seldom").count == 2)
        #expect(text.components(separatedBy: "often").count == 3)
    }

    @Test("a closed pipe, a full pipe and a closed descriptor cost lines, not the process")
    func brokenOutput() throws {
        let closed = Pipe()
        let logger = Logger(level: .trace, format: .text, descriptor: closed.fileHandleForWriting.fileDescriptor)
        try closed.fileHandleForReading.close()
        for _ in 0..<3 { logger.log(.error, "nobody reads") }

        let full = Pipe()
        let blocked = Logger(level: .trace, format: .text, descriptor: full.fileHandleForWriting.fileDescriptor)
        for _ in 0..<3000 { blocked.log(.error, String(repeating: "x", count: 100)) }
        var drained = full.fileHandleForReading.availableData.count
        blocked.log(.error, "after the jam")
        try full.fileHandleForWriting.close()
        let rest = full.fileHandleForReading.readDataToEndOfFile()
        drained += rest.count
        #expect(drained < 3000 * 100)
        #expect(String(decoding: rest, as: UTF8.self).contains("lines of the log were dropped"))

        Logger(level: .trace, format: .text, descriptor: -1).log(.error, "nowhere")
    }
}
