// SPDX-License-Identifier: Apache-2.0

extension ProgramSpec {
    /// The command line of `orizuru`.
    static let orizuru = ProgramSpec(
        name: "orizuru",
        purpose: "Orizuru serves microscope slides and maps as tiles.",
        version: "0.1.0",
        commands: [ServeConfiguration.command, PrewarmCommand.command, sample]
    )

    private static let sample = CommandSpec(
        name: "sample",
        purpose: "Write the sample tilesets into a folder.",
        positionals: [PositionalSpec("OUT", help: "The folder to write into; made if it is not there.")],
        options: [
            OptionSpec("size", "WxH", help: "The size of the slide in pixels, such as 16384x16384.")
        ],
        examples: [ExampleSpec("orizuru sample tiles-sample", says: "What 'make serve' serves")]
    )
}
