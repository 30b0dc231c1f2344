// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TileModel
package import TileSources

/// Builds residuals for a pyramid that exists: its coarser levels are taken over byte for byte, and the two finest
/// become residuals of what is stored there. Nothing is halved, and no tile is encoded a second time.
extension PyramidBuild {
    /// Whether a tileset's levels can be taken over: JPEG tiles without overlap, of the wanted size, none of them
    /// residuals already, at least three levels.
    package static func canTakeOver(_ source: any TileSource, options: BuildOptions) -> Bool {
        let info = source.info
        let finest = TileCoordinate(level: info.pyramid.maxLevel, x: 0, y: 0)
        return !options.isPlain && info.kind == .slide && info.format == .jpeg && info.pyramid.overlap == 0
            && info.pyramid.tileSize == options.tileSize && info.pyramid.maxLevel >= 2 && info.pyramid.minLevel == 0
            && source.family(for: finest) == nil
    }

    /// Builds from a pyramid's own levels. Each family is read for itself, so memory is a family for each thread.
    package static func takeOver(
        _ source: any TileSource,
        identity: UInt64,
        options: BuildOptions,
        to path: String,
        watch: Watch
    ) throws(BuildError) -> BuildSummary {
        precondition(canTakeOver(source, options: options), "a pyramid that cannot be taken over")
        let build = PyramidBuild(
            context: try BuildContext(
                pyramid: source.info.pyramid,
                source: .full,
                identity: identity,
                options: options,
                path: path
            )
        )
        let context = build.context
        return try build.run(watch) {
            let worker = StoredPyramidWorker(context, source)
            return { (job) throws(BuildError) in try worker.run(job) }
        } feed: { (pool) throws(BuildError) in
            for level in 0..<context.parentLevel {
                for row in 0..<context.pyramid.grid(ofLevel: level).height {
                    guard watch(context.status) else { throw .stopped }
                    try build.submit(BuildRow(.tiles(level: level, row: row)), to: pool)
                }
            }
            for row in 0..<context.pyramid.grid(ofLevel: context.parentLevel).height {
                guard watch(context.status) else { throw .stopped }
                try build.submit(BuildRow(.families(row: row)), to: pool)
            }
        }
    }
}

/// One thread's part of taking a pyramid over.
private final class StoredPyramidWorker {
    private let context: BuildContext
    private let decoder: TileDecoder
    private let residuals: ResidualEncoder
    /// Luma, Cb and Cr of the children's and the grandchildren's mosaic.
    private let mosaics = (0..<6).map { _ in PlaneBuffer() }

    init(_ context: BuildContext, _ source: any TileSource) {
        self.context = context
        decoder = TileDecoder(source)
        residuals = ResidualEncoder(
            qualities: context.options.quality.residuals,
            chroma: context.options.quality.chroma
        )
    }

    func run(_ job: BuildJob) throws(BuildError) -> Int {
        try context.run(job) { (tile) throws(BuildError) in
            try takeOver(tile).count
        } family: { (family) throws(BuildError) in
            try write(family)
        }
    }

    /// Copies a tile's bytes, after they were decoded once: a broken one must not become the root of a family.
    private func takeOver(_ tile: TileCoordinate) throws(BuildError) -> [UInt8] {
        guard try decoder.decode(tile) != nil, let bytes = try decoder.bytes(of: tile) else {
            throw .input(path: "tile \(tile)", reason: "it does not exist, and a level without it cannot be taken over")
        }
        try context.output.write(context.name(of: tile), bytes)
        return bytes
    }

    private func write(_ family: Family) throws(BuildError) -> Int {
        let parent = try takeOver(family.parent)
        let (children, grandchildren) = (try mosaic(of: family, depth: 1), try mosaic(of: family, depth: 2))
        let pack: [UInt8]
        do {
            pack = try residuals.encode(
                family: family,
                pyramid: context.pyramid,
                parent: parent,
                originals: ResidualEncoder.Originals(
                    children: children.luma,
                    grandchildren: grandchildren.luma,
                    childChroma: children.chroma,
                    grandchildChroma: grandchildren.chroma
                )
            ).file()
        } catch {
            throw .notEncoded(family.parent, reason: "\(error)")
        }
        try context.output.write(context.packName(family.parent), pack)
        return parent.count + pack.count
    }

    /// The tiles of one depth side by side. Gray tiles have neutral chroma there.
    private func mosaic(of family: Family, depth: Int) throws(BuildError) -> PlanarPicture {
        let size = ResidualEncoder.size(of: family, in: context.pyramid, depth: depth)
        let planes = (0..<3).map { mosaics[3 * (depth - 1) + $0].plane(width: size.width, height: size.height) }
        let side = context.pyramid.tileSize << depth
        for member in family.members where Family.depth(ofMember: member) == depth {
            let tile = family.coordinate(ofMember: member)
            guard let picture = try decoder.decode(tile) else {
                throw .input(path: "tile \(tile)", reason: "it does not exist, and residuals cannot stand for it")
            }
            let rect = context.pyramid.rect(of: tile)
            func target(_ plane: Plane) -> Plane {
                plane.window(
                    x: rect.x - family.parent.x * side,
                    y: rect.y - family.parent.y * side,
                    width: rect.width,
                    height: rect.height
                )
            }
            target(planes[0]).copy(from: picture.luma)
            if let chroma = picture.chroma {
                target(planes[1]).copy(from: chroma.blue)
                target(planes[2]).copy(from: chroma.red)
            } else {
                target(planes[1]).fill(128)
                target(planes[2]).fill(128)
            }
        }
        return PlanarPicture(luma: planes[0], chroma: (planes[1], planes[2]))
    }
}
