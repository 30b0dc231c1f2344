// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import LockFree
import Telemetry
import TileCache
import TileModel
import TileSources

/// Puts one picture together: asks the pipeline for its tiles, a row of them at a time, decodes and reduces them. One
/// thread's, which waits for tiles. Memory: the picture and the part of one row of tiles that it needs.
final class PictureMaker {
    private let pipeline: TilePipeline
    private let participant: CacheParticipant
    private let decoder = JPEGDecoder()
    private let encoder = JPEGEncoder()

    init(pipeline: TilePipeline) {
        self.pipeline = pipeline
        participant = pipeline.cache.makeParticipant()
    }

    func make(_ request: PictureRequest) -> PictureOutcome {
        let pyramid = request.tileset.pyramid
        guard let plan = PicturePlan(region: request.region, size: request.size, pyramid: pyramid) else {
            return .failed
        }
        var average = AreaAverage(
            sourceWidth: plan.touched.width,
            sourceHeight: plan.touched.height,
            channels: 3,
            x: plan.x - Double(plan.touched.x),
            y: plan.y - Double(plan.touched.y),
            regionWidth: plan.width,
            regionHeight: plan.height,
            width: request.size.width,
            height: request.size.height
        )
        for row in plan.rows {
            guard average.wantedRow != nil else { break }
            do {
                let strip = try readStrip(row, plan, request.tileset)
                let stride = plan.touched.width * 3
                for line in 0..<strip.rows.count {
                    guard average.wantedRow == strip.rows.lowerBound + line - plan.touched.y else { continue }
                    average.append(strip.pixels[line * stride..<(line + 1) * stride])
                }
            } catch {
                return error.outcome
            }
        }
        do {
            return .picture(try encode(average.image(), request))
        } catch {
            report(error, request.tileset)
            return .failed
        }
    }

    private func encode(_ picture: RasterImage, _ request: PictureRequest) throws(CodecError) -> [UInt8] {
        let shown =
            switch request.colours {
            case .all: picture
            case .gray: picture.gray()
            case .blackAndWhite: picture.bitonal()
            }
        let turned = shown.oriented(mirrored: request.isMirrored, quarterTurns: request.quarterTurns)
        return request.format == .png
            ? try PNGCodec.encode(turned)
            : try encoder.encodeRaster(turned, quality: request.quality, subsampling: .quarter)
    }

    // MARK: Tiles

    /// The pixels of the plan's columns in the lines of one row of tiles that the plan touches.
    private struct Strip {
        /// Lines of the level.
        let rows: Range<Int>
        var pixels: [UInt8]
    }

    /// Why a strip is not read: what becomes of the picture.
    private struct Failure: Error {
        let outcome: PictureOutcome
    }

    private func readStrip(_ row: Int, _ plan: PicturePlan, _ tileset: OpenTileset) throws(Failure) -> Strip {
        let side = tileset.pyramid.tileSize
        let touched = plan.touched
        let lines = max(row * side, touched.y)..<min((row + 1) * side, touched.y + touched.height)
        // White where the source has no tile, as in padded tiles.
        var strip = Strip(rows: lines, pixels: [UInt8](repeating: 255, count: lines.count * touched.width * 3))
        let tiles = plan.columns.map { TileCoordinate(level: plan.level, x: $0, y: row) }
        let collected = TileCollection(count: tiles.count)
        for (index, tile) in tiles.enumerated() {
            if let refused = ask(for: tile, of: tileset, collected, index) {
                collected.close()
                throw Failure(outcome: refused)
            }
        }
        for (index, tile) in tiles.enumerated() {
            switch collected.wait(for: index) {
            case .missing: continue
            case .tile(let pinned, _):
                defer { pinned.release() }
                do {
                    // SAFETY: the block stays pinned until it is released; copied here.
                    try draw(unsafe Array(pinned.body), tile, tileset, into: &strip, touched)
                } catch {
                    report(error, tileset)
                    collected.close()
                    throw Failure(outcome: .failed)
                }
            case .file(let file, _):
                do {
                    // A file that cannot be read any more is no reason to show a hole.
                    guard let bytes = file.readAll() else { throw PipelineError.unreadable(tile) }
                    try draw(bytes, tile, tileset, into: &strip, touched)
                } catch {
                    report(error, tileset)
                    collected.close()
                    throw Failure(outcome: .failed)
                }
            case .overloaded:
                collected.close()
                throw Failure(outcome: .overloaded)
            case .failed, .changing:
                collected.close()
                throw Failure(outcome: .failed)
            case .stopped:
                collected.close()
                throw Failure(outcome: .stopped)
            }
        }
        return strip
    }

    /// Looks a tile up and asks the pipeline for it where it is not in memory. Returns why it cannot be had.
    private func ask(
        for tile: TileCoordinate,
        of tileset: OpenTileset,
        _ collected: TileCollection,
        _ index: Int
    ) -> PictureOutcome? {
        guard let key = tileset.key(of: tile, format: tileset.format, padded: false) else { return .failed }
        // A tile that comes into memory and leaves it again between the look-up and the pipeline's lock: a few times
        // over, that is a memory far too small for the load.
        for _ in 0..<8 {
            let found = participant.withGuard {
                pipeline.cache.peek(key, by: participant).map { TileOutcome.tile($0.pin(), $0.tier) }
            }
            if let found {
                collected.receive(found, for: UInt64(index))
                return nil
            }
            switch pipeline.submit(
                TileRequest(tileset: tileset, key: key, isOfViewer: false),
                receiver: collected,
                ticket: UInt64(index),
                by: participant
            ) {
            case .pending: return nil
            case .inMemory: continue
            case .overloaded: return .overloaded
            case .stopped: return .stopped
            }
        }
        return .overloaded
    }

    /// Draws what a tile covers of the strip, its overlap left out.
    private func draw(
        _ bytes: [UInt8],
        _ tile: TileCoordinate,
        _ tileset: OpenTileset,
        into strip: inout Strip,
        _ touched: PixelRect
    ) throws(PipelineError) {
        let pyramid = tileset.pyramid
        let outer = pyramid.rect(of: tile)
        let inner = pyramid.rect(of: tile, overlapping: false)
        let image = try decode(bytes, tile, size: outer.size)
        let left = max(inner.x, touched.x), right = min(inner.x + inner.width, touched.x + touched.width)
        let top = max(inner.y, strip.rows.lowerBound), bottom = min(inner.y + inner.height, strip.rows.upperBound)
        guard left < right, top < bottom else { return }
        for line in top..<bottom {
            let from = ((line - outer.y) * outer.width + left - outer.x) * 3
            let to = ((line - strip.rows.lowerBound) * touched.width + left - touched.x) * 3
            let count = (right - left) * 3
            strip.pixels.replaceSubrange(to..<to + count, with: image.pixels[from..<from + count])
        }
    }

    private func decode(
        _ bytes: [UInt8],
        _ tile: TileCoordinate,
        size: GridSize
    ) throws(PipelineError) -> RasterImage {
        let limits = ImageLimits(maxWidth: size.width, maxHeight: size.height, maxPixels: size.area)
        let image: RasterImage
        // By what the bytes are, not by what the tileset says.
        guard let format = TileFormat(sniffing: bytes) else { throw .cannotDecode(tile, .webp) }
        do {
            switch format {
            case .jpeg: image = try decoder.decodeRaster(bytes, limits: limits)
            case .png: image = try PNGCodec.decode(bytes, limits: limits)
            default: throw PipelineError.cannotDecode(tile, format)
            }
        } catch let error as CodecError {
            throw .codec(error)
        } catch {
            throw .cannotDecode(tile, format)
        }
        let found = GridSize(width: image.width, height: image.height)
        guard found == size else { throw .wrongSize(tile, found: found, expected: size) }
        return image.asRGB()
    }

    private func report(_ error: any Error, _ tileset: OpenTileset) {
        pipeline.logger.log(
            .error,
            limitedBy: tileset.fault,
            "a picture could not be put together",
            ["tileset": .string(tileset.id), "reason": .string("\(error)")]
        )
    }
}

/// The tiles of one strip as they arrive, in whatever order.
///
/// After `close` nobody waits: what still arrives is released.
private final class TileCollection: TileReceiver {
    private struct State: Sendable {
        var outcomes: [TileOutcome?]
        var isClosed = false
    }

    private let state: ConditionLock<State>

    init(count: Int) { state = ConditionLock(State(outcomes: Array(repeating: nil, count: count))) }

    func receive(_ outcome: TileOutcome, for ticket: UInt64) {
        let isLate = state.withLock { state in
            if !state.isClosed { state.outcomes[Int(ticket)] = outcome }
            return state.isClosed
        }
        if isLate { Self.release(outcome) } else { state.signal() }
    }

    /// Waits for one tile; the caller owns its reference. Once for each.
    func wait(for index: Int) -> TileOutcome {
        state.wait { state in
            let outcome = state.outcomes[index]
            state.outcomes[index] = nil
            return outcome
        }
    }

    /// Releases what is there and what comes.
    func close() {
        let rest = state.withLock { state in
            state.isClosed = true
            let rest = state.outcomes
            state.outcomes = []
            return rest
        }
        for case let outcome? in rest { Self.release(outcome) }
    }

    private static func release(_ outcome: TileOutcome) {
        if case .tile(let pinned, _) = outcome { pinned.release() }
    }
}
