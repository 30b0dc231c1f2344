// SPDX-License-Identifier: Apache-2.0

/// Writes the help of a program and of its commands from the table that the parser reads. Pure.
enum HelpText {
    /// The width of a classic terminal: what is narrower reads well everywhere, logs and pages included.
    static let width = 80

    static func program(_ program: ProgramSpec) -> String {
        var lines = [program.purpose, "", "Usage: \(program.name) COMMAND [ARGUMENT...]", "", "Commands:"]
        let column = program.commands.map(\.name.utf8.count).max().map { $0 + 4 } ?? 0
        for command in program.commands {
            lines += hanging(command.name, column: column, text: command.purpose)
        }
        lines += [
            "", "Options:", "  -h, --help  Print this help; after a command, the command's.",
            "  --version   Print the version.", "",
            "'\(program.name) COMMAND --help' tells more, with examples.",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    static func command(_ command: CommandSpec, of program: ProgramSpec) -> String {
        var lines = wrapped("\(program.name) \(command.name): \(command.purpose)", indent: 0)
        lines += ["", "Usage: \(usage(command, of: program))"]
        for paragraph in command.discussion { lines += [""] + wrapped(paragraph, indent: 0) }
        if !command.positionals.isEmpty {
            lines += ["", "Arguments:"]
            for positional in command.positionals {
                lines += hanging(positional.name, column: argumentColumn, text: positional.help)
            }
        }
        for group in groups(command) {
            lines += ["", "\(group.name):"]
            for option in group.options {
                lines += hanging(heading(option), column: argumentColumn, text: explanation(option))
            }
        }
        if command.examples.isEmpty == false {
            lines += ["", "Examples:"]
            for example in command.examples {
                lines += wrapped("# " + example.says, indent: 2) + ["  " + example.command]
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    static func usage(_ command: CommandSpec, of program: ProgramSpec) -> String {
        var words = [program.name, command.name]
        for positional in command.positionals {
            let name = positional.name + (positional.isRepeatable ? "..." : "")
            words.append(positional.isRequired ? name : "[\(name)]")
        }
        if !command.options.isEmpty { words.append("[OPTION...]") }
        return words.joined(separator: " ")
    }

    private static let argumentColumn = 22

    private static func heading(_ option: OptionSpec) -> String {
        "--" + option.name + (option.placeholder.map { " " + $0 } ?? "")
    }

    private static func explanation(_ option: OptionSpec) -> String {
        var text = option.help
        if option.isRepeatable { text += " May be given several times." }
        var notes: [String] = []
        if let defaultText = option.defaultText { notes.append("default: \(defaultText)") }
        if let environment = option.environment { notes.append("environment: \(environment)") }
        return notes.isEmpty ? text : text + " (\(notes.joined(separator: "; ")))"
    }

    /// The options under their headings, in the table's order, and the help option last.
    private static func groups(_ command: CommandSpec) -> [(name: String, options: [OptionSpec])] {
        var groups: [(name: String, options: [OptionSpec])] = []
        let help = OptionSpec("help", help: "Print this help (also -h).")
        for option in command.options + [help] {
            if let index = groups.firstIndex(where: { $0.name == option.group }) {
                groups[index].options.append(option)
            } else {
                groups.append((option.group, [option]))
            }
        }
        return groups
    }

    /// A heading at two spaces and its text in a column beside it, or below where the heading is too long.
    private static func hanging(_ heading: String, column: Int, text: String) -> [String] {
        var lines = wrapped(text, indent: column)
        let lead = "  " + heading
        if lead.count + 2 <= column, let first = lines.first {
            lines[0] = lead + first.dropFirst(lead.count)
        } else {
            lines.insert(lead, at: 0)
        }
        return lines
    }

    /// Words laid out in lines of at most `width` columns; a longer word has a line of its own.
    static func wrapped(_ text: String, indent: Int, width: Int = width) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indent + line.count + 1 + word.count > width {
                lines.append(margin + line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        if !line.isEmpty { lines.append(margin + line) }
        return lines
    }
}
