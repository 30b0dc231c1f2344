// SPDX-License-Identifier: Apache-2.0

extension ServeConfiguration {
    /// The command `serve`, its options written from the table of keys.
    static let command = CommandSpec(
        name: "serve",
        purpose: "Serve slides and maps as tiles over HTTP.",
        discussion: [
            """
            Opens every path, prints 'listening on http://ADDRESS:PORT' to standard output and serves until SIGTERM or \
            Ctrl-C. What it cannot open is logged; the rest is served.
            """,
            """
            The first SIGTERM or Ctrl-C answers what was accepted, then ends; a second one ends at once. SIGHUP opens the \
            catalog again: what did not change keeps its tiles in memory.
            """,
            """
            Every option is also a key of the configuration file and an environment variable. Options win over the \
            environment, the environment over the file, the file over the defaults.
            """,
            """
            Exit code: 0 an orderly end, 1 the server could not start or was ended at once, 2 the command line or the \
            configuration was wrong.
            """,
        ],
        positionals: [
            PositionalSpec(
                Keys.paths.facts.placeholder,
                help: Keys.paths.facts.help,
                isRequired: false,
                isRepeatable: true
            )
        ],
        options: [
            OptionSpec(
                configFlag,
                "FILE",
                help: "A configuration file in JSON5; config/orizuru.example.json5 shows every key.",
                environment: configVariable,
                group: Keys.listen.facts.group
            )
        ]
            + [OptionSpec(noDiskCacheFlag, help: "Keep no tiles on disk.", group: Keys.cacheDir.facts.group)]
            + Keys.all.compactMap { key in
                key.flag.map { flag in
                    OptionSpec(
                        flag,
                        key.placeholder,
                        help: "\(key.help) Accepts \(key.accepted).",
                        defaultText: key.standardText,
                        environment: key.environment,
                        group: key.group
                    )
                }
            },
        examples: [
            ExampleSpec("orizuru serve tiles-sample", says: "The sample pictures, at http://127.0.0.1:8080/"),
            ExampleSpec(
                "orizuru serve /data/slides --listen 0.0.0.0:8080 --memory 4GiB",
                says: "A folder of slides, for the whole network, with 4 GiB of tiles in memory"
            ),
            ExampleSpec(
                "ORIZURU_LOG_FORMAT=json orizuru serve --config site.json5",
                says: "From a file, the log as JSON lines"
            ),
        ]
    )

    /// The commented example of a configuration file, with every key at its default: `config/orizuru.example.json5` is
    /// this text.
    static func exampleText() -> String {
        var lines = [
            "// Orizuru's configuration, with every key at its default. Copy what you change.",
            "// JSON5: comments, unquoted names and trailing commas are welcome.",
            "// Each key is also an option of 'orizuru serve' and an environment variable, named in brackets;",
            "// options win over the environment, the environment over this file.",
            "{",
        ]
        var openGroup = ""
        for key in Keys.all {
            let parts = key.path.split(separator: ".")
            let group = parts.count == 2 ? String(parts[0]) : ""
            if group != openGroup {
                if !openGroup.isEmpty { lines.append("    },") }
                if !group.isEmpty { lines += ["", "    \(group): {"] }
                openGroup = group
            } else if lines.last != "{" {
                lines.append("")
            }
            let margin = group.isEmpty ? "    " : "        "
            let name = parts.last.map(String.init) ?? key.path
            let ways = [key.flag.map { "--" + $0 }, key.environment].compactMap { $0 }.joined(separator: ", ")
            let width = 100
            let comment =
                HelpText.wrapped(key.help, indent: 0, width: width)
                + HelpText.wrapped("Accepts \(key.accepted).", indent: 0, width: width) + ["[\(ways)]"]
            lines += comment.map { "\(margin)// \($0)" }
            lines.append("\(margin)\(name): \(key.standardJSON),")
        }
        if !openGroup.isEmpty { lines.append("    },") }
        return lines.joined(separator: "\n") + "\n}\n"
    }
}
