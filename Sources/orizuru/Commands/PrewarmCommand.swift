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
            A run that takes long can be stopped and taken up again: with --resume it goes on where it was, also after it \
            was killed. --duration ends it in time for the morning, --rate and --ramp-up keep it gentle, --dry-run says \
            beforehand what it would do.
            """,
            """
            Exit code: 0 all is warm (or the time of --duration is over without a failure), 1 something failed, 2 the \
            command line was wrong, 130 stopped by Ctrl-C (which lets requests in flight finish; a second one does not).
            """,
        ],
        positionals: [
            PositionalSpec(
                "URL|PATH",
                help: """
                    The server, such as http://127.0.0.1:8080; or without a server what is to be rendered into the folder of \
                    --cache-dir, for a server that will use it.
                    """
            )
        ],
        options: [
            OptionSpec(
                "cache-dir",
                "DIR",
                help:
                    "With a PATH: the folder that is filled, as of 'orizuru serve --cache-dir'. No server may be using it."
            ),
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
                "bbox",
                "W,S,E,N",
                isRepeatable: true,
                help: """
                    Of maps, only what touches this box of longitudes and latitudes in degrees. West of its west edge, the \
                    east edge lies beyond the antimeridian: 170,-20,-170,0.
                    """
            ),
            OptionSpec(
                "geojson",
                "FILE",
                isRepeatable: true,
                help: "Of maps, only what touches the polygons of this GeoJSON file."
            ),
            OptionSpec(
                "pixels",
                "X,Y,W,H",
                isRepeatable: true,
                help: "Of slides, only what touches this rectangle, in pixels of the full picture."
            ),
            OptionSpec(
                "concurrency",
                "N",
                help: "How many requests are under way at once, 1 to 1024.",
                defaultText: "8"
            ),
            OptionSpec("rate", "N", help: "At most so many requests per second, such as 20 or 0.5."),
            OptionSpec(
                "ramp-up",
                "TIME",
                help: "How long it takes until all requests at once are under way, such as 30s.",
                defaultText: "0s"
            ),
            OptionSpec("duration", "TIME", help: "Stop after this time, such as 6h."),
            OptionSpec(
                "resume",
                "FILE",
                help: """
                    Keep how far the run came in this file, and go on from there if it is there already. It is removed when \
                    all is done.
                    """
            ),
            OptionSpec("failed", "FILE", help: "Add a line to this file for each request that failed for good."),
            OptionSpec("retry-failed", "FILE", help: "Make the requests of a file of --failed, and no others."),
            OptionSpec("dry-run", help: "Say what would be done, in counts and estimates, and do nothing."),
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
                "orizuru prewarm /data/slides --cache-dir /var/cache/orizuru",
                says: "Before the server is started"
            ),
            ExampleSpec(
                "orizuru prewarm http://127.0.0.1:8080 --bbox 5.9,45.8,10.5,47.8 --levels 6-14 --dry-run",
                says: "What a country would cost"
            ),
            ExampleSpec(
                "orizuru prewarm http://127.0.0.1:8080 --resume night.json --failed failed.jsonl --duration 6h",
                says: "Every night a part of everything"
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
        var isDryRun = false
        /// Without a server: what to render, and the folder to fill.
        var local: (path: String, cacheFolder: String)?
        /// GeoJSON files, to be read.
        var geoJSONFiles: [String] = []
    }

    /// Reads the values of a parsed `prewarm`.
    static func settings(_ command: ParsedCommand) throws(UsageError) -> Settings {
        let place = command.positionals.first ?? ""
        let isURL = place.contains("://")
        let cacheFolder = command.value("cache-dir")
        guard isURL == (cacheFolder == nil) else {
            throw UsageError(
                message: isURL
                    ? "--cache-dir goes with a PATH; a server knows its own cache folder"
                    : "without a server, --cache-dir DIR has to name the folder to fill (or give a URL: http://HOST:PORT)",
                command: command.name
            )
        }
        let endpoint: WarmEndpoint
        do throws(PrewarmError) {
            // Of a local server, the address is known when it listens.
            endpoint = try WarmEndpoint(isURL ? place : "http://127.0.0.1:1")
        } catch {
            throw UsageError(message: error.description, command: command.name)
        }
        var options = PrewarmOptions(endpoint: endpoint)
        options.tilesets = command.values("tileset")
        options.part.levels = try read(
            command,
            "levels",
            accepted: "A-B, A-, -B or one level, from 0 to 30",
            WarmPart.levels(parsing:)
        )
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
        try readRegion(command, &options.part)
        let rate = try read(command, "rate", accepted: "requests per second, more than 0 and at most 1000000", rate)
        options.rate = rate
        if let time = try read(command, "ramp-up", accepted: timeAccepted, timeout) { options.rampUp = time }
        options.duration = try read(command, "duration", accepted: "a time such as 90s, 30min or 6h", duration)
        options.resumeFile = command.value("resume")
        options.failedFile = command.value("failed")
        options.retryFile = command.value("retry-failed")
        if options.retryFile != nil, options.resumeFile != nil {
            throw UsageError(
                message: "--retry-failed makes the requests of its file only; leave --resume out",
                command: command.name
            )
        }
        let progress = try read(command, "progress", accepted: "auto, bar, json or none", ProgressForm.init(rawValue:))
        var settings = Settings(options: options, progress: progress ?? .auto)
        if let cacheFolder { settings.local = (place, cacheFolder) }
        settings.isDryRun = command.flag("dry-run")
        settings.geoJSONFiles = command.values("geojson")
        return settings
    }

    private static func readRegion(_ command: ParsedCommand, _ part: inout WarmPart) throws(UsageError) {
        for text in command.values("bbox") {
            guard let box = WarmPart.box(parsing: text) else {
                throw refused(command, "bbox", text, "west,south,east,north in degrees, such as 5.9,45.8,10.5,47.8")
            }
            part.add(box)
        }
        for text in command.values("pixels") {
            guard let rect = WarmPart.pixels(parsing: text) else {
                throw refused(command, "pixels", text, "x,y,width,height in whole pixels, such as 0,0,4096,4096")
            }
            part.pixels.append(rect)
        }
    }

    private static func rate(_ text: String) -> Double? {
        Double(text).flatMap { WarmPace.rates.contains($0) ? $0 : nil }
    }

    private static func duration(_ text: String) -> Duration? {
        DurationText.parse(text).flatMap { $0 > .zero ? $0 : nil }
    }

    private static func refused(_ command: ParsedCommand, _ name: String, _ text: String, _ accepted: String)
        -> UsageError
    {
        UsageError(
            message: "--\(name): \(CommandLineParser.quoted(text)) is not accepted; expected \(accepted)",
            command: command.name
        )
    }

    private static func read<Value>(
        _ command: ParsedCommand,
        _ name: String,
        accepted: String,
        _ parse: (String) -> Value?
    ) throws(UsageError) -> Value? {
        guard let text = command.value(name) else { return nil }
        if let value = parse(text) { return value }
        throw refused(command, name, text, accepted)
    }

    private static func number(_ text: String, _ range: ClosedRange<Int>) -> Int? {
        Int(text).flatMap { range.contains($0) ? $0 : nil }
    }

    private static func timeout(_ text: String) -> Duration? {
        DurationText.parse(text).flatMap { (.milliseconds(1)...(.seconds(86_400))).contains($0) ? $0 : nil }
    }
}
