// SPDX-License-Identifier: Apache-2.0

import Foundation
import Telemetry
import TestSupport
import Testing
import TileSources

@testable import orizuru

@Suite("Optional integrations")
struct IntegrationsTests {
    @Test("an archive whose integration was left out is refused with the name of the trait, and the others go on")
    func missingTrait() throws {
        let folder = try TemporaryDirectory()
        try folder.write("a.mbtiles", Array("whatever".utf8))
        try folder.copy(SharedData.packageRoot.appending(path: "tiles-sample"), to: "samples")
        let missing = SourceRecognizer.missing(trait: "MBTiles", name: "an .mbtiles archive", extensions: ["mbtiles"])
        let found = SourceScanner(logger: .silent, recognizers: SourceRecognizer.core + [missing]).scan([folder.path])
        let archive = try #require(found.first { $0.id == "a" })
        let error = #expect(throws: SourceError.self) { try archive.result.get() }
        #expect(error?.description.contains("the package trait MBTiles") == true)
        #expect(found.filter { (try? $0.result.get()) != nil }.count >= 3)
    }

    @Test("every form of tileset of the core is known to the command")
    func recognizers() {
        let words = Integrations.sourceRecognizers.map(\.looksFor).joined(separator: "; ")
        for word in [".dzi", ".pmtiles", ".mbtiles", "z/x/y"] { #expect(words.contains(word), "\(word)") }
    }
}
