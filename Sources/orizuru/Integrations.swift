// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import LockFree
import PyramidBuilding
import Telemetry
import TileModel
import TileSources
import TilesetExport

#if JPEGRows
import JPEGRows
#endif
#if MBTiles
import MBTilesSource
#endif
#if OpenSlide
import OpenSlideSource
#endif
#if Redis
import SharedTier
#endif
#if TIFF
import TIFFSource
#endif

/// The optional integrations that this executable was built with: the one file of the command that knows the package's
/// traits. What was left out is named where somebody asks for it.
enum Integrations {
    // MARK: Tilesets and archives

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

    // MARK: Pictures to build from

    /// Adds the forms of pictures that optional modules read.
    static func addForms(to forms: inout BuildInputForms) {
        #if JPEGRows
        forms.jpegRows = { (descriptor, maxHeldBytes) throws(CodecError) in
            try JPEGFileRows(descriptor: descriptor, maxHeldBytes: maxHeldBytes)
        }
        #else
        forms.absent.append("JPEGRows")
        #endif
        // What libtiff decodes by itself costs less there. Other scanners' files may begin as a TIFF, too, but with a
        // picture that is not the slide.
        #if OpenSlide
        forms.pictures.append(
            slide { path in OpenSlideRows.vendor(path).map { !["aperio", "generic-tiff"].contains($0) } ?? false }
        )
        #endif
        #if TIFF
        forms.pictures.append(
            PictureForm(name: "TIFF", recognizes: { _, head in TIFFRows.recognizes(head) }) {
                (path) throws(CodecError) in try TIFFRows(path: path)
            }
        )
        #else
        forms.absent.append("TIFF")
        #endif
        #if OpenSlide
        // Aperio's JPEG 2000, among others.
        forms.pictures.append(slide { path in OpenSlideRows.vendor(path) != nil })
        #else
        forms.absent.append("OpenSlide")
        #endif
    }

    #if OpenSlide
    private static func slide(_ recognizes: @escaping @Sendable (_ path: String) -> Bool) -> PictureForm {
        PictureForm(name: "slide", recognizes: { path, _ in recognizes(path) }) {
            (path) throws(CodecError) in try OpenSlideRows(path: path)
        }
    }
    #endif

    // MARK: The shared tier

    /// Why this executable cannot use the shared tier at a URL; nil where it can. A sentence that repeats no password.
    static func refusal(ofSharedTierAt url: String) -> String? {
        #if Redis
        do throws(RedisLocationError) {
            _ = try RedisLocation(parsing: url)
            return nil
        } catch {
            return error.description
        }
        #else
        return "the shared tier needs the package trait Redis, which this executable was built without; build with "
            + "`--traits Redis` or `make serve-all`"
        #endif
    }

    /// The shared tier that is configured; nil where there is none.
    static func makeSharedTier(
        _ shared: ServeConfiguration.Shared,
        metrics: MetricsRegistry,
        logger: Logger
    ) throws(ThreadError) -> (any FleetTier)? {
        #if Redis
        guard let url = shared.url, let location = try? RedisLocation(parsing: url) else { return nil }
        var configuration = SharedTierConfiguration(location: location)
        configuration.prefix = shared.prefix
        configuration.timeToLive = shared.timeToLive
        configuration.timeout = shared.timeout
        configuration.connectTimeout = shared.connectTimeout
        configuration.connections = shared.connections
        configuration.claimLease = shared.lease
        return try SharedTier(configuration, metrics: metrics, logger: logger)
        #else
        return nil
        #endif
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
