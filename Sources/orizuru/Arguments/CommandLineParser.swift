// SPDX-License-Identifier: Apache-2.0

/// What a command line asks for.
enum Invocation: Equatable, Sendable {
    case run(ParsedCommand)
    /// Text for standard output; exit code 0.
    case print(String)
}

/// A command with the arguments that were given to it, all of them known to its table.
struct ParsedCommand: Equatable, Sendable {
    let spec: CommandSpec
    fileprivate(set) var options: [String: [String]] = [:]
    fileprivate(set) var positionals: [String] = []

    var name: String { spec.name }

    /// The value of an option that takes one, or nil where it was not given.
    func value(_ option: String) -> String? {
        precondition(spec.option(named: option)?.placeholder != nil, "no option with a value: --\(option)")
        return options[option]?.last
    }

    /// All values of a repeatable option, in order.
    func values(_ option: String) -> [String] {
        precondition(spec.option(named: option)?.isRepeatable == true, "no repeatable option: --\(option)")
        return options[option] ?? []
    }

    /// Whether a flag was given.
    func flag(_ option: String) -> Bool {
        precondition(spec.option(named: option).map { $0.placeholder == nil } == true, "no flag: --\(option)")
        return options[option] != nil
    }
}

/// A command line that cannot be understood. Exit code 2.
struct UsageError: Error, Equatable, CustomStringConvertible {
    /// What is wrong and what to do, without the program's name.
    let message: String
    /// The command whose help would tell more; nil: the program's.
    let command: String?

    var description: String { message }
}

/// Turns arguments into an invocation by a program's table. Pure: prints nothing, ends nothing.
///
/// `--name value`, `--name=value`, flags, `--` before positionals that begin with a dash, `-h` and `--help` anywhere
/// before `--`, `help COMMAND`, `--version`. Options and positionals may mix. A value that begins with `--` must be
/// joined by `=`, so that a forgotten value is not filled by the next option.
struct CommandLineParser {
    let program: ProgramSpec

    /// - Parameter arguments: without the program's own name.
    func parse(_ arguments: [String]) throws(UsageError) -> Invocation {
        guard let first = arguments.first else {
            throw UsageError(message: "no command is given: \(Self.choice(commandNames))", command: nil)
        }
        switch first {
        case "-h", "--help": return .print(HelpText.program(program))
        case "--version": return .print("\(program.name) \(program.version)\n")
        case "help":
            guard arguments.count > 1 else { return .print(HelpText.program(program)) }
            return .print(HelpText.command(try command(named: arguments[1]), of: program))
        default: break
        }
        if first.hasPrefix("-") {
            throw UsageError(
                message: "\(Self.quoted(first)) stands where a command is expected: \(Self.choice(commandNames))",
                command: nil
            )
        }
        return try parse(arguments.dropFirst(), for: command(named: first))
    }

    private var commandNames: [String] { program.commands.map(\.name) }

    private func command(named name: String) throws(UsageError) -> CommandSpec {
        if let command = program.command(named: name) { return command }
        var message = "there is no command \(Self.quoted(name))"
        if let near = Spelling.nearest(to: name, among: commandNames) {
            message += "; did you mean \(near)?"
        } else {
            message += ": \(Self.choice(commandNames))"
        }
        throw UsageError(message: message, command: nil)
    }

    private func parse(_ arguments: ArraySlice<String>, for spec: CommandSpec) throws(UsageError) -> Invocation {
        var parsed = ParsedCommand(spec: spec)
        var rest = arguments
        while let argument = rest.popFirst() {
            if argument == "--" {
                for positional in rest { try add(positional: positional, to: &parsed) }
                break
            } else if argument == "-h" || argument == "--help" {
                return .print(HelpText.command(spec, of: program))
            } else if argument.hasPrefix("--") {
                try takeOption(argument, rest: &rest, into: &parsed)
            } else if argument.hasPrefix("-"), argument != "-" {
                throw unknownOption(argument, of: spec)
            } else {
                try add(positional: argument, to: &parsed)
            }
        }
        if let missing = spec.positionals.dropFirst(parsed.positionals.count).first(where: \.isRequired) {
            throw UsageError(message: "\(spec.name) needs \(missing.name): \(missing.help)", command: spec.name)
        }
        return .run(parsed)
    }

    private func takeOption(
        _ argument: String,
        rest: inout ArraySlice<String>,
        into parsed: inout ParsedCommand
    ) throws(UsageError) {
        let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        let spec = parsed.spec
        guard let option = spec.option(named: name) else { throw unknownOption("--" + name, of: spec) }
        let value: String
        if let placeholder = option.placeholder {
            if parts.count == 2 {
                value = String(parts[1])
            } else if let next = rest.first, !next.hasPrefix("--") {
                value = next
                rest.removeFirst()
            } else {
                let found = rest.first.map { ", found \(Self.quoted($0))" } ?? ""
                throw UsageError(
                    message: "--\(name) needs a value\(found); write --\(name) \(placeholder)",
                    command: spec.name
                )
            }
        } else {
            guard parts.count == 1 else {
                throw UsageError(message: "--\(name) is a flag and takes no value; write --\(name)", command: spec.name)
            }
            value = ""
        }
        if let earlier = parsed.options[name]?.last, !option.isRepeatable {
            let detail = option.placeholder == nil ? "" : " (\(Self.quoted(earlier)), then \(Self.quoted(value)))"
            throw UsageError(message: "--\(name) is given twice\(detail); give it once", command: spec.name)
        }
        parsed.options[name, default: []].append(value)
    }

    private func add(positional: String, to parsed: inout ParsedCommand) throws(UsageError) {
        let spec = parsed.spec
        guard parsed.positionals.count < spec.positionals.count || spec.positionals.last?.isRepeatable == true else {
            throw UsageError(
                message:
                    "\(Self.quoted(positional)) is one argument too many; usage: \(HelpText.usage(spec, of: program))",
                command: spec.name
            )
        }
        parsed.positionals.append(positional)
    }

    private func unknownOption(_ written: String, of spec: CommandSpec) -> UsageError {
        var message = "\(spec.name) has no option \(Self.quoted(written))"
        let names = spec.options.map { "--" + $0.name } + ["--help"]
        // One dash too few is the usual slip: compare with two.
        let compared = written.hasPrefix("--") ? written : "-" + written
        if let near = Spelling.nearest(to: compared, among: names) {
            message += "; did you mean \(near)?"
        }
        return UsageError(message: message, command: spec.name)
    }

    private static func choice(_ names: [String]) -> String { "choose one of \(names.joined(separator: ", "))" }

    /// Quoted for a message, without control characters and not endless.
    static func quoted(_ text: String) -> String {
        let short = text.unicodeScalars.count > 80 ? String(text.prefix(80)) + "..." : text
        return "'" + short.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0) }.joined() + "'"
    }
}
