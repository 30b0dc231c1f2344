// SPDX-License-Identifier: Apache-2.0

import Telemetry
import TileCache
import TileModel
import TileSources

/// Tiles that their source holds as such: passed on, or decoded and encoded again in another form.
extension RenderWorker {
    func read(
        _ tile: TileCoordinate,
        _ form: MemberForm,
        _ key: TileKey,
        _ tileset: OpenTileset,
        start: Int
    ) -> TileOutcome {
        do {
            let asked = key.format ?? tileset.format
            if !form.isPadded, asked == tileset.format,
                let minimum = pipeline.sentFromFileBytes(of: key, in: tileset, isAwaited: arrival == .requested),
                let range = try tileset.source.storedRange(of: tile, atLeast: minimum)
            {
                return sent(range, as: key, tileset)
            }
            let file = try tileset.source.readTile(tile, into: stored)
            // A file may be of another format than its tileset: it is passed on as what it is, unless another is asked for.
            let target = asked == tileset.format ? file.format : asked
            guard form.isPadded || target != file.format else {
                return unsafe stored.withUnsafeBytes { unsafe store($0, as: key, file, tileset, start: start) }
            }
            let made = try storedForm.made(
                stored.bytes,
                format: file.format,
                as: target,
                padded: form.isPadded,
                tile: tile,
                pyramid: tileset.pyramid,
                quality: tileset.parameters.quality
            )
            pipeline.metrics.tilesEncoded.add()
            let new = StoredTileFile(format: target, identity: file.identity, modified: file.modified)
            return unsafe made.withUnsafeBytes { unsafe store($0, as: key, new, tileset, start: start) }
        } catch {
            return outcome(of: error, tile, tileset)
        }
    }

    /// How a request ends whose tile could not be read.
    func outcome(of error: any Error, _ tile: TileCoordinate, _ tileset: OpenTileset) -> TileOutcome {
        switch error {
        case SourceError.missing: return .missing
        case SourceError.changed:
            pipeline.sourceChanged(tileset)
            return .changing
        default:
            report(error, tileset, tile)
            return .failed
        }
    }

    /// A tile that memory does not keep, or not yet: its bytes go from the file to the socket.
    func sent(_ range: StoredTileRange, as key: TileKey, _ tileset: OpenTileset) -> TileOutcome {
        var block: [UInt8] = []
        tileset.headers.appendHeaders(
            of: key,
            entityTag: tileset.entityTag(of: key, fileIdentity: range.tile.identity),
            format: range.tile.format,
            byteCount: range.count,
            modified: range.tile.modified,
            isGzip: range.isCompressed,
            to: &block
        )
        return .file(FileTile(headers: block, range: range), .render)
    }
}
