// SPDX-License-Identifier: Apache-2.0

/// One option of a command: `--name VALUE`, or `--name` alone where it is a flag.
struct OptionSpec: Sendable, Equatable {
    /// Without the dashes.
    let name: String
    /// What stands for the value in the help, with its unit where it has one; nil: a flag without a value.
    let placeholder: String?
    /// Whether it may be given more than once.
    let isRepeatable: Bool
    /// One or two sentences.
    let help: String
    /// What holds where it is not given, as it would be written; nil where there is nothing to say.
    let defaultText: String?
    /// The environment variable that sets the same thing.
    let environment: String?
    /// The heading under which the help lists it.
    let group: String

    init(
        _ name: String,
        _ placeholder: String? = nil,
        isRepeatable: Bool = false,
        help: String,
        defaultText: String? = nil,
        environment: String? = nil,
        group: String = "Options"
    ) {
        self.name = name
        self.placeholder = placeholder
        self.isRepeatable = isRepeatable
        self.help = help
        self.defaultText = defaultText
        self.environment = environment
        self.group = group
    }
}

/// One positional argument of a command.
struct PositionalSpec: Sendable, Equatable {
    /// As the usage line shows it: `PATH`.
    let name: String
    let help: String
    let isRequired: Bool
    /// Whether it takes all that follow; only the last positional may.
    let isRepeatable: Bool

    init(_ name: String, help: String, isRequired: Bool = true, isRepeatable: Bool = false) {
        self.name = name
        self.help = help
        self.isRequired = isRequired
        self.isRepeatable = isRepeatable
    }
}

/// An example that the help shows.
struct ExampleSpec: Sendable, Equatable {
    let command: String
    let says: String

    init(_ command: String, says: String) {
        self.command = command
        self.says = says
    }
}

/// Everything that the parser and the help know of one command: the only table of its options.
struct CommandSpec: Sendable, Equatable {
    let name: String
    /// One line, beginning with a verb.
    let purpose: String
    /// Paragraphs below the usage.
    var discussion: [String] = []
    var positionals: [PositionalSpec] = []
    var options: [OptionSpec] = []
    var examples: [ExampleSpec] = []

    func option(named name: String) -> OptionSpec? {
        options.first { $0.name == name }
    }
}

/// The whole command line: a name, a version, the commands.
struct ProgramSpec: Sendable, Equatable {
    let name: String
    let purpose: String
    let version: String
    let commands: [CommandSpec]

    func command(named name: String) -> CommandSpec? {
        commands.first { $0.name == name }
    }
}
