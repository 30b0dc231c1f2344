// SPDX-License-Identifier: Apache-2.0

import LockFree
import Telemetry
import TileModel
import TilePipeline
import TileSources

/// Searches the paths of the configuration and opens what is there, at the start and at each reload.
///
/// Blocks on the file system: never called by a reactor.
final class CatalogOpening: Sendable {
    private let paths: [String]
    private let parameters: ReconstructionParameters
    private let parametersByTileset: [String: ReconstructionParameters]
    private let headers: TileHeaders
    private let logger: Logger
    private let recognizers: [SourceRecognizer]
    private let overzoom: OverzoomRules
    /// Ordinals are never used twice: a tile that a late worker makes for an old one is no tile of a new one.
    private let nextOrdinal = Lock<UInt32>(1)

    init(_ configuration: TileService.Configuration, logger: Logger) {
        paths = configuration.paths
        parameters = configuration.parameters
        parametersByTileset = configuration.parametersByTileset
        headers = TileHeaders(crossOrigin: configuration.crossOrigin)
        self.logger = logger
        recognizers = configuration.recognizers
        overzoom = configuration.overzoom
    }

    /// The tilesets that are there now, in the order of the paths. One that has the id, the form and the version of an
    /// older one is that older one, unless it is among `touched` (by ordinal): then its loose tiles are not what they
    /// were. What cannot be opened is logged and left out.
    func open(after older: ServedCatalog?, touched: Set<UInt32> = []) -> [OpenTileset] {
        var tilesets: [OpenTileset] = []
        // The scanner logs what could not be opened.
        for found in SourceScanner(logger: logger, recognizers: recognizers).scan(paths) {
            guard case .success(let source) = found.result else { continue }
            if let same = older?.entries.map(\.tileset).first(where: { Self.isSame($0, found.id, source) }),
                !touched.contains(same.ordinal)
            {
                tilesets.append(same)
            } else if let ordinal = takeOrdinal() {
                tilesets.append(
                    OpenTileset(
                        ordinal: ordinal,
                        id: found.id,
                        source: source,
                        parameters: parametersByTileset[found.id] ?? parameters,
                        headers: headers,
                        overzoom: overzoom[found.id]
                    )
                )
                logOpened(found, source.info)
            }
        }
        if tilesets.isEmpty {
            logger.log(.warning, "no tileset was found; the catalog is empty", ["paths": .string("\(paths)")])
        }
        return tilesets
    }

    private static func isSame(_ tileset: OpenTileset, _ id: String, _ source: any TileSource) -> Bool {
        let info = tileset.source.info
        return tileset.id == id && info.form == source.info.form && info.version == source.info.version
    }

    private func takeOrdinal() -> UInt32? {
        nextOrdinal.withLock { next in
            guard next < .max else { return nil }
            next += 1
            return next - 1
        }
    }

    private func logOpened(_ found: SourceScanner.Found, _ info: TilesetInfo) {
        logger.log(
            .info,
            "serving a tileset",
            [
                "id": .string(found.id), "path": .string(found.path), "form": .string(info.form),
                "size": .string(info.pyramid.size.description), "levels": .integer(info.pyramid.maxLevel + 1),
            ]
        )
    }
}
