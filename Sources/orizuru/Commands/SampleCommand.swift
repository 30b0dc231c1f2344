// SPDX-License-Identifier: Apache-2.0

import Glibc
import PyramidBuilding
import TileModel

/// `orizuru sample`: writes the sample tilesets.
enum SampleCommand {
    static let command = CommandSpec(
        name: "sample",
        purpose: "Write the sample tilesets: a slide, a small pyramid and a map, drawn by arithmetic.",
        discussion: [
            """
            The same bytes every time. The slide can have any size: it is drawn and written by rows, in bounded memory.
            """
        ],
        positionals: [PositionalSpec("OUT", help: "The folder to write; it must not exist, unless with --replace.")],
        options: [
            OptionSpec(
                "size",
                "WxH",
                help: "The size of the slide in pixels.",
                defaultText: Sample.size.description
            ),
            OptionSpec("replace", help: "Replace OUT if it exists, once the new one is complete."),
        ],
        examples: [
            ExampleSpec("orizuru sample tiles-sample", says: "What 'make serve' serves"),
            ExampleSpec("orizuru sample --size 16384x16384 large", says: "A slide to measure with"),
        ]
    )

    /// Writes. Exit code 1 where that failed.
    static func run(_ command: ParsedCommand) throws(UsageError) -> Int32 {
        let size = try size(command.value("size"))
        let bar = SampleProgress(isTerminal: isatty(Output.Stream.standardError.rawValue) == 1)
        do {
            try writeSample(
                to: command.positionals[0],
                size: size,
                replaces: command.flag("replace"),
                progress: { done, total in bar.show(done, of: total) }
            )
        } catch {
            bar.end()
            Output.write("orizuru: \(error)\n", to: .standardError)
            return 1
        }
        bar.end()
        Output.write("wrote \(command.positionals[0])\n", to: .standardOutput)
        return 0
    }

    static func size(_ text: String?) throws(UsageError) -> GridSize {
        guard let text else { return Sample.size }
        let parts = text.split(separator: "x", omittingEmptySubsequences: false)
        guard parts.count == 2, let width = Int(parts[0]), let height = Int(parts[1]), width > 0, height > 0,
            Pyramid(deepZoom: GridSize(width: width, height: height), tileSize: 256, overlap: 0) != nil
        else {
            throw UsageError(
                message: "--size \(CommandLineParser.quoted(text)) is no size; write it as 16384x16384",
                command: "sample"
            )
        }
        return GridSize(width: width, height: height)
    }
}

/// A line that is drawn anew, on a terminal only. One thread.
private final class SampleProgress {
    private let isTerminal: Bool
    private var lastPercent = -1

    init(isTerminal: Bool) { self.isTerminal = isTerminal }

    func show(_ done: Int, of total: Int) {
        let percent = total > 0 ? done * 100 / total : 100
        guard isTerminal, percent != lastPercent else { return }
        lastPercent = percent
        Output.write("\r\(percent) % (\(done) of \(total) tiles)", to: .standardError)
    }

    func end() {
        if isTerminal, lastPercent >= 0 { Output.write("\n", to: .standardError) }
    }
}
