// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import Synchronization
import TileDescriptions
import TileModel

/// What all jobs of one build share: geometry, options, where files go, and the counts.
///
/// Thread rule: any thread.
final class BuildContext: Sendable {
    let pyramid: Pyramid
    let options: BuildOptions
    /// The chroma of stored tiles: what was asked for, as far as the input has it.
    let subsampling: ChromaSubsampling
    let output: OutputFolder
    let journal: BuildJournal
    private let tilesDone = Atomic<Int>(0)
    private let tilesResumed = Atomic<Int>(0)
    private let bytesWritten = Atomic<Int>(0)

    /// Whether the two finest levels are residuals: a picture of fewer than three levels has none.
    var hasResiduals: Bool { !options.isPlain && pyramid.maxLevel >= 2 }

    /// The level of parents; only where there are residuals.
    var parentLevel: Int { pyramid.maxLevel - 2 }

    /// Prepares the output. `identity` tells one state of the input from another; `source` is the chroma that it has.
    init(
        pyramid: Pyramid,
        source: ChromaSubsampling,
        identity: UInt64,
        options: BuildOptions,
        path: String
    ) throws(BuildError) {
        precondition(BuildOptions.accepts(tileSize: pyramid.tileSize), "tiles of \(pyramid.tileSize)")
        let output = try OutputFolder(resuming: path, replaces: options.replaces)
        if options.startsAfresh {
            guard !BuildJournal.isInUse(in: output) else { throw .inUse(path: output.temporaryPath) }
            try output.clear()
        }
        let journal = try BuildJournal(in: output, fingerprint: options.fingerprint(input: identity))
        self.pyramid = pyramid
        self.options = options
        // Parents have full chroma in any case: it is all that their family has of the coarser levels' colour.
        let isCoarse = options.isPlain || pyramid.maxLevel < 2
        subsampling = isCoarse && source == .quarter ? .quarter : options.isPlain ? options.quality.subsampling : .full
        self.output = output
        self.journal = journal
    }

    var status: BuildStatus {
        BuildStatus(
            done: tilesDone.load(ordering: .relaxed),
            total: pyramid.tileCount,
            resumed: tilesResumed.load(ordering: .relaxed),
            bytes: bytesWritten.load(ordering: .relaxed)
        )
    }

    /// Counts what a job wrote.
    func count(tiles: Int, bytes: Int) {
        tilesDone.wrappingAdd(tiles, ordering: .relaxed)
        bytesWritten.wrappingAdd(bytes, ordering: .relaxed)
    }

    // MARK: Names

    static let tilesFolder = "baseline_pyramid_files"
    static let packsFolder = "residual_packs"

    func name(of tile: TileCoordinate) -> String { "\(Self.tilesFolder)/\(tile.level)/\(tile.x)_\(tile.y).jpg" }

    func packName(_ parent: TileCoordinate) -> String { "\(Self.packsFolder)/\(parent.x)_\(parent.y).pack" }

    /// Makes the folders. The two finest levels of a slide with residuals hold an empty file each: readers take the
    /// finest level from the folders' names, and version control keeps no empty folder.
    func makeFolders() throws(BuildError) {
        for level in pyramid.levels {
            try output.makeFolder("\(Self.tilesFolder)/\(level)")
            if hasResiduals, level > parentLevel { try output.write("\(Self.tilesFolder)/\(level)/.keep", []) }
        }
        if hasResiduals { try output.makeFolder(Self.packsFolder) }
    }

    /// Writes what describes the slide, and gives it its name.
    func finish() throws(BuildError) {
        try output.write("baseline_pyramid.dzi", DeepZoomDocument.text(pyramid: pyramid, format: .jpeg))
        var lines = [options.description.json(), "  \"tile_size\": \(pyramid.tileSize)"]
        lines.append("  \"tile_quality\": \(options.quality.tiles)")
        if hasResiduals {
            lines.append("  \"residual_quality_children\": \(options.quality.residuals.children)")
            lines.append("  \"residual_quality_grandchildren\": \(options.quality.residuals.grandchildren)")
        }
        try output.write("summary.json", "{\n\(lines.joined(separator: ",\n"))\n}\n")
        output.remove(BuildJournal.name)
        try output.finish()
    }

    // MARK: Rows

    /// The tiles and packs of a row, by name, and how many tiles they stand for.
    func files(of row: BuildRowName) -> (names: [String], tiles: Int) {
        switch row {
        case .tiles(let level, let y):
            let columns = pyramid.grid(ofLevel: level).width
            return ((0..<columns).map { name(of: TileCoordinate(level: level, x: $0, y: y)) }, columns)
        case .families(let y):
            var names: [String] = []
            var tiles = 0
            for x in 0..<pyramid.grid(ofLevel: parentLevel).width {
                let parent = TileCoordinate(level: parentLevel, x: x, y: y)
                names += [name(of: parent), packName(parent)]
                tiles += Family(parent: parent, in: pyramid).members.count
            }
            return (names, tiles)
        }
    }

    /// Whether an earlier build wrote a row, its files are there and have the size that it noted. Counts them if so.
    func isDone(_ row: BuildRowName) -> Bool {
        guard let bytes = journal.completed[row.description] else { return false }
        let (names, tiles) = files(of: row)
        var sum = 0
        for name in names {
            guard let size = output.size(of: name), size > 0 else { return false }
            sum += size
        }
        guard sum == bytes else { return false }
        tilesDone.wrappingAdd(tiles, ordering: .relaxed)
        tilesResumed.wrappingAdd(tiles, ordering: .relaxed)
        return true
    }
}
