// SPDX-License-Identifier: Apache-2.0

import Glibc
import JSONText
import Prewarm

extension PrewarmCommand {
    /// Runs a parsed `prewarm` to its end. Returns the exit code.
    ///
    /// Progress in JSON goes to standard output; the bar, the summary for people and errors go to standard error.
    static func run(_ command: ParsedCommand) throws(UsageError) -> Int32 {
        let settings = try settings(command)
        InterruptFlag.install()
        signal(SIGPIPE, SIG_IGN)
        let isTerminal = isatty(STDERR_FILENO) == 1
        return run(
            settings,
            form: settings.progress == .auto ? (isTerminal ? .bar : .json) : settings.progress,
            shouldStop: { InterruptFlag.isRaised },
            columns: terminalColumns,
            output: { Output.write($0, to: .standardOutput) },
            errors: { Output.write($0, to: .standardError) }
        )
    }

    /// The same with its surroundings given to it.
    ///
    /// - Parameters:
    ///   - form: not `.auto`.
    ///   - columns: the width of the terminal at the moment.
    static func run(
        _ settings: Settings,
        form: ProgressForm,
        shouldStop: @escaping @Sendable () -> Bool,
        columns: () -> Int,
        output: (String) -> Void,
        errors: (String) -> Void
    ) -> Int32 {
        do throws(PrewarmError) {
            let run = PrewarmRun(settings.options, shouldStop: shouldStop)
            let tilesets = try run.fetchTilesets()
            let summary = try run.run(tilesets, every: form == .bar ? .milliseconds(100) : .seconds(1)) { snapshot in
                switch form {
                case .bar: errors("\r\u{1B}[K" + ProgressText.bar(snapshot, width: columns() - 1))
                case .json: output(ProgressText.json(snapshot, event: "progress") + "\n")
                case .auto, .none: break
                }
            }
            if form == .bar { errors("\r\u{1B}[K") }
            if form == .json { output(json(summary) + "\n") }
            if form != .none || !summary.isComplete { errors(text(summary, tilesets: tilesets.count)) }
            if summary.counts.total == 0 {
                errors("orizuru: there is nothing to warm: no tileset, or none with these levels\n")
                return 1
            }
            return summary.wasStopped ? 130 : summary.isComplete ? 0 : 1
        } catch {
            errors("orizuru: \(error)\n")
            return 1
        }
    }

    /// The summary for people: one line, and one for each failure that was kept.
    static func text(_ summary: PrewarmSummary, tilesets: Int) -> String {
        let counts = summary.counts
        var text = summary.wasStopped ? "stopped: " : summary.gaveUp == nil ? "" : "gave up: "
        text += "\(counts.done) of \(counts.total) requests in \(ProgressText.clock(counts.elapsed))"
        text += " (\(counts.families) families, \(tilesets) tileset\(tilesets == 1 ? "" : "s")): \(counts.warmed) warm"
        text += ", \(counts.hits) of them already; \(counts.absent) absent, \(counts.failed) failed"
        text += ", \(counts.retries) retries, \(ProgressText.bytes(counts.bytes))\n"
        for failure in summary.failures { text += "failed: \(failure.path): \(failure.reason)\n" }
        if counts.failed > summary.failures.count {
            text += "failed: \(counts.failed - summary.failures.count) more\n"
        }
        if let reason = summary.gaveUp { text += "\(reason)\n" }
        return text
    }

    /// The summary for machines: the counts, how it ended, and the failures that were kept.
    static func json(_ summary: PrewarmSummary) -> String {
        let failures = summary.failures.map { failure in
            JSONOutput.object([
                ("tileset", .string(failure.tileset)), ("path", .string(failure.path)),
                ("reason", .string(failure.reason)),
            ])
        }
        return ProgressText.json(
            summary.counts,
            event: "summary",
            more: [
                ("complete", .bool(summary.isComplete)), ("stopped", .bool(summary.wasStopped)),
                ("gave_up", JSONOutput(summary.gaveUp)), ("failures", .array(failures)),
            ]
        )
    }

    private static func terminalColumns() -> Int {
        var size = winsize()
        // SAFETY: TIOCGWINSZ fills one winsize, which is what it is given.
        guard unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
