// SPDX-License-Identifier: Apache-2.0

import Glibc
import JSONText
import Prewarm

extension PrewarmCommand {
    /// Runs a parsed `prewarm` to its end. Returns the exit code.
    ///
    /// Progress in JSON goes to standard output; the bar, the summary for people and errors go to standard error.
    static func run(_ command: ParsedCommand) throws(UsageError) -> Int32 {
        var settings = try settings(command)
        InterruptFlag.install()
        signal(SIGPIPE, SIG_IGN)
        let isTerminal = isatty(STDERR_FILENO) == 1
        let local: LocalWarmServer?
        do {
            local = try settings.local.map { try LocalWarmServer(path: $0.path, cacheFolder: $0.cacheFolder) }
            if let local {
                settings.options.endpoint = try WarmEndpoint(local.url)
                settings.options.name = settings.local?.path
            }
        } catch {
            Output.write("orizuru: \(error)\n", to: .standardError)
            return 1
        }
        let code = run(
            settings,
            form: settings.progress == .auto ? (isTerminal ? .bar : .json) : settings.progress,
            shouldStop: { InterruptFlag.isRaised },
            columns: terminalColumns,
            output: { Output.write($0, to: .standardOutput) },
            errors: { Output.write($0, to: .standardError) }
        )
        let lost = local?.finish() ?? 0
        guard lost > 0 else { return code }
        Output.write(
            "orizuru: \(lost) writes did not reach \(settings.local?.cacheFolder ?? ""); is the disk full? Run it again: what "
                + "is there is not rendered twice.\n",
            to: .standardError
        )
        return code == 0 ? 1 : code
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
            var options = settings.options
            for path in settings.geoJSONFiles { try read(geoJSON: path, into: &options.part) }
            let run = PrewarmRun(options, shouldStop: shouldStop)
            let tilesets = try run.fetchTilesets()
            if settings.isDryRun {
                output(text(run.plan(tilesets)))
                return 0
            }
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
            if summary.wasStopped { return 130 }
            return summary.counts.failed == 0 && summary.gaveUp == nil ? 0 : 1
        } catch {
            errors("orizuru: \(error)\n")
            return 1
        }
    }

    /// The summary for people: one line, and one for each failure that was kept.
    static func text(_ summary: PrewarmSummary, tilesets: Int) -> String {
        let counts = summary.counts
        var text = summary.gaveUp != nil ? "gave up: " : ""
        if summary.wasStopped { text = "stopped: " }
        if summary.wasTimeUp { text = "the time is over: " }
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

    private static func read(geoJSON path: String, into part: inout WarmPart) throws(PrewarmError) {
        let bytes: [UInt8]
        do throws(ConfigurationError) {
            bytes = try BoundedFile.read(path, maxBytes: GeographicRegion.maxFileBytes)
        } catch {
            throw .region(name: path, reason: error.description)
        }
        var region = part.geography ?? GeographicRegion()
        try region.add(geoJSON: bytes, name: path)
        part.geography = region
    }

    /// What a run would do, as a table for people.
    static func text(_ plan: WarmPlan) -> String {
        var text = ""
        for row in plan.rows {
            text +=
                "\(row.tileset): \(row.requests) requests, \(row.families) of them families; at most \(row.tiles) tiles, "
            text += "about \(ProgressText.bytes(row.bytes))\n"
        }
        let requests = plan.rows.reduce(0) { $0.saturatingSum($1.requests) }
        text += "in all \(requests) requests, about \(ProgressText.clock(plan.duration)) "
        text += plan.isPaced ? "at the rate asked for\n" : "of one rendering core\n"
        text +=
            "(assumed: \(WarmPlan.bytesPerTile) bytes a tile of 256 pixels, \(WarmPlan.millisecondsPerFamily) ms a family)\n"
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
                ("time_up", .bool(summary.wasTimeUp)),
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
