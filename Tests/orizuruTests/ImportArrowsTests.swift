// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Reads the `import` lines of Sources and the targets of Package.swift.
@Suite("What imports what")
struct ImportArrowsTests {
    /// Each module and what of ours it may import. A row may name only modules of earlier rows: nothing points up.
    private static let allowed: KeyValuePairs<String, Set<String>> = [
        "CTurboJPEG": [],
        "CPNG": [],
        "CZlib": [],
        "CSQLite": [],
        "CTIFF": [],
        "COpenSlide": [],
        "CHiredis": [],
        "CJPEG": [],
        "CPNGCalls": ["CPNG"],
        "CPlatform": [],
        "TileModel": [],
        "JSONText": [],
        "GZip": ["CZlib"],
        "LockFree": ["CPlatform"],
        "Telemetry": ["LockFree", "CPlatform"],
        "ImageCodecs": ["CTurboJPEG", "CPNGCalls", "CPlatform"],
        "FamilyRendering": ["TileModel", "ImageCodecs", "CPlatform"],
        "TileSources": [
            "TileModel", "FamilyRendering", "ImageCodecs", "JSONText", "GZip", "LockFree", "Telemetry", "CPlatform",
        ],
        "TileCache": ["TileModel", "LockFree", "Telemetry", "CPlatform"],
        "DiskTier": ["TileModel", "LockFree", "Telemetry", "CPlatform"],
        "TilePipeline": [
            "TileModel", "GZip", "ImageCodecs", "FamilyRendering", "TileSources", "TileCache", "LockFree", "Telemetry",
            "CPlatform",
        ],
        "SharedTier": ["TileModel", "LockFree", "Telemetry", "CPlatform", "CHiredis"],
        "HTTPMessages": ["CPlatform"],
        "HTTPServer": ["HTTPMessages", "LockFree", "Telemetry", "CPlatform"],
        "HTTPFrontend": ["HTTPServer", "HTTPMessages", "LockFree", "Telemetry", "CPlatform"],
        "TileDescriptions": ["TileModel", "JSONText"],
        "Prewarm": ["TileModel", "JSONText", "LockFree", "CPlatform"],
        "TileService": [
            "TileModel", "JSONText", "TileDescriptions", "TileSources", "TileCache", "TilePipeline", "HTTPMessages",
            "HTTPServer", "HTTPFrontend", "LockFree", "Telemetry", "CPlatform", "DiskTier", "Prewarm",
        ],
        "PyramidBuilding": [
            "TileModel", "JSONText", "LockFree", "Telemetry", "ImageCodecs", "FamilyRendering", "TileSources",
            "TileDescriptions",
        ],
        "TilesetExport": [
            "TileModel", "GZip", "JSONText", "LockFree", "Telemetry", "TileDescriptions", "TileSources", "TileCache",
            "TilePipeline",
        ],
        "MBTilesSource": [
            "CSQLite", "TileModel", "GZip", "JSONText", "LockFree", "Telemetry", "FamilyRendering", "TileSources",
            "TilesetExport",
        ],
        "CJPEGCalls": ["CJPEG"],
        "CTIFFCalls": ["CTIFF"],
        "JPEGRows": ["CJPEGCalls", "ImageCodecs"],
        "TIFFSource": ["CTIFFCalls", "ImageCodecs"],
        "OpenSlideSource": ["COpenSlide", "ImageCodecs"],
        "orizuru": [
            "TileModel", "JSONText", "LockFree", "Telemetry", "ImageCodecs", "FamilyRendering", "TileSources",
            "TileCache", "DiskTier", "TilePipeline", "HTTPMessages", "HTTPServer", "HTTPFrontend", "TileDescriptions",
            "TileService", "PyramidBuilding", "Prewarm", "CPlatform", "TilesetExport", "MBTilesSource", "SharedTier",
            "JPEGRows", "TIFFSource", "OpenSlideSource",
        ],
    ]

    /// What each module imports of ours, by its sources.
    private static func imported() throws -> [String: Set<String>] {
        let sources = SharedData.packageRoot.appending(path: "Sources")
        let manager = FileManager.default
        var imported: [String: Set<String>] = [:]
        for module in try manager.contentsOfDirectory(atPath: sources.path) {
            imported[module] = []
            let folder = sources.appending(path: module)
            for case let name as String in manager.enumerator(atPath: folder.path) ?? .init()
            where name.hasSuffix(".swift") {
                let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
                for line in text.split(separator: "\n") {
                    if let found = line.firstMatch(of: /^ *(?:[@a-z]+ +)*import (?:[a-z]+ )?(\w+)/) {
                        imported[module]?.insert(String(found.1))
                    }
                }
            }
        }
        let ours = Set(imported.keys)
        return imported.mapValues { $0.intersection(ours) }
    }

    /// What each module of Sources with Swift files depends on, by Package.swift.
    private static func declared() throws -> [String: Set<String>] {
        let file = SharedData.packageRoot.appending(path: "Package.swift")
        let text = try String(contentsOf: file, encoding: .utf8)
        var declared: [String: Set<String>] = [:]
        let modules = text.matches(of: /\bmodule\(\s*"(\w+)"(?:,\s*\[([^\]]*)\])?/).map { ($0.1, $0.2 ?? "") }
        let optional = text.matches(
            of: /optionalModule\(\s*"(\w+)",\s*trait: "\w+",\s*library: ("\w+")(?:,\s*\[([^\]]*)\])?/
        ).map { ($0.1, $0.2 + ($0.3 ?? "")) }
        let command = text.matches(of: /name: "(orizuru)",\s*dependencies: \[([^\]]*)\]/).map { ($0.1, $0.2) }
        for (name, list) in modules + optional + command {
            #expect(declared[String(name)] == nil, "\(name) is declared twice")
            declared[String(name)] = Set(list.matches(of: /"(\w+)"/).map { String($0.1) })
        }
        let integrations = text.firstMatch(of: /let integrations: \[Target\.Dependency\] = \[((?s).*?)\n\]/)?.1 ?? ""
        for integration in integrations.matches(of: /\.target\(name: "(\w+)", condition: \.when\(traits: \["\w+"\]\)\)/)
        {
            declared["orizuru"]?.insert(String(integration.1))
        }
        return declared
    }

    @Test("nothing points up: every module imports only what its row allows")
    func allowedArrows() throws {
        var earlier: Set<String> = []
        for (module, targets) in Self.allowed {
            #expect(targets.isSubset(of: earlier), "the row of \(module) points up")
            earlier.insert(module)
        }
        let imported = try Self.imported()
        #expect(Set(imported.keys) == earlier, "each module has its row")
        let rows = Dictionary(uniqueKeysWithValues: Self.allowed.map { ($0.key, $0.value) })
        for (module, targets) in imported {
            let surplus = targets.subtracting(rows[module] ?? []).subtracting([module])
            #expect(surplus.isEmpty, "\(module) must not import \(surplus.sorted())")
        }
    }

    @Test("the model imports nothing, the server knows no tiles, rendering knows no caches, also by detours")
    func separations() throws {
        let imported = try Self.imported()
        func reachable(from module: String) -> Set<String> {
            var found: Set<String> = []
            var open = [module]
            while let next = open.popLast() {
                for target in imported[next] ?? [] where found.insert(target).inserted { open.append(target) }
            }
            return found
        }
        #expect(reachable(from: "TileModel").isEmpty)
        #expect(reachable(from: "HTTPServer").filter { $0.hasPrefix("Tile") || $0.hasPrefix("Family") }.isEmpty)
        #expect(reachable(from: "HTTPServer").contains("LockFree"), "the imports are found at all")
        #expect(!reachable(from: "FamilyRendering").contains("TileCache"))
        #expect(!reachable(from: "TileSources").contains("TileCache"))
        #expect(reachable(from: "HTTPMessages").isSubset(of: ["CPlatform"]), "no sockets, no threads")
    }

    @Test("Package.swift declares what is imported, no less and no more")
    func declarations() throws {
        let declared = try Self.declared()
        let imported = try Self.imported()
        #expect(declared.count >= 16, "the declarations are found at all")
        for (module, dependencies) in declared {
            let found = try #require(imported[module], "Package.swift declares \(module), which is not in Sources")
            let missing = found.subtracting(dependencies).subtracting([module])
            let surplus = dependencies.subtracting(found)
            #expect(missing.isEmpty, "\(module) imports \(missing.sorted()) without declaring it")
            #expect(surplus.isEmpty, "\(module) declares \(surplus.sorted()) without importing it")
        }
    }

    @Test("what a package trait switches stands in its own module, and in one file of the command")
    func traits() throws {
        let root = SharedData.packageRoot
        let manifest = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
        let traits = Set(manifest.matches(of: /\.trait\(\s*name: "(\w+)"/).map { String($0.1) })
        #expect(traits.count >= 5, "the traits are found at all")
        var places: [String: Set<String>] = [:]
        let folder = root.appending(path: "Sources")
        for case let name as String in FileManager.default.enumerator(atPath: folder.path) ?? .init()
        where name.hasSuffix(".swift") || name.hasSuffix(".c") || name.hasSuffix(".h") {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            for line in text.split(separator: "\n") where line.starts(with: /\s*#\s*(if|elseif|ifdef)\b/) {
                for word in line.split(whereSeparator: { !$0.isLetter }) where traits.contains(String(word)) {
                    let module = name.prefix { $0 != "/" }
                    places[String(word), default: []].insert(module == "orizuru" ? name : String(module))
                }
            }
        }
        var files: Set<String> = []
        for (trait, found) in places {
            let modules = found.filter { !$0.hasPrefix("orizuru/") }
            #expect(
                modules.count <= 1 || modules.count == 2 && modules.contains { $0.hasPrefix("C") },
                "\(trait): \(modules)"
            )
            files.formUnion(found.subtracting(modules))
        }
        #expect(files.count <= 1, "one file of the command knows the traits: \(files.sorted())")
    }
}
