// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong.
func runOrizuru(_ arguments: [String]) -> Int32 {
    do {
        switch try CommandLineParser(program: .orizuru).parse(arguments) {
        case .print(let text):
            Output.write(text, to: .standardOutput)
            return 0
        case .run(let command):
            switch command.name {
            case "serve": return try ServeCommand.run(command)
            case "prewarm": return try PrewarmCommand.run(command)
            case "build": return try BuildCommand.run(command)
            case "inspect": return try InspectCommand.run(command)
            case "export": return try ExportCommand.run(command)
            case "sample": return try SampleCommand.run(command)
            default: preconditionFailure("the command \(command.name) has no code")
            }
        }
    } catch {
        var message = "orizuru: \(error)\n"
        if let usage = error as? UsageError {
            message += "Try 'orizuru \(usage.command.map { $0 + " " } ?? "")--help'.\n"
        }
        Output.write(message, to: .standardError)
        return 2
    }
}

exit(runOrizuru(Array(CommandLine.arguments.dropFirst())))
