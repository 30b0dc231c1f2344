// SPDX-License-Identifier: Apache-2.0

import TileModel

/// Where there is tissue, of which layer, and its fibres.
struct TissueGround: Sendable {
    /// What a place is part of; each 0...1.
    struct Place {
        /// 0 glass, 1 tissue.
        let tissue: Float
        /// 1 where glands grow.
        let mucosa: Float
        /// 1 in the band of muscle.
        let muscle: Float
    }

    private let outline: LatticeNoise
    private let layers: LatticeNoise
    private let fibres: LatticeNoise
    private let warp: LatticeNoise
    private let grain: LatticeNoise
    private let halfWidth: Float
    private let halfHeight: Float

    init(size: GridSize, seed: UInt32) {
        outline = LatticeNoise(seed: seed &* 16 &+ 1)
        layers = LatticeNoise(seed: seed &* 16 &+ 2)
        fibres = LatticeNoise(seed: seed &* 16 &+ 3)
        warp = LatticeNoise(seed: seed &* 16 &+ 4)
        grain = LatticeNoise(seed: seed &* 16 &+ 5)
        halfWidth = Float(size.width) / 2
        halfHeight = Float(size.height) / 2
    }

    /// The layers at a place, in pixels of the whole picture.
    func place(_ x: Float, _ y: Float) -> Place {
        let u = (x - halfWidth) / halfWidth
        let v = (y - halfHeight) / halfHeight
        // A rounded box, its edge waved on the scale of the picture and frayed on the scale of cells.
        let box = (u * u * u * u + v * v * v * v).squareRoot().squareRoot()
        let wave = outline.fractal(u * 2.1 + 40, v * 2.1 + 40, octaves: 3) - 0.5
        let fray = outline.fractal(x * 0.011, y * 0.011, octaves: 3) - 0.5
        let edge = 0.83 - box + wave * 0.5 + fray * min(60 / halfWidth, 0.08)
        let sharpness = 5 / halfWidth
        let depth = v + (layers.fractal(u * 1.3 + 9, v * 1.3 + 5, octaves: 2) - 0.5) * 1.3
        return Place(
            tissue: Portable.step(-sharpness, sharpness, edge),
            mucosa: 1 - Portable.step(0.16, 0.24, depth),
            muscle: Portable.step(0.50, 0.60, depth)
        )
    }

    /// Paints fibres and ground substance.
    func paint(on canvas: inout StainCanvas) {
        let rect = canvas.rect
        // Layers change slowly: every fourth pixel is asked and the ones between are interpolated.
        let step = 4
        let columns = rect.width / step + 2
        var upper: [Place] = []
        var lower: [Place] = []
        // The lattice of samples hangs on the whole picture, not on the part, so that parts agree.
        let firstX = rect.x / step * step
        func samples(_ y: Int) -> [Place] {
            (0...columns).map { place(Float(firstX + $0 * step), Float(y)) }
        }
        var sampledRow = Int.min
        for row in 0..<rect.height {
            let y = rect.y + row
            let above = y / step * step
            if above != sampledRow {
                upper = sampledRow == above - step ? lower : samples(above)
                lower = samples(above + step)
                sampledRow = above
            }
            let fy = Float(y - above) / Float(step)
            for column in 0..<rect.width {
                let x = rect.x + column
                let sample = (x - firstX) / step
                let fx = Float((x - firstX) % step) / Float(step)
                let here = TissueGround.mix(
                    TissueGround.mix(upper[sample], upper[sample + 1], fx),
                    TissueGround.mix(lower[sample], lower[sample + 1], fx),
                    fy
                )
                paint(here, Float(x), Float(y), at: row * rect.width + column, on: &canvas)
            }
        }
    }

    private func paint(_ here: Place, _ x: Float, _ y: Float, at index: Int, on canvas: inout StainCanvas) {
        // A little dust and unevenness of the lamp on bare glass.
        let glass = grain.value(x * 0.35, y * 0.35) * 0.012
        guard here.tissue > 0.002 else {
            canvas.haematoxylin[index] = glass
            canvas.eosin[index] = glass
            return
        }
        // Fibres: ridges of noise over coordinates that are bent by slower noise, stretched along the bend.
        let bendX = (warp.value(x * 0.006, y * 0.006) - 0.5) * 2
        let bendY = (warp.value(x * 0.006 + 91, y * 0.006 + 57) - 0.5) * 2
        let stretch = 0.35 + 0.65 * (1 - here.muscle)
        let fx = (x + bendX * 90) * 0.018 * stretch
        let fy = (y + bendY * 70) * (0.034 + 0.022 * here.muscle)
        let coarse = fibres.value(fx, fy)
        let fine = fibres.value(fx * 2.6 + 31, fy * 2.9 + 11)
        let ridge = (1 - abs(2 * coarse - 1)) * 0.6 + (1 - abs(2 * fine - 1)) * 0.4
        // Gaps between the fibres let the glass shine through; muscle has few, loose tissue many.
        let looseness = (1 - here.muscle) * (1 - here.mucosa * 0.55)
        let gap = Portable.step(0.30, 0.62, ridge + 0.20 * (1 - looseness))
        let body = 0.16 + 0.20 * ridge + 0.17 * here.muscle
        let tone = grain.value(x * 0.12, y * 0.12) * 0.06 + grain.value(x * 0.41 + 7, y * 0.41) * 0.05
        let eosin = (body + tone) * (0.30 + 0.70 * gap)
        let haematoxylin = 0.035 + 0.05 * here.mucosa + 0.03 * fine
        canvas.tissue[index] = here.tissue
        canvas.eosin[index] = glass + eosin * here.tissue
        canvas.haematoxylin[index] = glass + haematoxylin * here.tissue * (0.4 + 0.6 * gap)
    }

    private static func mix(_ a: Place, _ b: Place, _ t: Float) -> Place {
        Place(
            tissue: a.tissue + (b.tissue - a.tissue) * t,
            mucosa: a.mucosa + (b.mucosa - a.mucosa) * t,
            muscle: a.muscle + (b.muscle - a.muscle) * t
        )
    }
}
