// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
package import TileModel
package import TileSources

/// What a tileset holds, level by level, and what is wrong with it.
package struct TilesetInspection: Sendable {
    /// One level.
    package struct Level: Sendable {
        package let level: Int
        package let size: GridSize
        /// Tiles that the geometry has.
        package let tiles: Int
        /// Tiles that are there, stored as such.
        package var stored = 0
        /// Tiles that are there as residuals.
        package var residuals = 0
        /// Bytes of both.
        package var bytes = 0
        /// How alike it is to what it was compared with.
        package var similarity: Similarity?
    }

    package let info: TilesetInfo
    /// The coarsest first.
    package private(set) var levels: [Level]
    /// Families, those whose residuals have a checksum that holds, and those with chroma of their own.
    package private(set) var families = 0
    package private(set) var checkedFamilies = 0
    package private(set) var chromaFamilies = 0
    /// Bytes of chroma weights and residuals.
    package private(set) var chromaBytes = 0
    /// What is damaged or missing, one sentence each; at most `maxFaults` of `faultCount`.
    package private(set) var faults: [String] = []
    package private(set) var faultCount = 0
    package static let maxFaults = 100

    /// Looks at every tile. `verifies` decodes each and compares its size with its place. `watch` says whether to go on.
    package init(
        _ source: any TileSource,
        verifies: Bool,
        watch: () -> Bool = { true }
    ) throws(BuildError) {
        info = source.info
        levels = source.info.pyramid.levels.map { level in
            let pyramid = source.info.pyramid
            return Level(level: level, size: pyramid.size(ofLevel: level), tiles: pyramid.grid(ofLevel: level).area)
        }
        let pyramid = info.pyramid
        let decoder = TileDecoder(source, quality: 90)
        let buffer = TileBuffer()
        let material = FamilyMaterial()
        for level in pyramid.levels {
            let grid = pyramid.grid(ofLevel: level)
            for y in 0..<grid.height {
                guard watch() else { throw .stopped }
                for x in 0..<grid.width {
                    let tile = TileCoordinate(level: level, x: x, y: y)
                    guard let family = source.family(for: tile) else {
                        look(at: tile, source, buffer)
                        if verifies { verify(tile, decoder) }
                        continue
                    }
                    guard family.parent == tile else { continue }
                    look(at: family, source, material)
                    guard verifies else { continue }
                    for member in family.members { verify(family.coordinate(ofMember: member), decoder) }
                }
            }
        }
    }

    private mutating func look(at tile: TileCoordinate, _ source: any TileSource, _ buffer: TileBuffer) {
        do {
            _ = try source.readTile(tile, into: buffer)
            levels[tile.level - info.pyramid.minLevel].stored += 1
            levels[tile.level - info.pyramid.minLevel].bytes += buffer.count
        } catch .missing {
            if info.kind == .slide { add("tile \(tile) is missing") }
        } catch {
            add(error.description)
        }
    }

    private mutating func look(at family: Family, _ source: any TileSource, _ material: FamilyMaterial) {
        families += 1
        do {
            try source.load(family, into: material)
        } catch {
            add(error.description)
            return
        }
        if material.isChecked { checkedFamilies += 1 }
        if material.correctsChroma { chromaFamilies += 1 }
        chromaBytes += material.chromaBytes
        for member in family.members {
            let tile = family.coordinate(ofMember: member)
            let index = tile.level - info.pyramid.minLevel
            if material.isDamaged(member: member) { add("the residual of tile \(tile) is damaged") }
            switch material.part(ofMember: member) {
            case .missing: add("tile \(tile) is missing")
            case .plain(let range):
                levels[index].stored += 1
                levels[index].bytes += range.count
            case .residual(let range):
                levels[index].residuals += 1
                levels[index].bytes += range.count
            }
        }
    }

    private mutating func verify(_ tile: TileCoordinate, _ decoder: TileDecoder) {
        do {
            _ = try decoder.decode(tile)
        } catch {
            add(error.description)
        }
    }

    private mutating func add(_ fault: String) {
        faultCount += 1
        if faults.count < Self.maxFaults, faults.last != fault { faults.append(fault) }
    }

    /// Compares every level with a picture's. A tileset of the same geometry is compared tile by tile with its own
    /// levels; of anything else the finest level is halved as `build` halves. Tiles are rendered at `quality`.
    package mutating func compare(
        _ source: any TileSource,
        with reference: BuildInput.Contents,
        quality: Int,
        watch: () -> Bool = { true }
    ) throws(BuildError) {
        let ours = TileDecoder(source, quality: quality)
        switch reference {
        case .tileset(let other) where other.info.pyramid == info.pyramid:
            let theirs = TileDecoder(other, quality: quality)
            for level in info.pyramid.levels {
                let grid = info.pyramid.grid(ofLevel: level)
                var sums = Similarity()
                for y in 0..<grid.height {
                    guard watch() else { throw .stopped }
                    for x in 0..<grid.width {
                        let tile = TileCoordinate(level: level, x: x, y: y)
                        guard let first = try ours.decode(tile), let second = try theirs.decode(tile) else { continue }
                        sums.add(first, second)
                    }
                }
                levels[level - info.pyramid.minLevel].similarity = sums
            }
        case .tileset(let other):
            try compare(ours, TilesetRows(other), watch)
        case .rows(let rows):
            try compare(ours, rows, watch)
        }
    }

    private mutating func compare(
        _ ours: TileDecoder,
        _ rows: any RowSource,
        _ watch: () -> Bool
    ) throws(BuildError) {
        let pyramid = info.pyramid
        guard pyramid.minLevel == 0 else {
            throw .unsuitable(
                size: pyramid.size,
                reason: "its coarsest level is \(pyramid.minLevel), not 0, so it cannot be compared"
            )
        }
        guard rows.width == pyramid.size.width, rows.height == pyramid.size.height else {
            let size = GridSize(width: rows.width, height: rows.height)
            throw .unsuitable(size: size, reason: "the slide to compare it with has \(pyramid.size) pixels")
        }
        guard
            PyramidBuild.rowBytes(width: rows.width, .full, BuildOptions(description: BuildDescription(title: "")))
                <= 8 << 30
        else { throw .unsuitable(size: pyramid.size, reason: "its rows are too long to be compared") }
        let rows = FullChromaRows(rows)
        let streams = (0..<3).map { _ in
            PlaneStream(pyramid: pyramid, finest: pyramid.maxLevel, roundsUp: false) { _ in pyramid.tileSize }
        }
        var pending: [BuildRowName: [Plane]] = [:]
        var sums = levels.map { _ in Similarity() }
        var done = 0
        while done < rows.height {
            guard watch() else { throw .stopped }
            let picture: PlanarPicture
            do {
                picture = try rows.read(pyramid.tileSize)
            } catch {
                throw .input(path: "the picture to compare with", reason: error.description)
            }
            done += picture.luma.height
            guard let chroma = picture.chroma else { preconditionFailure("rows have full chroma") }
            for (number, plane) in [picture.luma, chroma.blue, chroma.red].enumerated() {
                try streams[number].push(plane, keepsRows: false) { (level, index, band) throws(BuildError) in
                    let name = BuildRowName.tiles(level: level, row: index)
                    pending[name, default: []].append(band)
                    guard let planes = pending[name], planes.count == 3 else { return }
                    pending[name] = nil
                    for x in 0..<pyramid.grid(ofLevel: level).width {
                        let tile = TileCoordinate(level: level, x: x, y: index)
                        guard let shown = try ours.decode(tile) else { continue }
                        let rect = pyramid.rect(of: tile, overlapping: false)
                        let parts = planes.map { $0.window(x: rect.x, y: 0, width: rect.width, height: rect.height) }
                        sums[level].add(shown, PlanarPicture(luma: parts[0], chroma: (parts[1], parts[2])))
                    }
                }
            }
        }
        for index in levels.indices { levels[index].similarity = sums[index] }
    }
}

/// Reads any rows as 4:4:4: subsampled chroma is doubled as viewers double it (within the rows that are read at once),
/// gray gets neutral chroma.
private final class FullChromaRows: RowSource {
    private let source: any RowSource
    private let upsampler = Upsampler()
    private let buffers = [PlaneBuffer(), PlaneBuffer()]
    let subsampling = ChromaSubsampling.full
    let keepsRows = false

    init(_ source: any RowSource) { self.source = source }

    var width: Int { source.width }
    var height: Int { source.height }

    func read(_ count: Int) throws(CodecError) -> PlanarPicture {
        let picture = try source.read(count)
        if source.subsampling == .full { return picture }
        let planes = buffers.map { $0.plane(width: width, height: picture.luma.height) }
        if let chroma = picture.chroma {
            upsampler.upsample(chroma.blue, x: 0, y: 0, into: planes[0], rounding: .nearest)
            upsampler.upsample(chroma.red, x: 0, y: 0, into: planes[1], rounding: .nearest)
        } else {
            for plane in planes { plane.fill(128) }
        }
        return PlanarPicture(luma: picture.luma, chroma: (planes[0], planes[1]))
    }
}
