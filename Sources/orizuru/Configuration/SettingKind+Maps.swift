// SPDX-License-Identifier: Apache-2.0

import JSONText
import TileService

/// `on` or `off`.
enum SettingSwitch: String, Sendable, CaseIterable {
    case on
    case off
}

extension SettingKind where Value == OverzoomRules {
    /// A number of levels for every map, or `ID: LEVELS; ID: LEVELS`.
    static let overzoomRules = SettingKind(
        placeholder: "LEVELS",
        accepted: "a number of levels from 0 to \(OverzoomRules.maximum) for every map, or rules such as "
            + "'world: 3; relief: 1', one per tileset"
    ) { value, _ in
        if case .integer(let number) = value { return rules([("", number)]) }
        guard case .string(let text) = value else { return nil }
        if let number = Int(text) { return rules([("", number)]) }
        var pairs: [(String, Int)] = []
        for rule in parts(of: text, at: ";") where !rule.isEmpty {
            let words = parts(of: rule, at: ":")
            guard words.count == 2, !words[0].isEmpty, let number = Int(words[1]) else { return nil }
            pairs.append((words[0], number))
        }
        return pairs.isEmpty ? nil : rules(pairs)
    }

    /// The empty name stands for every map. Nil where a number is out of range or a name comes twice.
    private static func rules(_ pairs: [(id: String, levels: Int)]) -> OverzoomRules? {
        var rules = OverzoomRules()
        for (id, levels) in pairs {
            guard (0...OverzoomRules.maximum).contains(levels) else { return nil }
            if id.isEmpty {
                rules.standard = levels
            } else if rules.byTileset.updateValue(levels, forKey: id) != nil {
                return nil
            }
        }
        return rules
    }
}
