// SPDX-License-Identifier: Apache-2.0

import Glibc
import Telemetry
import TileModel
import TileSources
import TilesetExport

/// `orizuru export`: writes a tileset as an archive or a folder of tiles.
enum ExportCommand {
    static let command = CommandSpec(
        name: "export",
        purpose: "Write any tileset as a PMTiles or MBTiles archive, or as a folder of tiles.",
        discussion: [
            """
            TARGET says by its name what is written: NAME.pmtiles, NAME.mbtiles, NAME.dzi (a Deep Zoom pyramid, its tiles \
            in NAME_files beside it), anything else a folder of tiles z/x/y. The tiles are those that the server would \
            send. Of a slide, z is the Deep Zoom level, and edge tiles have full size in all but Deep Zoom.
            """,
            """
            TARGET appears when it is complete. A run that was interrupted leaves TARGET.part; the same command goes on \
            with it. Equal tiles, such as open sea, are stored once in a PMTiles archive.
            """,
            """
            Exit code: 0 TARGET is complete, 1 something failed, 2 the command line was wrong, 130 stopped by Ctrl-C. \
            Progress and errors go to standard error.
            """,
        ],
        positionals: [
            PositionalSpec("SOURCE", help: "A tileset, or a folder with one or several."),
            PositionalSpec("TARGET", help: "What to write; it must not exist, unless with --replace."),
        ],
        options: [
            OptionSpec("tileset", "ID", help: "Which tileset of SOURCE, where there are several."),
            OptionSpec("workers", "N", help: "Threads that read and render.", defaultText: "one per core"),
            OptionSpec(
                "reconstruction",
                "MODE",
                help: "How tiles are rebuilt from residuals: rounded or exact.",
                defaultText: "rounded"
            ),
            OptionSpec(
                "quality",
                "N",
                help: "The JPEG quality of tiles that are encoded.",
                defaultText: "90, exact 95"
            ),
            OptionSpec("replace", help: "Replace a TARGET file that exists, once the new one is complete."),
            OptionSpec("restart", help: "Begin anew where an earlier run left something."),
        ],
        examples: [
            ExampleSpec("orizuru export tiles-sample/world world.pmtiles", says: "A folder of map tiles as one file"),
            ExampleSpec(
                "orizuru export maps/city.mbtiles city.pmtiles --replace",
                says: "From one archive format into another, in place of what is there"
            ),
            ExampleSpec("orizuru export slides/case-7 case-7.dzi", says: "A slide for any Deep Zoom viewer"),
            ExampleSpec(
                "orizuru export slides --tileset case-7 case-7",
                says: "One of several tilesets, as a folder z/x/y"
            ),
        ]
    )

    /// Exit codes: 0 done, 1 failed, 130 interrupted.
    static func run(_ command: ParsedCommand) throws(UsageError) -> Int32 {
        let settings = try settings(command)
        let target = command.positionals[1]
        let logger = Logger(level: .warning, format: nil)
        var progress: ExportProgress?
        do {
            let (source, id) = try tileset(command.positionals[0], named: command.value("tileset"), logger: logger)
            try check(target, replaces: command.flag("replace"))
            let run = try ExportRun(source, id: id, settings: settings, logger: logger)
            let plan = run.plan(target: target, restarts: command.flag("restart"))
            let writer = try Integrations.exportWriter(plan)
            InterruptFlag.install()
            let shown = ExportProgress(total: plan.tileCount, start: writer.position)
            progress = shown
            try run.run(writer) { done in
                shown.show(done)
                return !InterruptFlag.isRaised
            }
            shown.end()
            Output.write("wrote \(target): \(plan.tileCount) places\n", to: .standardOutput)
            return 0
        } catch {
            progress?.end()
            Output.write("orizuru: \(error)\n", to: .standardError)
            if case ExportError.interrupted = error { return 130 }
            return 1
        }
    }

    private static func settings(_ command: ParsedCommand) throws(UsageError) -> ExportRun.Settings {
        func number(_ name: String, _ range: ClosedRange<Int>) throws(UsageError) -> Int? {
            guard let text = command.value(name) else { return nil }
            guard let number = Int(text), range.contains(number) else {
                throw UsageError(
                    message: "--\(name) \(CommandLineParser.quoted(text)) is no number from \(range.lowerBound) to "
                        + "\(range.upperBound)",
                    command: "export"
                )
            }
            return number
        }
        let workers = try number("workers", 1...512) ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let text = command.value("reconstruction") ?? ReconstructionParameters.Mode.rounded.rawValue
        guard let mode = ReconstructionParameters.Mode(rawValue: text) else {
            throw UsageError(
                message: "--reconstruction \(CommandLineParser.quoted(text)) is neither rounded nor exact",
                command: "export"
            )
        }
        guard let parameters = ReconstructionParameters(mode: mode, quality: try number("quality", 1...100)) else {
            throw UsageError(message: "--quality: exact mode knows no other than 95", command: "export")
        }
        return ExportRun.Settings(workers: workers, parameters: parameters)
    }

    /// The one tileset that is meant.
    private static func tileset(
        _ path: String,
        named id: String?,
        logger: Logger
    ) throws -> (any TileSource, String) {
        let found = SourceScanner(logger: .silent, recognizers: Integrations.sourceRecognizers)
            .scan([path])
        if found.isEmpty {
            // Says what is wrong with the path, or what was looked for there.
            _ = try openSource(path, logger: .silent, recognizers: Integrations.sourceRecognizers)
        }
        let ids = found.map(\.id).joined(separator: ", ")
        let wanted = id.map { id in found.filter { $0.id == id } } ?? found
        guard wanted.count <= 1 else {
            throw ExportError.unsuitable(reason: "\(path) holds several tilesets (\(ids)); name one by --tileset")
        }
        guard let only = wanted.first else {
            throw ExportError.unsuitable(reason: "\(path) holds no tileset \(id ?? ""); it has \(ids)")
        }
        return (try only.result.get(), only.id)
    }

    private static func check(_ target: String, replaces: Bool) throws(ExportError) {
        var status = stat()
        // SAFETY: lstat writes one `stat` into a local of that type.
        guard unsafe lstat(target, &status) == 0 else { return }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        guard replaces, !isFolder else { throw .exists(path: target) }
    }
}

/// How far an export is: a line that is drawn anew on a terminal, a line now and then otherwise. One thread.
private final class ExportProgress {
    private let total: Int
    private let start: Int
    private let begun = MonotonicClock.nanoseconds
    private var last = 0
    private let isTerminal = isatty(Output.Stream.standardError.rawValue) == 1

    init(total: Int, start: Int) {
        self.total = total
        self.start = start
        if start > 0 { Output.write("going on behind \(start) of \(total) places\n", to: .standardError) }
    }

    func show(_ done: Int) {
        let now = MonotonicClock.nanoseconds
        guard now - last > (isTerminal ? 200_000_000 : 5_000_000_000) || done == total else { return }
        last = now
        Output.write((isTerminal ? "\r\u{1B}[K" : "") + line(done, now) + (isTerminal ? "" : "\n"), to: .standardError)
    }

    private func line(_ done: Int, _ now: Int) -> String {
        let seconds = max(Double(now - begun) / 1e9, 0.001)
        let rate = Double(done - start) / seconds
        var text = "\(done * 100 / max(total, 1)) %, \(done) of \(total) tiles, \(Int(rate))/s"
        if rate > 0, done < total {
            let left = Int(Double(total - done) / rate)
            text += ", \(left / 60) min \(left % 60) s left"
        }
        return text
    }

    /// Ends the line that is drawn, if one is.
    func end() {
        if isTerminal, last > 0 { Output.write("\n", to: .standardError) }
        last = 0
    }
}
