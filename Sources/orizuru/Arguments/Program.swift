// SPDX-License-Identifier: Apache-2.0

extension ProgramSpec {
    /// The command line of `orizuru`.
    static let orizuru = ProgramSpec(
        name: "orizuru",
        purpose: "Orizuru serves microscope slides and maps as tiles.",
        version: "0.1.0",
        commands: [
            ServeConfiguration.command, PrewarmCommand.command, BuildCommand.command, ExportCommand.command,
            InspectCommand.command, SampleCommand.command,
        ]
    )
}
