// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import LockFree
import PyramidBuilding

/// The command `build`: its table, and its options as values. Pure; `BuildCommand+Run.swift` drives it.
enum BuildCommand {
    static let command = CommandSpec(
        name: "build",
        purpose: "Make a slide that can be served from a picture or a slide.",
        discussion: [
            """
            INPUT is a PNG of any size (read by rows: memory does not grow with its height), a JPEG, a Deep Zoom \
            pyramid (.dzi), a folder of map tiles z/x/y, or a slide in the ORIGAMI form; with the trait TIFF also tiled \
            TIFF and SVS, with OpenSlide what that library reads (make serve-all builds with every trait). OUTPUT is a \
            new folder with baseline_pyramid.dzi, its tiles, and, unless --plain, one pack of residuals for each family \
            of tiles of the two finest levels.
            """,
            """
            A pack holds what the finer levels differ from the doubled coarser ones: about half of the bytes of plain \
            tiles of the same quality. The reference implementation reads packs too; it passes over the chroma, which \
            only this server shows. A .dzi of JPEG tiles without overlap keeps its coarser levels byte for byte.
            """,
            """
            Levels are means of two by two pixels of the stored (gamma-encoded) values, as other pyramid tools make \
            them. What is unfinished is called OUTPUT.partial: after a crash, Ctrl-C or a full disk the same command \
            goes on with it. OUTPUT appears when all of it is written.
            """,
            "Exit code: 0 built, 1 failed, 2 the command line was wrong, 130 stopped by Ctrl-C.",
        ],
        positionals: [
            PositionalSpec("INPUT", help: "What to build from."),
            PositionalSpec("OUTPUT", help: "The folder to make."),
        ],
        options: [
            OptionSpec("plain", help: "Write JPEG tiles at every level and no residuals.", group: "Output"),
            OptionSpec(
                "tile-size",
                "PIXELS",
                help: "The side of a tile, even, 16 to 4096.",
                defaultText: "256, or that of a Deep Zoom input",
                group: "Output"
            ),
            OptionSpec("title", "TEXT", help: "The slide's name for people.", group: "Output"),
            OptionSpec(
                "mpp",
                "MICRONS",
                help: "The size of a pixel, for the scale bar.",
                defaultText: "what the input says",
                group: "Output"
            ),
            OptionSpec("replace", help: "Replace OUTPUT if it exists, when the new one is complete.", group: "Output"),
            OptionSpec("restart", help: "Throw OUTPUT.partial away instead of going on with it.", group: "Output"),
            OptionSpec(
                "quality",
                "Q",
                help: "JPEG quality of stored tiles, 1 to 100.",
                defaultText: "95, with --plain 90",
                group: "Quality"
            ),
            OptionSpec(
                "residual-quality",
                "CHILDREN/GRANDCHILDREN",
                help: """
                    Quality of the residuals of the finest level but one and of the finest, on JPEG's scale, such as \
                    60/40. The errors of the first are seen at both levels.
                    """,
                defaultText: "60/40",
                group: "Quality"
            ),
            OptionSpec(
                "chroma",
                "WHAT",
                help: """
                    What residuals say of colour. none: nothing, as the reference; predicted: two weights a tile, by \
                    which colour follows the residual's detail; 1 to 100: weights and a residual of that quality. \
                    Tiles with chroma of their own are served 4:4:4.
                    """,
                defaultText: "predicted",
                group: "Quality"
            ),
            OptionSpec(
                "subsampling",
                "420|444",
                help: "Chroma of the tiles of a --plain pyramid; 444 where the input has it.",
                defaultText: "420",
                group: "Quality"
            ),
            OptionSpec(
                "huffman",
                "optimal|standard",
                help: """
                    Huffman tables of stored tiles. optimal: made for each, some 15 % fewer bytes for twice the CPU \
                    time. Residuals always have tables of their own.
                    """,
                defaultText: "optimal, with --plain standard",
                group: "Quality"
            ),
            OptionSpec("threads", "N", help: "Threads that encode.", defaultText: "all processors", group: "Machine"),
            OptionSpec(
                "memory-limit",
                "BYTES",
                help: """
                    The most that rows in memory may take, and a picture that cannot be read by rows: an interlaced \
                    PNG, and a JPEG in a build without the trait JPEGRows (1.5, 2 or 3 bytes a pixel by its chroma, \
                    and the file).
                    """,
                defaultText: "2GiB",
                group: "Machine"
            ),
            OptionSpec(
                "progress",
                "FORM",
                help: """
                    bar: a line with rate and remaining time, drawn anew; json: a JSON object a second on standard \
                    error; none: nothing; auto: bar on a terminal, else none.
                    """,
                defaultText: "auto",
                group: "Machine"
            ),
        ],
        examples: [
            ExampleSpec("orizuru build scan.png slides/liver", says: "A slide with residuals"),
            ExampleSpec("orizuru build scan.jpg pyramid --plain --quality 85", says: "A plain Deep Zoom pyramid"),
            ExampleSpec(
                "orizuru build liver.dzi slides/liver --residual-quality 42/30",
                says: "Residuals for a pyramid that exists, smaller"
            ),
        ]
    )

    /// How progress is shown.
    enum ProgressForm: String, CaseIterable, Sendable { case auto, bar, json, none }

    /// The options as values.
    struct Settings: Sendable {
        var input: String
        var output: String
        var options: BuildOptions
        /// Nil: as the input has it.
        var tileSize: Int?
        var title: String?
        var micronsPerPixel: Double?
        var usesOptimalTables = true
        var progress = ProgressForm.auto
    }

    /// Reads the values of a parsed `build`.
    static func settings(_ command: ParsedCommand) throws(UsageError) -> Settings {
        var options = BuildOptions(description: BuildDescription(title: ""))
        options.isPlain = command.flag("plain")
        options.replaces = command.flag("replace")
        options.startsAfresh = command.flag("restart")
        options.threads =
            try read(command, "threads", "a whole number from 1 to 256") { number($0, 1...256) }
            ?? OSThread.processorCount
        options.quality.tiles =
            try read(command, "quality", "a whole number from 1 to 100") { number($0, 1...100) }
            ?? (options.isPlain ? 90 : 95)
        options.quality.residuals =
            try read(command, "residual-quality", "two qualities from 1 to 100, such as 60/40", qualities) ?? .standard
        options.quality.chroma =
            try read(command, "chroma", "none, predicted, or a quality from 1 to 100", chroma) ?? .predicted
        let subsampling = try read(command, "subsampling", "420 or 444") { text -> ChromaSubsampling? in
            text == "420" ? .quarter : text == "444" ? .full : nil
        }
        if subsampling != nil, !options.isPlain {
            throw UsageError(
                message: "--subsampling goes with --plain: parents of residuals always have full chroma",
                command: command.name
            )
        }
        options.quality.subsampling = subsampling ?? .quarter
        let title = command.value("title")
        var settings = Settings(
            input: command.positionals[0],
            output: command.positionals[1],
            options: options,
            title: title
        )
        settings.tileSize = try read(command, "tile-size", "an even number from 16 to 4096") { text in
            Int(text).flatMap { BuildOptions.accepts(tileSize: $0) ? $0 : nil }
        }
        settings.micronsPerPixel = try read(command, "mpp", "a number from 0.001 to 1000") { text in
            Double(text).flatMap { (0.001...1000).contains($0) ? $0 : nil }
        }
        if let limit = try read(command, "memory-limit", "a number of bytes such as 4GiB", { ByteCount($0) }) {
            settings.options.maxHeldBytes = limit.bytes
        }
        settings.usesOptimalTables =
            try read(command, "huffman", "optimal or standard") { text -> Bool? in
                text == "optimal" ? true : text == "standard" ? false : nil
            } ?? !options.isPlain
        settings.progress =
            try read(command, "progress", "auto, bar, json or none", ProgressForm.init(rawValue:)) ?? .auto
        return settings
    }

    private static func read<Value>(
        _ command: ParsedCommand,
        _ name: String,
        _ accepted: String,
        _ parse: (String) -> Value?
    ) throws(UsageError) -> Value? {
        guard let text = command.value(name) else { return nil }
        if let value = parse(text) { return value }
        throw UsageError(
            message: "--\(name): \(CommandLineParser.quoted(text)) is not accepted; expected \(accepted)",
            command: command.name
        )
    }

    private static func number(_ text: String, _ range: ClosedRange<Int>) -> Int? {
        Int(text).flatMap { range.contains($0) ? $0 : nil }
    }

    private static func qualities(_ text: String) -> ResidualEncoder.Qualities? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let children = parts[0], let grandchildren = parts[1] else { return nil }
        return ResidualEncoder.Qualities(children: children, grandchildren: grandchildren)
    }

    private static func chroma(_ text: String) -> ResidualEncoder.Chroma? {
        switch text {
        case "none": ResidualEncoder.Chroma.none
        case "predicted": .predicted
        default: number(text, 1...100).map { .residual(quality: $0) }
        }
    }
}
