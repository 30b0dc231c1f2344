// SPDX-License-Identifier: Apache-2.0

import Glibc
import JSONText
import PyramidBuilding
import Telemetry
import TileModel
import TileSources

extension BuildCommand {
    /// Builds. Exit code: 0 built, 1 failed, 130 stopped.
    static func run(_ command: ParsedCommand) throws(UsageError) -> Int32 {
        var settings = try settings(command)
        if settings.usesOptimalTables {
            // libjpeg-turbo reads it at each picture; there is no other thread yet, and this process only builds.
            unsafe setenv("TJ_OPTIMIZE", "1", 1)
        }
        InterruptFlag.install()
        MappedInputFault.install()
        let logger = Logger(level: .warning, format: .text, descriptor: STDERR_FILENO)
        let progress = BuildProgressOutput(settings.progress)
        do throws(BuildError) {
            var forms = BuildInputForms()
            forms.maxHeldBytes = settings.options.maxHeldBytes
            Integrations.addForms(to: &forms)
            let input = try BuildInput(path: settings.input, forms: forms, logger: logger)
            settings.options.description = input.description
            if let title = settings.title { settings.options.description.title = title }
            if let scale = settings.micronsPerPixel { settings.options.description.micronsPerPixel = scale }
            let summary = try build(input, &settings, progress)
            progress.show(summary.status, isLast: true)
            progress.end()
            Output.write(text(summary, settings, progress.seconds), to: .standardOutput)
            return 0
        } catch {
            progress.end()
            Output.write("orizuru: \(error)\n", to: .standardError)
            return error == .stopped ? 130 : 1
        }
    }

    private static func build(
        _ input: BuildInput,
        _ settings: inout Settings,
        _ progress: BuildProgressOutput
    ) throws(BuildError) -> BuildSummary {
        let watch: PyramidBuild.Watch = { status in
            progress.show(status)
            return !InterruptFlag.isRaised
        }
        switch input.contents {
        case .tileset(let source):
            let stored = source.info.pyramid.tileSize
            settings.options.tileSize = settings.tileSize ?? (BuildOptions.accepts(tileSize: stored) ? stored : 256)
            if PyramidBuild.canTakeOver(source, options: settings.options) {
                return try PyramidBuild.takeOver(
                    source,
                    identity: input.identity,
                    options: settings.options,
                    to: settings.output,
                    watch: watch
                )
            }
            return try PyramidBuild.build(
                TilesetRows(source),
                identity: input.identity,
                options: settings.options,
                to: settings.output,
                watch: watch
            )
        case .rows(let rows):
            settings.options.tileSize = settings.tileSize ?? 256
            return try PyramidBuild.build(
                rows,
                identity: input.identity,
                options: settings.options,
                to: settings.output,
                watch: watch
            )
        }
    }

    private static func text(_ summary: BuildSummary, _ settings: Settings, _ seconds: Double) -> String {
        let status = summary.status
        let resumed = status.resumed > 0 ? ", \(status.resumed) of them by an earlier run" : ""
        let form = summary.hasResiduals ? "residuals of the two finest levels" : "plain"
        return
            "wrote \(settings.output): \(summary.size) pixels, \(summary.levels) levels, \(form); \(status.total) tiles"
            + "\(resumed), \(status.bytes) bytes in \(BuildProgressOutput.tenths(seconds)) s\n"
    }
}

/// Shows how far a build is: a line that is drawn anew, or JSON lines, on standard error. One thread.
final class BuildProgressOutput {
    private let form: BuildCommand.ProgressForm
    private let start = MonotonicClock.nanoseconds
    private var shown = 0
    private var hasLine = false

    init(_ form: BuildCommand.ProgressForm) {
        self.form = form == .auto ? (isatty(STDERR_FILENO) == 1 ? .bar : .none) : form
    }

    /// Since the beginning.
    var seconds: Double { Double(MonotonicClock.nanoseconds - start) / 1e9 }

    /// Shows a status, at most ten times a second (a bar) or once (JSON), and the last one in any case.
    func show(_ status: BuildStatus, isLast: Bool = false) {
        let now = MonotonicClock.nanoseconds
        guard form != .none, isLast || now - shown >= (form == .bar ? 100_000_000 : 1_000_000_000) else { return }
        shown = now
        switch form {
        case .bar:
            hasLine = true
            Output.write("\r\(Self.bar(status, seconds: seconds))\u{1B}[K", to: .standardError)
        case .json: Output.write(Self.json(status, seconds: seconds) + "\n", to: .standardError)
        case .auto, .none: break
        }
    }

    /// Ends the line.
    func end() {
        if hasLine { Output.write("\n", to: .standardError) }
        hasLine = false
    }

    /// Tiles a second of this run, and the seconds that are left at that rate; nil while nothing can be said.
    private static func rate(_ status: BuildStatus, _ seconds: Double) -> (rate: Double, left: Double)? {
        let own = status.done - status.resumed
        guard own > 0, seconds > 0.2 else { return nil }
        let rate = Double(own) / seconds
        return (rate, Double(status.total - status.done) / rate)
    }

    /// `[=====>     ]  45 %  1234/2742 tiles  310/s  eta 0:04`.
    static func bar(_ status: BuildStatus, seconds: Double) -> String {
        let fraction = status.total == 0 ? 1 : Double(status.done) / Double(status.total)
        let filled = min(max(Int(fraction * 30), 0), 30)
        let line = String(repeating: "=", count: filled) + String(repeating: " ", count: 30 - filled)
        let percent = "\(Int(fraction * 100))"
        var text = "[\(line)] \(String(repeating: " ", count: 3 - percent.count))\(percent) %  "
        text += "\(status.done)/\(status.total) tiles"
        if let (rate, left) = rate(status, seconds) {
            let whole = Int(min(left, 1e6).rounded())
            text += "  \(Int(rate.rounded()))/s  eta \(whole / 60):\(whole % 60 < 10 ? "0" : "")\(whole % 60)"
        }
        return text
    }

    /// One JSON object in one line.
    static func json(_ status: BuildStatus, seconds: Double) -> String {
        let rate = rate(status, seconds)
        return JSONOutput.object([
            ("event", .string("progress")), ("seconds", JSONOutput((seconds * 10).rounded() / 10)),
            ("tiles", .integer(status.done)), ("total", .integer(status.total)),
            ("resumed", .integer(status.resumed)), ("bytes", .integer(status.bytes)),
            ("per_second", JSONOutput(rate.map { ($0.rate * 10).rounded() / 10 })),
            ("remaining_seconds", JSONOutput(rate.map { $0.left.rounded() })),
        ]).text
    }

    static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
