// SPDX-License-Identifier: Apache-2.0

import JSONText

/// One thing that can be configured, defined once: its name in the file gives the names of its flag and of its
/// environment variable, and help, example and documentation are written from it.
struct ConfigurationKey<Value: Sendable>: Sendable {
    let facts: ConfigurationKeyFacts
    let kind: SettingKind<Value>

    /// - Parameters:
    ///   - path: the name in the file, a point between a group and its member: `http.idleTimeout`.
    ///   - standard: the default, as the file would hold it; must be accepted by `kind`.
    ///   - group: the heading under which help and example list it.
    ///   - help: one or two sentences.
    init(_ path: String, _ kind: SettingKind<Value>, standard: JSONValue, group: String, help: String) {
        self.kind = kind
        self.facts = ConfigurationKeyFacts(
            path: path,
            placeholder: kind.placeholder,
            accepted: kind.accepted,
            standard: standard,
            group: group,
            help: help
        )
    }
}

/// What is known of a key without its type.
struct ConfigurationKeyFacts: Sendable, Equatable {
    let path: String
    let placeholder: String
    let accepted: String
    let standard: JSONValue
    let group: String
    let help: String

    /// `http.idleTimeout` is set by `--http-idle-timeout`; a key that holds a list, by the positional arguments.
    var flag: String? { isList ? nil : words.joined(separator: "-") }

    /// `http.idleTimeout` is set by `ORIZURU_HTTP_IDLE_TIMEOUT`.
    var environment: String { Self.environmentPrefix + words.joined(separator: "_").uppercased() }

    /// Whether it holds several values.
    var isList: Bool {
        if case .array = standard { true } else { false }
    }

    static let environmentPrefix = "ORIZURU_"

    /// `["http", "idle", "timeout"]`.
    private var words: [String] {
        var words: [String] = [""]
        for character in path {
            if character == "." {
                words.append("")
            } else if character.isUppercase {
                words.append(character.lowercased())
            } else {
                words[words.count - 1].append(character)
            }
        }
        return words
    }

    /// The default without quotes, for the help.
    var standardText: String? {
        switch standard {
        case .string(let text): text
        case .integer(let number): "\(number)"
        default: nil
        }
    }

    /// The default as the file would hold it.
    var standardJSON: String {
        switch standard {
        case .string(let text): "\"\(text)\""
        case .integer(let number): "\(number)"
        default: "[]"
        }
    }
}
