// SPDX-License-Identifier: Apache-2.0

import Prewarm
import Synchronization
import Testing

@testable import orizuru

private func settings(_ arguments: String...) throws -> PrewarmCommand.Settings {
    guard case .run(let command) = try CommandLineParser(program: .orizuru).parse(["prewarm"] + arguments) else {
        throw UsageError(message: "nothing to run", command: nil)
    }
    return try PrewarmCommand.settings(command)
}

@Suite("the arguments of prewarm")
struct ArgumentsPrewarmTests {
    @Test("without options it warms all of a server, patiently")
    func defaults() throws {
        let settings = try settings("http://127.0.0.1:8080")
        #expect(settings.options.tilesets.isEmpty && settings.options.part.levels == nil && settings.progress == .auto)
        #expect(settings.options.concurrency == 8 && settings.options.retry == RetryPolicy(limit: 5))
        #expect(settings.options.timeout == .seconds(30))
    }

    @Test("the defaults that the help names are those that hold")
    func helpDefaults() throws {
        var arguments = ["http://a"]
        for name in ["concurrency", "retries", "timeout", "progress"] {
            let option = try #require(PrewarmCommand.command.option(named: name))
            arguments += ["--\(name)", try #require(option.defaultText)]
        }
        let parsed = try CommandLineParser(program: .orizuru).parse(["prewarm"] + arguments)
        guard case .run(let command) = parsed else { return }
        let named = try PrewarmCommand.settings(command)
        let plain = try settings("http://a")
        #expect(named.options.concurrency == plain.options.concurrency && named.options.retry == plain.options.retry)
        #expect(named.options.timeout == plain.options.timeout && named.progress == plain.progress)
    }

    @Test(
        "levels are a range, open at either end, or one level",
        arguments: [("0-12", 0...12), ("9-", 9...30), ("-3", 0...3), ("14", 14...14), ("5-5", 5...5)]
    )
    func levels(text: String, expected: ClosedRange<Int>) throws {
        #expect(try settings("http://a", "--levels=\(text)").options.part.levels == expected)
    }

    @Test(
        "a value that is not accepted is refused with what is",
        arguments: [
            ("levels", "12-3"), ("levels", "-"), ("levels", ""), ("levels", "1-2-3"), ("levels", "0-31"),
            ("levels", "a"),
            ("concurrency", "0"), ("concurrency", "1025"), ("retries", "-1"), ("retries", "9999999999999999999"),
            ("timeout", "30"), ("timeout", "0s"), ("timeout", "2d"), ("progress", "dots"),
        ]
    )
    func refused(name: String, value: String) {
        let error = #expect(throws: UsageError.self) { try settings("http://a", "--\(name)=\(value)") }
        #expect(error?.message.hasPrefix("--\(name): '\(value)' is not accepted; expected ") == true)
    }

    @Test("a URL that cannot be used is an error of usage")
    func url() {
        #expect(throws: UsageError.self) { try settings("https://a") }
        #expect(throws: UsageError.self) { try settings("127.0.0.1:8080") }
        #expect(throws: UsageError.self) { try settings() }
    }

    @Test("a server that cannot be reached is exit code 1 with one line that says so")
    func unreachable() throws {
        // Port 1 is reserved (tcpmux) and answers nobody on loopback.
        let settings = try settings("http://127.0.0.1:1")
        var output = ""
        var errors = ""
        let code = PrewarmCommand.run(
            settings,
            form: .json,
            shouldStop: { false },
            columns: { 80 },
            output: { output += $0 },
            errors: { errors += $0 }
        )
        #expect(code == 1 && output.isEmpty)
        #expect(
            errors.hasPrefix("orizuru: asking http://127.0.0.1:1/catalog.json for its tilesets failed: connecting to")
        )
        #expect(errors.split(separator: "\n").count == 1)
    }
}

@Suite("Ctrl-C")
struct InterruptFlagTests {
    @Test("a signal that is told twice in a row, as timeout(1) does, is one wish; half a second later it is another")
    func toldTwice() {
        let second = 1_000_000_000
        for start in [0, 5 * second] {
            let first = Atomic<Int>(0)
            let isAnotherWish = [0, 1, second / 3, second].map { InterruptFlag.note(at: start + $0, in: first) }
            #expect(isAnotherWish == [false, false, false, true])
        }
    }
}
