// SPDX-License-Identifier: Apache-2.0

import HTTPFrontend
import HTTPServer
import JSONText
import TileService

/// The cache policies of single tilesets, by their ids.
typealias CacheRules = [String: CachePolicy]

/// Splits a text at a separator, without the spaces around its parts.
func parts(of text: some StringProtocol, at separator: Character) -> [String] {
    text.split(separator: separator, omittingEmptySubsequences: false).map { part in
        var word = part.drop { $0 == " " }
        while word.last == " " { word = word.dropLast() }
        return String(word)
    }
}

extension SettingKind where Value == [ListenPlace] {
    /// Addresses, Unix sockets and sockets handed over, separated by commas.
    static let listenPlaces = SettingKind(
        placeholder: "HOST:PORT",
        accepted: "one or more, separated by commas: an address and a port such as 127.0.0.1:8080, 0.0.0.0:80 or "
            + "[::1]:8080 (port 0: any free port), unix:/PATH, systemd"
    ) { value, _ in
        guard case .string(let text) = value else { return nil }
        let words = parts(of: text, at: ",")
        let places = words.compactMap(place)
        return places.count == words.count && places.count <= 64 ? places : nil
    }

    private static func place(_ word: String) -> ListenPlace? {
        if word == "systemd" { return .inherited }
        if word.hasPrefix("unix:") {
            let path = String(word.dropFirst(5))
            return path.hasPrefix("/") && path.utf8.count < 108 && !path.utf8.contains(0) ? .unix(path: path) : nil
        }
        return ListenAddress(parsing: word).map { .address($0) }
    }
}

extension SettingKind where Value == ListenAddress {
    /// One address and a port.
    static let listenAddress = SettingKind(
        placeholder: "ADDRESS:PORT",
        accepted: "an address and a port such as 127.0.0.1:8081 or [::1]:0 (port 0: any free port)"
    ) { value, _ in
        guard case .string(let text) = value else { return nil }
        return ListenAddress(parsing: text)
    }
}

extension SettingKind where Value == [String] {
    /// One or several origins, or `*`.
    static let origins = SettingKind(
        placeholder: "ORIGIN",
        accepted: "* or origins such as https://viewer.example.org, without a path, separated by commas"
    ) { value, machine in
        guard case .string(let text) = value else { return nil }
        let words = parts(of: text, at: ",")
        let origins = words.compactMap { SettingKind<String>.origin.read(.string($0), machine) }
        guard origins.count == words.count, origins.count == 1 || !origins.contains("*") else { return nil }
        return origins
    }
}

extension SettingKind where Value == TrustedProxies {
    /// Addresses and blocks of addresses.
    static let trustedProxies = SettingKind(
        placeholder: "ADDRESSES",
        accepted: "addresses and blocks such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7, and unix, separated by commas"
    ) { value, _ in
        guard case .string(let text) = value else { return nil }
        return TrustedProxies(parsing: text)
    }
}

extension SettingKind where Value == CacheRules {
    /// `ID: DIRECTIVES; ID: DIRECTIVES`.
    static let cacheRules = SettingKind(
        placeholder: "RULES",
        accepted: "rules such as 'world: public, max-age=7d, immutable; slide-1: private, max-age=1h, "
            + "stale-while-revalidate=1d, stale-if-error=7d; draft: no-store', one per tileset"
    ) { value, _ in
        guard case .string(let text) = value else { return nil }
        var rules: CacheRules = [:]
        for rule in parts(of: text, at: ";") where !rule.isEmpty {
            guard let colon = rule.firstIndex(of: ":"), let policy = policy(rule[rule.index(after: colon)...]) else {
                return nil
            }
            let id = parts(of: rule[..<colon], at: ":")[0]
            guard !id.isEmpty, rules.updateValue(policy, forKey: id) == nil else { return nil }
        }
        return rules.isEmpty ? nil : rules
    }

    /// A policy says how long: by max-age, no-cache or no-store.
    private static func policy(_ text: Substring) -> CachePolicy? {
        var policy = CachePolicy()
        policy.staleWhileRevalidate = nil
        var saysHowLong = false
        for directive in parts(of: text, at: ",") {
            let pieces = parts(of: directive, at: "=")
            switch (pieces[0], pieces.count) {
            case ("public", 1): policy.isPublic = true
            case ("private", 1): policy.isPublic = false
            case ("immutable", 1): policy.isImmutable = true
            case ("no-store", 1):
                policy.isStored = false
                saysHowLong = true
            case ("no-cache", 1):
                policy.maxAge = 0
                saysHowLong = true
            case (let name, 2):
                guard let seconds = seconds(pieces[1]) else { return nil }
                switch name {
                case "max-age":
                    policy.maxAge = seconds
                    saysHowLong = true
                case "stale-while-revalidate": policy.staleWhileRevalidate = seconds
                case "stale-if-error": policy.staleIfError = seconds
                default: return nil
                }
            default: return nil
            }
        }
        return saysHowLong ? policy : nil
    }

    /// A number of seconds, or a time with its unit.
    private static func seconds(_ text: String) -> Int? {
        let longest = 365 * 86_400
        if let plain = Int(text) { return (0...longest).contains(plain) ? plain : nil }
        guard let duration = DurationText.parse(text) else { return nil }
        let seconds = DurationText.wholeMilliseconds(duration) / 1000
        return (0...longest).contains(seconds) ? seconds : nil
    }
}

extension SettingKind where Value == [String: Int] {
    /// `ID: QUALITY; ID: QUALITY`.
    static let qualityRules = SettingKind(
        placeholder: "RULES",
        accepted: "rules such as 'world: 75; slide-1: 85', one per tileset, each from 1 to 100"
    ) { value, _ in
        guard case .string(let text) = value else { return nil }
        var rules: [String: Int] = [:]
        for rule in parts(of: text, at: ";") where !rule.isEmpty {
            guard let colon = rule.lastIndex(of: ":"),
                let quality = Int(parts(of: rule[rule.index(after: colon)...], at: ":")[0]), (1...100).contains(quality)
            else { return nil }
            let id = parts(of: rule[..<colon], at: ";")[0]
            guard !id.isEmpty, rules.updateValue(quality, forKey: id) == nil else { return nil }
        }
        return rules.isEmpty ? nil : rules
    }
}

extension SettingKind where Value == String {
    /// The path of a file that is written.
    static let filePath = SettingKind(placeholder: "FILE", accepted: "the path of a file") { value, _ in
        guard case .string(let text) = value, !text.isEmpty, !text.utf8.contains(0) else { return nil }
        return text
    }
}
