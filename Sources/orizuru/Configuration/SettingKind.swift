// SPDX-License-Identifier: Apache-2.0

import HTTPServer
import JSONText

/// How the value of a key is written: what is accepted, in words, and the reading of it.
///
/// Environment variables and flags arrive as strings, files may also hold numbers and lists; a kind reads both.
struct SettingKind<Value: Sendable>: Sendable {
    /// What stands for the value in the help: `SIZE`.
    let placeholder: String
    /// What is accepted, as the end of a sentence.
    let accepted: String
    /// The value, or nil where it is not accepted.
    let read: @Sendable (JSONValue, MachineFacts) -> Value?

    init(
        placeholder: String,
        accepted: String,
        read: @escaping @Sendable (JSONValue, MachineFacts) -> Value?
    ) {
        self.placeholder = placeholder
        self.accepted = accepted
        self.read = read
    }
}

extension SettingKind where Value == Int {
    static func count(_ range: ClosedRange<Int>, placeholder: String = "N", of unit: String = "") -> SettingKind {
        let noun = unit.isEmpty ? "" : " of \(unit)"
        return SettingKind(
            placeholder: placeholder,
            accepted: "a whole number\(noun) from \(range.lowerBound) to \(range.upperBound)"
        ) { value, _ in
            let number: Int? =
                switch value {
                case .integer(let number): number
                case .string(let text): Int(text)
                default: nil
                }
            return number.flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension SettingKind where Value == ByteCount {
    static func bytes(_ range: ClosedRange<ByteCount>) -> SettingKind {
        SettingKind(
            placeholder: "SIZE",
            accepted: "a size such as 512MiB, 1.5GiB, 20GB or a number of bytes, from \(range.lowerBound) to "
                + "\(range.upperBound)"
        ) { value, _ in
            let count: ByteCount? =
                switch value {
                case .integer(let number): ByteCount(bytes: number)
                case .string(let text): ByteCount(text)
                default: nil
                }
            return count.flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension SettingKind where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>) -> SettingKind {
        SettingKind(
            placeholder: "TIME",
            accepted: "a time with its unit such as 500ms, 75s, 5min, 12h or 7d, from "
                + "\(DurationText.write(range.lowerBound)) to \(DurationText.write(range.upperBound))"
        ) { value, _ in
            guard case .string(let text) = value, let duration = DurationText.parse(text), range.contains(duration)
            else {
                return nil
            }
            return duration
        }
    }
}

extension SettingKind where Value: CaseIterable {
    /// One of the names of an enumeration.
    static func choice(_ placeholder: String, named name: @escaping @Sendable (Value) -> String) -> SettingKind {
        let names = Value.allCases.map(name)
        return SettingKind(
            placeholder: placeholder,
            accepted: names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        ) { value, _ in
            guard case .string(let text) = value else { return nil }
            return Value.allCases.first { name($0) == text }
        }
    }
}

extension SettingKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the raw values of an enumeration.
    static func choice(_ placeholder: String) -> SettingKind { choice(placeholder, named: \.rawValue) }
}

extension SettingKind where Value == Bool {
    /// A switch.
    static let onOrOff = SettingKind(placeholder: "on|off", accepted: "on or off") { value, _ in
        switch value {
        case .string("on"), .bool(true): true
        case .string("off"), .bool(false): false
        default: nil
        }
    }
}

extension SettingKind where Value == String {
    /// An origin as the header `Access-Control-Allow-Origin` carries it, or `*`.
    static let origin = SettingKind(
        placeholder: "ORIGIN",
        accepted: "* or an origin such as https://viewer.example.org, without a path"
    ) { value, _ in
        guard case .string(let text) = value else { return nil }
        if text == "*" { return text }
        guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return nil }
        let host = text.utf8.dropFirst(scheme.utf8.count)
        // It goes into a header as it is: visible ASCII, and nothing that would end an authority.
        let isPlain = host.allSatisfy { (0x21...0x7E).contains($0) && !"/?#@,\"\\".utf8.contains($0) }
        return host.isEmpty || host.count > 255 || !isPlain ? nil : text
    }
}

extension SettingKind where Value == String {
    /// A text that may hold a password. What is wrong with it is said by who uses it, without repeating it.
    static func secretText(_ placeholder: String, _ accepted: String) -> SettingKind {
        SettingKind(placeholder: placeholder, accepted: accepted) { value, _ in
            guard case .string(let text) = value, !text.isEmpty else { return nil }
            return text
        }
    }

    /// What stands in front of keys on a shared server.
    static let keyPrefix = SettingKind(
        placeholder: "TEXT",
        accepted: "at most 64 visible ASCII characters, none of them a brace, a quote or a backslash"
    ) { value, _ in
        guard case .string(let text) = value, (1...64).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"{}\"'\\".utf8.contains($0) })
        else { return nil }
        return text
    }
}

extension SettingKind where Value == [String] {
    /// Paths: a list in a file, joined by colons in the environment, which the loader splits.
    static let paths = SettingKind(
        placeholder: "PATH",
        accepted: "a list of paths, none of them empty"
    ) { value, _ in
        guard case .array(let elements) = value else { return nil }
        let paths = elements.compactMap(\.string)
        return paths.count == elements.count && paths.allSatisfy(isPath) ? paths : nil
    }

    private static func isPath(_ text: String) -> Bool { !text.isEmpty && !text.utf8.contains(0) }
}

extension SettingKind {
    /// The same, or `auto` for what `choose` makes of the machine.
    func orAutomatic(_ choose: @escaping @Sendable (MachineFacts) -> Value) -> SettingKind {
        let read = read
        return SettingKind(placeholder: placeholder, accepted: accepted + ", or auto") { value, machine in
            value == .string("auto") ? choose(machine) : read(value, machine)
        }
    }

    /// The same, or a word that means none, which reads as nil.
    func orNone(_ word: String) -> SettingKind<Value?> {
        let read = read
        return SettingKind<Value?>(placeholder: placeholder, accepted: accepted + ", or \(word)") { value, machine in
            if value == .string(word) { return .some(nil) }
            return read(value, machine).map { .some($0) }
        }
    }
}
