// SPDX-License-Identifier: Apache-2.0

import TileModel

/// The glands of the mucosa and the vessels below it: round tubes cut across, one to a lattice cell at most.
struct GlandField: Sendable {
    /// A tube cut across.
    struct Gland {
        enum Kind { case gland, vessel }
        let kind: Kind
        let x: Float
        let y: Float
        let radius: Float
        /// The long axis as a unit vector, and how much shorter the other is.
        let axisX: Float
        let axisY: Float
        let flattening: Float
        /// What its parts are drawn from.
        let hash: UInt32

        /// The distance of a place from the centre, 1 at the wall, wobbling aside.
        func distance(_ px: Float, _ py: Float) -> Float {
            let dx = px - x
            let dy = py - y
            let along = dx * axisX + dy * axisY
            let across = (dy * axisX - dx * axisY) * flattening
            return (along * along + across * across).squareRoot() / radius
        }
    }

    /// The side of a lattice cell in pixels; no gland reaches farther than this from its cell.
    static let cell = 236

    private let places: LatticeNoise
    private let wobble: LatticeNoise
    private let texture: LatticeNoise
    private let ground: TissueGround

    init(seed: UInt32, ground: TissueGround) {
        places = LatticeNoise(seed: seed &* 16 &+ 6)
        wobble = LatticeNoise(seed: seed &* 16 &+ 7)
        texture = LatticeNoise(seed: seed &* 16 &+ 8)
        self.ground = ground
    }

    /// The gland of a lattice cell, if it has one.
    func gland(column: Int, row: Int) -> Gland? {
        var random = LatticeRandom(places.hash(Int32(column), Int32(row)))
        let cell = Float(Self.cell)
        // Every other row is shifted by half a cell: closer to how round things pack.
        let shift: Float = row & 1 == 0 ? 0 : 0.5
        let x = (Float(column) + 0.5 + shift + random.between(-0.13, 0.13)) * cell
        let y = (Float(row) + 0.5 + random.between(-0.13, 0.13)) * cell
        let size = random.unit()
        let angle = random.unit()
        let flattening = random.between(1.0, 1.35)
        let chance = random.unit()
        let here = ground.place(x, y)
        guard here.tissue > 0.95 else { return nil }
        let kind: Gland.Kind
        let radius: Float
        if here.mucosa > 0.6 {
            guard chance < 0.96 else { return nil }
            kind = .gland
            radius = 86 + 30 * size
        } else if here.mucosa < 0.2, here.muscle < 0.3 {
            guard chance < 0.30 else { return nil }
            kind = .vessel
            radius = 26 + 58 * size * size
        } else {
            return nil
        }
        // All of it must lie in the tissue.
        for turn in 0..<8 {
            let place = ground.place(
                x + Portable.cosine(turns: Float(turn) / 8) * radius * 1.15,
                y + Portable.sine(turns: Float(turn) / 8) * radius * 1.15
            )
            guard place.tissue > 0.9 else { return nil }
        }
        return Gland(
            kind: kind,
            x: x,
            y: y,
            radius: radius,
            axisX: Portable.cosine(turns: angle),
            axisY: Portable.sine(turns: angle),
            flattening: flattening,
            hash: random.bits()
        )
    }

    /// All glands that may reach into a part, row by row of the lattice: the same order for every part.
    func glands(near rect: PixelRect, reach: Int) -> [Gland] {
        var found: [Gland] = []
        let columns = Self.cells(from: rect.x - reach, to: rect.x + rect.width + reach)
        for row in Self.cells(from: rect.y - reach, to: rect.y + rect.height + reach) {
            for column in columns {
                if let gland = gland(column: column, row: row) { found.append(gland) }
            }
        }
        return found
    }

    /// The wobbling distance: below 1 inside. `x`, `y` in pixels of the whole picture.
    func wobblingDistance(_ gland: Gland, _ x: Float, _ y: Float) -> Float {
        let bend = wobble.fractal(x * 0.016, y * 0.016, octaves: 2) - 0.5
        return gland.distance(x, y) + bend * (gland.kind == .gland ? 0.42 : 0.30)
    }

    /// Paints walls, cell bodies, lumina and what lies in them.
    func paint(on canvas: inout StainCanvas) {
        for gland in glands(near: canvas.rect, reach: Self.cell) {
            guard let window = canvas.window(around: gland.x, gland.y, reach: gland.radius * 1.45) else { continue }
            for row in window.rows {
                let y = Float(canvas.rect.y + row)
                for column in window.columns {
                    let x = Float(canvas.rect.x + column)
                    guard gland.distance(x, y) < 1.35 else { continue }
                    let distance = wobblingDistance(gland, x, y)
                    guard distance < 1.12 else { continue }
                    let index = row * canvas.rect.width + column
                    switch gland.kind {
                    case .gland: paintGland(gland, distance, x, y, index, on: &canvas)
                    case .vessel: paintVessel(gland, distance, x, y, index, on: &canvas)
                    }
                }
            }
        }
    }

    private func paintGland(
        _ gland: Gland,
        _ distance: Float,
        _ x: Float,
        _ y: Float,
        _ index: Int,
        on canvas: inout StainCanvas
    ) {
        let soft = 1.6 / gland.radius
        // The thin sheath around the gland.
        let sheath = Portable.step(1.11, 1.05, distance) * Portable.step(0.98, 1.02, distance)
        canvas.blend(index, haematoxylin: 0.10, eosin: 0.40, cover: sheath * 0.7)
        // Cell bodies: bluer at the wall, paler towards the lumen, striped by their sides.
        let stripes = texture.value(x * 0.16, y * 0.16)
        let pale = Portable.step(0.95, 0.45, distance)
        let inside = Portable.step(1 + soft, 1 - soft, distance)
        canvas.blend(
            index,
            haematoxylin: 0.26 - 0.12 * pale + 0.05 * stripes,
            eosin: 0.30 - 0.08 * pale + 0.07 * stripes,
            cover: inside
        )
        // The brush border, then the lumen with wisps of mucus.
        let opening: Float = 0.27 + 0.10 * Float(gland.hash & 0xFF) / 255
        let border = Portable.step(opening + 0.07, opening + 0.02, distance)
        canvas.blend(index, haematoxylin: 0.16, eosin: 0.44, cover: border * 0.8)
        let lumen = Portable.step(opening + soft, opening - soft, distance)
        let wisp = texture.fractal(x * 0.03 + 50, y * 0.03, octaves: 3)
        let mucus = Portable.step(0.52, 0.70, wisp)
        canvas.blend(index, haematoxylin: 0.02 + 0.10 * mucus, eosin: 0.015 + 0.07 * mucus, cover: lumen)
    }

    private func paintVessel(
        _ gland: Gland,
        _ distance: Float,
        _ x: Float,
        _ y: Float,
        _ index: Int,
        on canvas: inout StainCanvas
    ) {
        let soft = 1.6 / gland.radius
        let wall = Portable.step(1.05, 1.05 - 2 * soft, distance)
        let streaks = texture.value(x * 0.09, y * 0.20)
        canvas.blend(index, haematoxylin: 0.07, eosin: 0.46 + 0.14 * streaks, cover: wall)
        let lumen = Portable.step(0.66 + soft, 0.66 - soft, distance)
        canvas.blend(index, haematoxylin: 0.012, eosin: 0.02, cover: lumen)
        guard lumen > 0.3 else { return }
        // Red cells: discs on a fine lattice, crowded in some vessels and few in others.
        let crowd = 0.25 + 0.65 * Float(gland.hash >> 8 & 0xFF) / 255
        let side: Float = 11
        let column = Int32((x / side).rounded(.down))
        let row = Int32((y / side).rounded(.down))
        for nearRow in row - 1...row + 1 {
            for nearColumn in column - 1...column + 1 {
                var random = LatticeRandom(texture.hash(nearColumn &+ 7919, nearRow))
                guard random.unit() < crowd else { continue }
                let dx = x - (Float(nearColumn) + random.between(0.2, 0.8)) * side
                let dy = y - (Float(nearRow) + random.between(0.2, 0.8)) * side
                let reach = (dx * dx + dy * dy).squareRoot()
                let disc = Portable.step(6.6, 5.2, reach)
                let dimple = Portable.step(3.5, 0, reach) * 0.25
                canvas.blend(index, haematoxylin: 0.05, eosin: 0.92 - dimple, cover: disc * lumen)
            }
        }
    }

    /// Lattice cells between two pixel positions, rounded outwards.
    static func cells(from low: Int, to high: Int, side: Int = cell) -> ClosedRange<Int> {
        let first = (Float(low) / Float(side)).rounded(.down)
        let last = (Float(high) / Float(side)).rounded(.down)
        return Int(first)...Int(last)
    }
}
