// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import JSONText

extension ServeConfiguration {
    /// A configuration, and what should be said about how it was found.
    struct Loaded: Equatable {
        let configuration: ServeConfiguration
        /// Sentences for the log, once there is one.
        let warnings: [String]
    }

    /// Reads the configuration for a parsed `serve`: flags before environment before file before defaults.
    ///
    /// - Parameters:
    ///   - command: the parsed `serve`.
    ///   - environment: all variables of the process.
    ///   - readFile: the bytes of a file, or the reason why they could not be read.
    static func load(
        _ command: ParsedCommand,
        environment: [String: String],
        machine: MachineFacts,
        readFile: (String) throws(ConfigurationError) -> [UInt8]
    ) throws(ConfigurationError) -> Loaded {
        var settings: [String: Setting] = [:]
        if let path = command.value(configFlag) ?? environment[configVariable].flatMap({ $0.isEmpty ? nil : $0 }) {
            settings = try ConfigurationFile.settings(in: try readFile(path), path: path, keys: Keys.all)
        }
        for key in Keys.all {
            if let value = environment[key.environment], !value.isEmpty {
                settings[key.path] = Setting(value: fromEnvironment(value, key), origin: .environment)
            }
            if let value = key.flag.flatMap(command.value) {
                settings[key.path] = Setting(value: .string(value), origin: .flag)
            } else if key.isList, !command.positionals.isEmpty {
                settings[key.path] = Setting(value: list(command.positionals), origin: .flag)
            }
        }
        if command.flag(noDiskCacheFlag) {
            let key = Keys.cacheDir.facts
            if let folder = key.flag.flatMap(command.value) {
                throw ConfigurationError(
                    "--\(noDiskCacheFlag) and --cache-dir \(folder) contradict each other; give one"
                )
            }
            settings[key.path] = Setting(value: .string("off"), origin: .flag)
        }
        var reader = SettingReader(settings: settings, machine: machine)
        let configuration = try ServeConfiguration(&reader)
        return Loaded(configuration: configuration, warnings: warnings(environment))
    }

    /// The flag that names the file; the variable does the same.
    static let configFlag = "config"
    /// Says the same as `--cache-dir off`.
    static let noDiskCacheFlag = "no-disk-cache"
    static let configVariable = ConfigurationKeyFacts.environmentPrefix + "CONFIG"

    private static func fromEnvironment(_ value: String, _ key: ConfigurationKeyFacts) -> JSONValue {
        guard key.isList else { return .string(value) }
        return list(value.split(separator: ":").map(String.init))
    }

    private static func list(_ values: [String]) -> JSONValue {
        .array(values.map { JSONNode(value: .string($0), line: 1, column: 1) })
    }

    /// Variables that nearly have the name of a key. They are no errors, as those of a file are: a cluster puts
    /// variables of its own under the name of a service (`ORIZURU_SERVICE_HOST`, `ORIZURU_PORT`), and they mean nothing.
    private static func warnings(_ environment: [String: String]) -> [String] {
        let known = Keys.all.map(\.environment) + [configVariable]
        return environment.keys.sorted().compactMap { name in
            guard name.hasPrefix(ConfigurationKeyFacts.environmentPrefix), !known.contains(name),
                let near = known.min(by: { Spelling.distance(name, $0) < Spelling.distance(name, $1) }),
                Spelling.distance(name, near) <= 2
            else { return nil }
            return "the environment variable \(name) sets nothing; did you mean \(near)?"
        }
    }
}

extension ServeConfiguration {
    /// The same for this process: its environment, its machine, its files.
    static func load(_ command: ParsedCommand) throws(ConfigurationError) -> Loaded {
        try load(command, environment: ProcessInfo.processInfo.environment, machine: .current()) {
            (path) throws(ConfigurationError) in
            try BoundedFile.read(path, maxBytes: ConfigurationFile.maxBytes)
        }
    }
}
