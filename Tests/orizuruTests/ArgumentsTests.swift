// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import orizuru

private let bake = CommandSpec(
    name: "bake",
    purpose: "Bake a cake.",
    discussion: ["Cakes are baked at the given heat."],
    positionals: [
        PositionalSpec("OVEN", help: "Where."),
        PositionalSpec("CAKE", help: "What.", isRequired: false, isRepeatable: true),
    ],
    options: [
        OptionSpec("heat", "DEGREES", help: "How hot.", defaultText: "180", environment: "BAKE_HEAT"),
        OptionSpec("topping", "NAME", isRepeatable: true, help: "What goes on it.", group: "Taste"),
        OptionSpec("dry-run", help: "Only say so."),
    ],
    examples: [ExampleSpec("kitchen bake oven --heat 200", says: "A hot one")]
)
private let kitchen = ProgramSpec(
    name: "kitchen",
    purpose: "Kitchen work.",
    version: "1.2",
    commands: [bake, CommandSpec(name: "wash", purpose: "Wash the dishes.")]
)

private func parse(_ arguments: String...) throws(UsageError) -> Invocation {
    try CommandLineParser(program: kitchen).parse(arguments)
}

private func command(_ arguments: String...) throws -> ParsedCommand {
    guard case .run(let command) = try CommandLineParser(program: kitchen).parse(arguments) else {
        throw UsageError(message: "not a command", command: nil)
    }
    return command
}

private func refusal(_ arguments: String...) -> String? {
    do throws(UsageError) {
        _ = try CommandLineParser(program: kitchen).parse(arguments)
        return nil
    } catch {
        return error.message
    }
}

@Suite("the command line")
struct ArgumentsTests {
    @Test("options take their value from the next word or behind an equals sign, and mix with positionals")
    func values() throws {
        let parsed = try command(
            "bake",
            "--heat",
            "200",
            "oven",
            "--topping=a=b",
            "cake",
            "--dry-run",
            "--topping",
            "-"
        )
        #expect(parsed.value("heat") == "200")
        #expect(parsed.values("topping") == ["a=b", "-"])
        #expect(parsed.flag("dry-run"))
        #expect(parsed.positionals == ["oven", "cake"])
        let plain = try command("bake", "oven", "--heat=")
        #expect(plain.value("heat")?.isEmpty == true)
        #expect(!plain.flag("dry-run") && plain.values("topping").isEmpty)
        #expect(try command("bake", "oven", "--heat", "-5").value("heat") == "-5")
    }

    @Test("behind two dashes everything is positional, help too")
    func dashes() throws {
        #expect(try command("bake", "--", "oven", "--heat", "-h", "--").positionals == ["oven", "--heat", "-h", "--"])
    }

    @Test(
        "a wrong line is refused with what to do",
        arguments: [
            ([], "no command is given: choose one of bake, wash"),
            (["bak"], "there is no command 'bak'; did you mean bake?"),
            (["somersault"], "there is no command 'somersault': choose one of bake, wash"),
            (["--heat"], "'--heat' stands where a command is expected: choose one of bake, wash"),
            (["bake", "o", "--haet=1"], "bake has no option '--haet'; did you mean --heat?"),
            (["bake", "o", "-heat", "1"], "bake has no option '-heat'; did you mean --heat?"),
            (["bake", "o", "-x"], "bake has no option '-x'"),
            (["bake", "o", "--quite-unknown"], "bake has no option '--quite-unknown'"),
            (["bake", "o", "--heat"], "--heat needs a value; write --heat DEGREES"),
            (["bake", "o", "--heat", "--dry-run"], "--heat needs a value, found '--dry-run'; write --heat DEGREES"),
            (["bake", "o", "--dry-run=yes"], "--dry-run is a flag and takes no value; write --dry-run"),
            (["bake", "--heat=1", "--heat=2"], "--heat is given twice ('1', then '2'); give it once"),
            (["bake", "--dry-run", "--dry-run"], "--dry-run is given twice; give it once"),
            (["bake"], "bake needs OVEN: Where."),
            (["wash", "cup"], "'cup' is one argument too many; usage: kitchen wash"),
            (["bake", "--\u{7}\n="], "bake has no option '--??'"),
        ] as [([String], String)]
    )
    func refused(arguments: [String], message: String) {
        #expect(throws: UsageError.self) { try CommandLineParser(program: kitchen).parse(arguments) }
        do throws(UsageError) {
            _ = try CommandLineParser(program: kitchen).parse(arguments)
        } catch {
            #expect(error.message == message)
        }
    }

    @Test("help is asked for in every usual way, before anything else is judged")
    func help() throws {
        let overview = try parse("--help")
        #expect(try parse("-h") == overview && parse("help") == overview)
        let text = try parse("bake", "-h")
        #expect(try parse("bake", "--help") == text && parse("help", "bake") == text)
        #expect(try parse("bake", "a", "--heat", "5", "--help") == text)
        #expect(refusal("help", "bakee") == "there is no command 'bakee'; did you mean bake?")
        #expect(try parse("--version") == .print("kitchen 1.2\n"))
    }

    @Test("the help of a command is written from its table")
    func helpText() {
        #expect(
            HelpText.command(bake, of: kitchen) == """
                kitchen bake: Bake a cake.

                Usage: kitchen bake OVEN [CAKE...] [OPTION...]

                Cakes are baked at the given heat.

                Arguments:
                  OVEN                Where.
                  CAKE                What.

                Options:
                  --heat DEGREES      How hot. (default: 180; environment: BAKE_HEAT)
                  --dry-run           Only say so.
                  --help              Print this help (also -h).

                Taste:
                  --topping NAME      What goes on it. May be given several times.

                Examples:
                  # A hot one
                  kitchen bake oven --heat 200

                """
        )
    }

    @Test("every help of the program fits a classic terminal, and every option and example in it parses")
    func ownHelp() throws {
        let program = ProgramSpec.orizuru
        for text in [HelpText.program(program)] + program.commands.map({ HelpText.command($0, of: program) }) {
            for line in text.split(separator: "\n") where line.count > HelpText.width {
                // Examples may be longer: they are copied whole.
                #expect(line.contains("orizuru "), "\(line)")
            }
        }
        for command in program.commands {
            #expect(Set(command.options.map(\.name)).count == command.options.count)
            #expect(!command.examples.isEmpty, "\(command.name) teaches nothing")
            for example in command.examples {
                let words = example.command.split(separator: " ").map(String.init)
                let start = try #require(words.firstIndex(of: "orizuru"))
                let parsed = try CommandLineParser(program: program).parse(Array(words[(start + 1)...]))
                guard case .run(let run) = parsed else {
                    Issue.record("\(example.command) runs nothing")
                    continue
                }
                #expect(run.name == command.name)
            }
        }
    }

    @Test(
        "the nearest word is found within a third of its letters",
        arguments: [
            ("memroy", "memory"), ("MEMORY", "memory"), ("memor", "memory"), ("mmory", "memory"), ("worker", "workers"),
            ("listne", "listen"), ("xyz", nil), ("", nil), (String(repeating: "m", count: 10_000), nil),
        ] as [(String, String?)]
    )
    func spelling(word: String, expected: String?) {
        #expect(Spelling.nearest(to: word, among: ["memory", "workers", "listen"]) == expected)
    }

    @Test("the distance of two words is symmetric and counts insertions, removals, changes and swaps")
    func distance() {
        for (first, second, distance) in [
            ("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "axc", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1), ("abcd", "badc", 2),
        ] {
            #expect(Spelling.distance(first, second) == distance)
            #expect(Spelling.distance(second, first) == distance)
        }
    }
}
