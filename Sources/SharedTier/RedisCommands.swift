// SPDX-License-Identifier: Apache-2.0

/// Commands that are sent together, and answered in the same order: a pipeline. A value; nothing is formatted yet.
///
/// Arguments are bytes behind one another, so that a batch of tiles is one array.
struct RedisCommands: Sendable {
    /// The bytes of all arguments.
    private(set) var bytes: [UInt8] = []
    /// For each argument where it ends in `bytes`.
    private(set) var argumentEnds: [Int] = []
    /// For each command where it ends in `argumentEnds`.
    private(set) var commandEnds: [Int] = []

    init() {}

    /// How many commands, and so replies.
    var count: Int { commandEnds.count }

    /// Adds a command of short arguments.
    mutating func append(_ words: [String]) {
        for word in words { append(argument: word) }
        endCommand()
    }

    /// Adds an argument to the command that is being put together.
    mutating func append(argument: String) {
        bytes += argument.utf8
        argumentEnds.append(bytes.count)
    }

    /// Adds an argument that `write` appends.
    mutating func append(argument write: (inout [UInt8]) -> Void) {
        write(&bytes)
        argumentEnds.append(bytes.count)
    }

    /// Ends the command; the next argument begins another one.
    mutating func endCommand() { commandEnds.append(argumentEnds.count) }

    /// The arguments of command `index`, as ranges of `bytes`.
    func arguments(of index: Int) -> [Range<Int>] {
        let first = index == 0 ? 0 : commandEnds[index - 1]
        return (first..<commandEnds[index]).map { ($0 == 0 ? 0 : argumentEnds[$0 - 1])..<argumentEnds[$0] }
    }

    /// The same with ASKING in front of each command: for a node that is taking a slot over.
    var asking: RedisCommands {
        var commands = RedisCommands()
        for index in 0..<count {
            commands.append(["ASKING"])
            for argument in arguments(of: index) {
                commands.append(argument: { $0 += bytes[argument] })
            }
            commands.endCommand()
        }
        return commands
    }
}
