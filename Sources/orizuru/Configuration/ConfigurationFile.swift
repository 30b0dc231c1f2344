// SPDX-License-Identifier: Apache-2.0

import JSONText

/// Reads the text of a configuration file into settings. Pure.
enum ConfigurationFile {
    /// The longest file that is read: a thousand times what the example holds.
    static let maxBytes = 4 << 20

    /// The settings of a file by the path of their key.
    ///
    /// - Parameters:
    ///   - path: the file's own path, for messages and for paths that are relative to it.
    ///   - keys: every key there is; another one is an error that names the nearest.
    static func settings(
        in bytes: [UInt8],
        path: String,
        keys: [ConfigurationKeyFacts]
    ) throws(ConfigurationError) -> [String: Setting] {
        let root: JSONNode
        do throws(JSONError) {
            root = try JSONReader.read(bytes, dialect: .json5)
        } catch {
            throw ConfigurationError("\(path), line \(error.line), column \(error.column): \(error.reason)")
        }
        var settings: [String: Setting] = [:]
        try collect(root, prefix: "", path: path, keys: keys, into: &settings)
        return settings
    }

    private static func collect(
        _ node: JSONNode,
        prefix: String,
        path: String,
        keys: [ConfigurationKeyFacts],
        into settings: inout [String: Setting]
    ) throws(ConfigurationError) {
        guard case .object(let members) = node.value else {
            let name = prefix.isEmpty ? "the whole" : "\"\(prefix.dropLast())\""
            throw ConfigurationError(
                "\(path), line \(node.line): expected \(name) to be an object { ... }, found \(node.value.kind)"
            )
        }
        for member in members {
            let name = prefix + member.name
            if let key = keys.first(where: { $0.path == name }) {
                let value = key.isList ? resolved(member.node.value, beside: path) : member.node.value
                settings[name] = Setting(value: value, origin: .file(path: path, line: member.node.line))
            } else if !member.name.contains("."), keys.contains(where: { $0.path.hasPrefix(name + ".") }) {
                try collect(member.node, prefix: name + ".", path: path, keys: keys, into: &settings)
            } else {
                throw unknown(name, line: member.node.line, path: path, keys: keys)
            }
        }
    }

    private static func unknown(
        _ name: String,
        line: Int,
        path: String,
        keys: [ConfigurationKeyFacts]
    ) -> ConfigurationError {
        var message = "\(path), line \(line): there is no key \(CommandLineParser.quoted(name))"
        let group = name.split(separator: ".").dropLast().joined(separator: ".")
        // Somebody may have the name right and the group wrong, or the other way round: compare both.
        let paths = keys.map(\.path)
        let last = name.split(separator: ".").last.map(String.init) ?? name
        let sameName = paths.first { $0.split(separator: ".").last.map(String.init) == last }
        let groups = Set(paths.compactMap { $0.contains(".") ? String($0.prefix { $0 != "." }) : nil }).sorted()
        if let near = sameName ?? Spelling.nearest(to: name, among: paths + groups) {
            message += "; did you mean \(near)?"
        } else {
            let members = paths.filter { group.isEmpty || $0.hasPrefix(group + ".") }
            message += "; the keys there are \(members.joined(separator: ", "))"
        }
        return ConfigurationError(message)
    }

    /// Relative paths of a file are meant from its folder, wherever the server is started.
    private static func resolved(_ value: JSONValue, beside path: String) -> JSONValue {
        guard case .array(let elements) = value else { return value }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        return .array(
            elements.map { element in
                guard let text = element.string, !text.isEmpty, !text.hasPrefix("/") else { return element }
                return JSONNode(value: .string(folder + text), line: element.line, column: element.column)
            }
        )
    }
}
