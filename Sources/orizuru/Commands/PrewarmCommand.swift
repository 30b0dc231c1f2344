// SPDX-License-Identifier: Apache-2.0

import Prewarm

/// The command `prewarm`: its table, and its options as values. Pure; `PrewarmCommand+Run.swift` drives it.
enum PrewarmCommand {
    static let command = CommandSpec(
        name: "prewarm",
        purpose: "Fill a server's caches before people come (others say: seed).",
        discussion: [
            """
            Asks the server for its catalog and then once per family of tiles: 21 tiles of a slide cost one request. \
            The server does this work last, behind everything that people look at.
            """,
            """
            Exit code: 0 all is warm, 1 something failed, 2 the command line was wrong, 130 stopped by Ctrl-C (which \
            lets requests in flight finish; a second one does not).
            """,
        ],
        positionals: [PositionalSpec("URL", help: "The server, such as http://127.0.0.1:8080.")],
        options: [
            OptionSpec("tileset", "ID", isRepeatable: true, help: "Warm this tileset.", defaultText: "all"),
            OptionSpec(
                "levels",
                "A-B",
                help: """
                    Warm these levels, 0 the coarsest (maps: zoom levels), such as 0-12, 9- or 14. A family is warmed \
                    when any of its three levels is among them.
                    """,
                defaultText: "all"
            ),
            OptionSpec(
                "concurrency",
                "N",
                help: "How many requests are under way at once, 1 to 1024.",
                defaultText: "8"
            ),
            OptionSpec(
                "retries",
                "N",
                help: """
                    How often a request is tried again after 429, 502, 503, 504, a broken connection or a time-out, 0 \
                    to 1000. Waits double from 250ms to 30s; Retry-After is honoured.
                    """,
                defaultText: "5"
            ),
            OptionSpec(
                "timeout",
                "TIME",
                help: "How long one attempt may take, such as 500ms, 30s, 5min; 1ms to 1d.",
                defaultText: "30s"
            ),
            OptionSpec(
                "progress",
                "FORM",
                help: """
                    bar: a line that is drawn anew; json: a JSON object per second and one at the end, on standard \
                    output; none: nothing; auto: bar on a terminal, json otherwise.
                    """,
                defaultText: "auto"
            ),
        ],
        examples: [
            ExampleSpec("orizuru prewarm http://127.0.0.1:8080", says: "Everything that the server has"),
            ExampleSpec(
                "orizuru prewarm http://127.0.0.1:8080 --tileset liver --levels 0-13",
                says: "One slide without its finest levels"
            ),
            ExampleSpec(
                "orizuru prewarm http://tiles.example:8080 --concurrency 2 --progress json",
                says: "Gently, from a script"
            ),
        ]
    )

    /// How progress is shown.
    enum ProgressForm: String, CaseIterable, Sendable {
        case auto, bar, json, none
    }

    /// The options as values.
    struct Settings: Sendable {
        var options: PrewarmOptions
        var progress: ProgressForm
    }

    /// Reads the values of a parsed `prewarm`.
    static func settings(_ command: ParsedCommand) throws(UsageError) -> Settings {
        let endpoint: WarmEndpoint
        do throws(PrewarmError) {
            endpoint = try WarmEndpoint(command.positionals.first ?? "")
        } catch {
            throw UsageError(message: error.description, command: command.name)
        }
        var options = PrewarmOptions(endpoint: endpoint)
        options.tilesets = command.values("tileset")
        options.levels = try read(command, "levels", accepted: "A-B, A-, -B or one level, from 0 to 30", levels)
        if let count = try read(
            command,
            "concurrency",
            accepted: "a whole number from 1 to 1024",
            { number($0, 1...1024) }
        ) {
            options.concurrency = count
        }
        if let limit = try read(command, "retries", accepted: "a whole number from 0 to 1000", { number($0, 0...1000) })
        {
            options.retry = RetryPolicy(limit: limit)
        }
        let timeAccepted = "a time with its unit such as 500ms, 30s or 5min, from 1ms to 1d"
        if let timeout = try read(command, "timeout", accepted: timeAccepted, timeout) { options.timeout = timeout }
        let progress = try read(command, "progress", accepted: "auto, bar, json or none", ProgressForm.init(rawValue:))
        return Settings(options: options, progress: progress ?? .auto)
    }

    private static func read<Value>(
        _ command: ParsedCommand,
        _ name: String,
        accepted: String,
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

    private static func timeout(_ text: String) -> Duration? {
        DurationText.parse(text).flatMap { (.milliseconds(1)...(.seconds(86_400))).contains($0) ? $0 : nil }
    }

    /// `9-12`, `9-`, `-12`, `9`. The finest level that any pyramid of ours has is 30.
    private static func levels(_ text: String) -> ClosedRange<Int>? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        let bounds = 0...30
        switch parts.count {
        case 1: return number(parts[0], bounds).map { $0...$0 }
        case 2:
            guard let first = parts[0].isEmpty ? 0 : number(parts[0], bounds),
                let last = parts[1].isEmpty ? 30 : number(parts[1], bounds), first <= last, text != "-"
            else { return nil }
            return first...last
        default: return nil
        }
    }
}
