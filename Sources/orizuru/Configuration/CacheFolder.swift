// SPDX-License-Identifier: Apache-2.0

import JSONText

/// Where finished tiles are kept on disk.
enum CacheFolder: Sendable, Equatable {
    /// Below the user's cache folder; where another server uses that already, nowhere.
    case automatic
    case folder(String)
    /// Nowhere.
    case none

    /// The folder in this environment (XDG Base Directory Specification): nil where there is none to be used.
    func path(environment: (String) -> String?) -> String? {
        switch self {
        case .none: return nil
        case .folder(let path): return path
        case .automatic:
            // A relative path there is to be ignored, says the specification.
            if let cache = environment("XDG_CACHE_HOME"), cache.hasPrefix("/") { return cache + "/orizuru" }
            guard let home = environment("HOME"), home.hasPrefix("/") else { return nil }
            return home + "/.cache/orizuru"
        }
    }
}

extension SettingKind where Value == CacheFolder {
    static let cacheFolder = SettingKind(
        placeholder: "DIR",
        accepted: "the path of a folder, auto, or off"
    ) { value, _ in
        guard case .string(let text) = value, !text.isEmpty, !text.utf8.contains(0) else { return nil }
        switch text {
        case "auto": return .automatic
        case "off": return CacheFolder.none
        default: return .folder(text)
        }
    }
}
