// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TileModel

/// Some columns of a row: what a thread does at once.
struct BuildJob: Sendable {
    let row: BuildRow
    /// Tiles, or families.
    let columns: Range<Int>
}

extension BuildContext {
    /// Does each column of a job by the closure for what its row holds, and counts it. Returns the bytes that were written.
    func run(
        _ job: BuildJob,
        tile: (TileCoordinate) throws(BuildError) -> Int,
        family: (Family) throws(BuildError) -> Int
    ) throws(BuildError) -> Int {
        var bytes = 0
        for column in job.columns {
            let (tiles, written): (Int, Int)
            switch job.row.name {
            case .tiles(let level, let y):
                (tiles, written) = (1, try tile(TileCoordinate(level: level, x: column, y: y)))
            case .families(let y):
                let whole = Family(parent: TileCoordinate(level: parentLevel, x: column, y: y), in: pyramid)
                (tiles, written) = (whole.members.count, try family(whole))
            }
            count(tiles: tiles, bytes: written)
            bytes += written
        }
        return bytes
    }
}

/// One thread's codecs, and what it does with a job: encodes tiles and families, and writes their files.
final class BuildWorker {
    private let context: BuildContext
    private let encoder = JPEGEncoder()
    private let residuals: ResidualEncoder

    init(_ context: BuildContext) {
        self.context = context
        residuals = ResidualEncoder(
            qualities: context.options.quality.residuals,
            chroma: context.options.quality.chroma
        )
    }

    /// Does a job. Returns the bytes that it wrote.
    func run(_ job: BuildJob) throws(BuildError) -> Int {
        try context.run(job) { (tile) throws(BuildError) in
            try writeTile(tile, of: job.row)
        } family: { (family) throws(BuildError) in
            try writeFamily(family, of: job.row)
        }
    }

    private func writeTile(_ tile: TileCoordinate, of row: BuildRow) throws(BuildError) -> Int {
        let jpeg = try unsafe encode(tile, of: row)
        // SAFETY: the bytes are written before the encoder's next use.
        try unsafe context.output.write(context.name(of: tile), jpeg)
        return jpeg.count
    }

    /// The JPEG of a tile that is stored as such, valid until the encoder's next use. The row's luma begins at the
    /// tile's own first row; its chroma is that of the tile's level, or for 4:2:0 that of the next coarser one.
    private func encode(_ tile: TileCoordinate, of row: BuildRow) throws(BuildError) -> UnsafeRawBufferPointer {
        let rect = context.pyramid.rect(of: tile)
        guard let luma = row.luma[tile.level] else { preconditionFailure("a row without luma") }
        let isQuarter = context.subsampling == .quarter
        let chromaLevel = isQuarter ? max(tile.level - 1, 0) : tile.level
        let planes: (blue: Plane, red: Plane)?
        if let blue = row.blue[chromaLevel], let red = row.red[chromaLevel] {
            planes = (blue, red)
        } else {
            planes = nil
        }
        let subsampling: ChromaSubsampling = planes == nil ? .gray : isQuarter ? .quarter : .full
        let lumaSize = subsampling.lumaPlaneSize(width: rect.width, height: rect.height)
        let chromaSize = subsampling.chromaPlaneSize(width: rect.width, height: rect.height)
        let x = rect.x / subsampling.horizontalFactor
        do {
            return try unsafe encoder.encodePlanes(
                width: rect.width,
                height: rect.height,
                subsampling: subsampling,
                quality: context.options.quality.tiles,
                luma: luma.window(x: rect.x, y: 0, width: lumaSize.width, height: lumaSize.height),
                blue: planes?.blue.window(x: x, y: 0, width: chromaSize.width, height: chromaSize.height),
                red: planes?.red.window(x: x, y: 0, width: chromaSize.width, height: chromaSize.height)
            )
        } catch {
            throw .notEncoded(tile, reason: error.description)
        }
    }

    private func writeFamily(_ family: Family, of row: BuildRow) throws(BuildError) -> Int {
        let parent = unsafe [UInt8](try encode(family.parent, of: row))
        func part(_ planes: [Int: Plane], _ depth: Int) -> Plane? {
            let size = ResidualEncoder.size(of: family, in: context.pyramid, depth: depth)
            return planes[family.parent.level + depth]?
                .window(
                    x: family.parent.x * context.pyramid.tileSize << depth,
                    y: 0,
                    width: size.width,
                    height: size.height
                )
        }
        func chroma(_ depth: Int) -> (blue: Plane, red: Plane)? {
            guard let blue = part(row.blue, depth), let red = part(row.red, depth) else { return nil }
            return (blue, red)
        }
        guard let children = part(row.luma, 1), let grandchildren = part(row.luma, 2) else {
            preconditionFailure("a row of families without luma")
        }
        let pack: [UInt8]
        do {
            pack = try residuals.encode(
                family: family,
                pyramid: context.pyramid,
                parent: parent,
                originals: ResidualEncoder.Originals(
                    children: children,
                    grandchildren: grandchildren,
                    childChroma: chroma(1),
                    grandchildChroma: chroma(2)
                )
            ).file()
        } catch {
            throw .notEncoded(family.parent, reason: "\(error)")
        }
        try context.output.write(context.name(of: family.parent), parent)
        try context.output.write(context.packName(family.parent), pack)
        return parent.count + pack.count
    }
}
