// SPDX-License-Identifier: Apache-2.0

/// From the arguments of the process to its exit code: parses, prints help, runs a command, reports what it throws.
///
/// Exit codes: 0 done; 1 the command failed; 2 the command line or the configuration was wrong. A command that ends
/// otherwise returns its own.
struct CommandDispatch {
    /// Runs a parsed command to its end.
    typealias Runner = (ParsedCommand) throws -> Int32

    let program: ProgramSpec
    /// By the command's name. A command of the table without one is a bug of ours.
    let runners: [String: Runner]
    var output: (String) -> Void = StandardStreams.output
    var errors: (String) -> Void = StandardStreams.errors

    /// - Parameter arguments: without the program's own name.
    func run(_ arguments: [String]) -> Int32 {
        do {
            switch try CommandLineParser(program: program).parse(arguments) {
            case .print(let text):
                output(text)
                return 0
            case .run(let command):
                guard let runner = runners[command.name] else { preconditionFailure("nothing runs \(command.name)") }
                return try runner(command)
            }
        } catch let error as UsageError {
            errors("\(program.name): \(error)\n\(hint(error))\n")
            return 2
        } catch let error as ConfigurationError {
            errors("\(program.name): \(error)\n")
            return 2
        } catch {
            errors("\(program.name): \(error)\n")
            return 1
        }
    }

    private func hint(_ error: UsageError) -> String {
        "'\(program.name) \(error.command.map { $0 + " " } ?? "")--help' tells more"
    }
}
