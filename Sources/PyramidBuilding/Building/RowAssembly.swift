// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TileModel

/// Puts the bands of three planes together into rows of tiles and of families.
///
/// Luma of a row of tiles is a band of its level. Chroma is a band of the same level, or, for 4:2:0, of half as many
/// rows of the next coarser level, whose grid is that of 4:2:0: each chroma sample is the mean of four. A row of
/// families has luma of three levels, and chroma of its parents and of what residuals say of chroma.
struct RowAssembly {
    private let context: BuildContext
    private let source: ChromaSubsampling
    private var pending: [BuildRowName: BuildRow] = [:]

    init(_ context: BuildContext, source: ChromaSubsampling) {
        self.context = context
        self.source = source
    }

    /// A stream for each plane: luma, and where there is colour Cb and Cr.
    func streams() -> [PlaneStream] {
        let pyramid = context.pyramid
        let finest = pyramid.maxLevel
        let luma = PlaneStream(pyramid: pyramid, finest: finest, roundsUp: true, bandRows: lumaRows)
        if source == .gray { return [luma] }
        let chromaFinest = source == .quarter ? max(finest - 1, 0) : finest
        return [luma]
            + (0..<2).map { _ in
                PlaneStream(pyramid: pyramid, finest: chromaFinest, roundsUp: false, bandRows: chromaRows)
            }
    }

    /// Whether a level belongs to rows of families.
    private func isOfFamilies(_ level: Int) -> Bool { context.hasResiduals && level >= context.parentLevel }

    private func lumaRows(_ level: Int) -> Int? {
        context.pyramid.tileSize << (isOfFamilies(level) ? level - context.parentLevel : 0)
    }

    private func chromaRows(_ level: Int) -> Int? {
        let tileSize = context.pyramid.tileSize
        if context.subsampling == .quarter {
            // The finest level's chroma is halved at once.
            return level < context.pyramid.maxLevel || level == 0 ? tileSize / 2 : nil
        }
        guard isOfFamilies(level), level > context.parentLevel else { return tileSize }
        let isWanted = context.options.quality.chroma != .none
        return isWanted ? tileSize << (level - context.parentLevel) : nil
    }

    /// Levels of chroma that a row of families has.
    private var chromaLevelsOfFamilies: Int {
        if source == .gray { return 0 }
        if context.options.quality.chroma == .none { return 1 }
        return source == .quarter ? 2 : 3
    }

    /// Adds a band of a plane (0 luma, 1 Cb, 2 Cr). Returns the rows that it completes.
    mutating func add(_ plane: Int, _ level: Int, _ index: Int, _ band: Plane) -> [BuildRow] {
        var names: [BuildRowName] = []
        if isOfFamilies(level) {
            names = [.families(row: index)]
        } else if plane == 0 || context.subsampling == .full {
            names = [.tiles(level: level, row: index)]
        } else {
            if level < context.pyramid.maxLevel { names.append(.tiles(level: level + 1, row: index)) }
            // The one pixel of the coarsest level is its own chroma.
            if level == 0 { names.append(.tiles(level: 0, row: 0)) }
        }
        return names.compactMap { name in
            let row = pending[name] ?? BuildRow(name)
            switch plane {
            case 0: row.luma[level] = band
            case 1: row.blue[level] = band
            default: row.red[level] = band
            }
            let isComplete: Bool
            switch name {
            case .families:
                isComplete = row.luma.count == 3 && row.blue.count == chromaLevelsOfFamilies
            case .tiles:
                isComplete = row.luma.count == 1 && row.blue.count == (source == .gray ? 0 : 1)
            }
            let isDone = isComplete && row.red.count == row.blue.count
            pending[name] = isDone ? nil : row
            return isDone ? row : nil
        }
    }
}
