// SPDX-License-Identifier: Apache-2.0

import TileSources
import TilesetExport

#if MBTiles
import MBTilesSource
#endif

/// The optional integrations that this executable was built with: the one file of the command that knows the package's
/// traits. What was left out is named where somebody asks for it.
enum Integrations {
    /// Every form of tileset: those of the core, and those of the traits that are on. Of a form whose trait is off, a
    /// file is recognised and refused with the trait's name, so that nobody wonders why it is not served.
    static var sourceRecognizers: [SourceRecognizer] { SourceRecognizer.core + optionalRecognizers }

    /// What writes the target of an export, by its name.
    static func exportWriter(_ plan: ExportPlan) throws(ExportError) -> any ExportWriter {
        let target = plan.target.lowercased()
        if target.hasSuffix(".pmtiles") { return try PMTilesWriter(plan) }
        if target.hasSuffix(".dzi") { return try FolderWriter(plan, form: .deepZoom) }
        if target.hasSuffix(".mbtiles") {
            #if MBTiles
            return try MBTilesWriter(plan)
            #else
            throw .unsuitable(
                reason:
                    "an .mbtiles archive needs the package trait MBTiles; build with `--traits MBTiles` or `make serve-all`"
            )
            #endif
        }
        return try FolderWriter(plan, form: .xyz)
    }

    private static var optionalRecognizers: [SourceRecognizer] {
        var recognizers: [SourceRecognizer] = []
        #if MBTiles
        recognizers.append(.mbtiles)
        #else
        recognizers.append(.missing(trait: "MBTiles", name: "an .mbtiles archive", extensions: ["mbtiles"]))
        #endif
        return recognizers
    }
}

extension SourceRecognizer {
    /// Refuses files of a form that only an integration reads that this executable was built without.
    static func missing(trait: String, name: String, extensions: Set<String>) -> SourceRecognizer {
        SourceRecognizer(
            looksFor: "\(name) (built without)",
            recognizes: { !$0.isFolder && extensions.contains($0.fileExtension) },
            open: { (candidate, _) throws(SourceError) -> any TileSource in
                throw .unsupported(
                    path: candidate.path,
                    reason:
                        "\(name) needs the package trait \(trait); build with `--traits \(trait)` or `make serve-all`"
                )
            }
        )
    }
}
