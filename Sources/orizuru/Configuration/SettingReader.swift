// SPDX-License-Identifier: Apache-2.0

import JSONText

/// A configuration that cannot be used. Exit code 2.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, where it stands, what is accepted.
    let description: String

    init(_ description: String) { self.description = description }
}

/// Where a setting comes from, in words for messages.
enum SettingOrigin: Equatable, Sendable {
    case file(path: String, line: Int)
    case environment
    case flag
    case standard
}

/// A value that somebody wrote for a key, not yet read.
struct Setting: Equatable, Sendable {
    let value: JSONValue
    let origin: SettingOrigin
}

/// The settings by the path of their key: the strongest source for each, or its default.
struct SettingReader {
    private let settings: [String: Setting]
    private let machine: MachineFacts
    /// The keys that were asked for; a test compares them with the table.
    private(set) var pathsRead: Set<String> = []

    init(settings: [String: Setting], machine: MachineFacts) {
        self.settings = settings
        self.machine = machine
    }

    /// The value of a key.
    mutating func read<Value>(_ key: ConfigurationKey<Value>) throws(ConfigurationError) -> Value {
        pathsRead.insert(key.facts.path)
        let setting = settings[key.facts.path] ?? Setting(value: key.facts.standard, origin: .standard)
        if let value = key.kind.read(setting.value, machine) { return value }
        throw ConfigurationError(
            "\(place(of: key.facts)): \(Self.written(setting.value)) is not accepted; expected \(key.facts.accepted)"
        )
    }

    /// The key as it was written: `--memory`, `ORIZURU_MEMORY`, `memory in site.json5, line 3`.
    func place(of key: ConfigurationKeyFacts) -> String {
        switch settings[key.path]?.origin {
        case .file(let path, let line): "\(key.path) in \(path), line \(line)"
        case .environment: "the environment variable \(key.environment)"
        case .flag: key.flag.map { "--" + $0 } ?? key.placeholder
        case .standard, nil: "\(key.path) (its default)"
        }
    }

    private static func written(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): CommandLineParser.quoted(text)
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        case .null, .array, .object: value.kind
        }
    }
}
