// SPDX-License-Identifier: Apache-2.0

import TileModel

/// The nuclei: those of the stroma on a lattice, those of each gland around its wall, with goblet cells between.
struct NucleusField: Sendable {
    /// An ellipse of chromatin.
    private struct Nucleus {
        let x: Float
        let y: Float
        let long: Float
        let short: Float
        let axisX: Float
        let axisY: Float
        /// Dye at its rim and in its middle.
        let rim: Float
        let body: Float
        let eosin: Float
    }

    private static let cell = 21
    private static let largest: Float = 22

    private let places: LatticeNoise
    private let density: LatticeNoise
    private let chromatin: LatticeNoise
    private let direction: LatticeNoise
    private let ground: TissueGround
    private let glands: GlandField

    init(seed: UInt32, ground: TissueGround, glands: GlandField) {
        places = LatticeNoise(seed: seed &* 16 &+ 9)
        density = LatticeNoise(seed: seed &* 16 &+ 10)
        chromatin = LatticeNoise(seed: seed &* 16 &+ 11)
        direction = LatticeNoise(seed: seed &* 16 &+ 12)
        self.ground = ground
        self.glands = glands
    }

    func paint(on canvas: inout StainCanvas) {
        // One more cell of glands than reaches into the part: a nucleus outside asks whether it lies in a gland.
        let nearby = glands.glands(near: canvas.rect, reach: GlandField.cell * 2)
        paintStroma(around: nearby, on: &canvas)
        for gland in nearby {
            guard canvas.window(around: gland.x, gland.y, reach: gland.radius * 1.4 + Self.largest) != nil else {
                continue
            }
            switch gland.kind {
            case .gland: paintEpithelium(of: gland, on: &canvas)
            case .vessel: paintEndothelium(of: gland, on: &canvas)
            }
        }
    }

    // MARK: Stroma

    private func paintStroma(around nearby: [GlandField.Gland], on canvas: inout StainCanvas) {
        let rect = canvas.rect
        let reach = Int(Self.largest) + Self.cell
        let columns = GlandField.cells(from: rect.x - reach, to: rect.x + rect.width + reach, side: Self.cell)
        for row in GlandField.cells(from: rect.y - reach, to: rect.y + rect.height + reach, side: Self.cell) {
            for column in columns {
                guard let nucleus = stromalNucleus(column: column, row: row, around: nearby) else { continue }
                paint(nucleus, on: &canvas)
            }
        }
    }

    private func stromalNucleus(column: Int, row: Int, around nearby: [GlandField.Gland]) -> Nucleus? {
        var random = LatticeRandom(places.hash(Int32(column), Int32(row)))
        let side = Float(Self.cell)
        let x = (Float(column) + random.between(0.1, 0.9)) * side
        let y = (Float(row) + random.between(0.1, 0.9)) * side
        let chance = random.unit()
        let crowd = density.fractal(x * 0.0031, y * 0.0031, octaves: 3)
        // Most cells of the lattice are out at once: the layers are asked only for the others.
        guard chance < 0.96 else { return nil }
        let here = ground.place(x, y)
        guard here.tissue > 0.8 else { return nil }
        let lymphoid = Portable.step(0.58, 0.68, crowd) * (1 - here.muscle)
        let wanted = 0.12 + 0.40 * here.mucosa + 0.15 * here.muscle + 0.75 * lymphoid
        guard chance < wanted else { return nil }
        for gland in nearby where abs(gland.x - x) < gland.radius * 1.5 && abs(gland.y - y) < gland.radius * 1.5 {
            if glands.wobblingDistance(gland, x, y) < 1.12 { return nil }
        }
        let kind = random.unit()
        if kind < 0.25 + 0.6 * lymphoid + 0.2 * here.mucosa - 0.2 * here.muscle {
            return round(x, y, &random)
        }
        return spindle(x, y, in: here, &random)
    }

    /// A lymphocyte: small, round, dark.
    private func round(_ x: Float, _ y: Float, _ random: inout LatticeRandom) -> Nucleus {
        let radius = random.between(4.8, 7.0)
        let dark = random.between(1.1, 1.45)
        return Nucleus(
            x: x,
            y: y,
            long: radius * random.between(1.0, 1.15),
            short: radius,
            axisX: 1,
            axisY: 0,
            rim: dark,
            body: dark * 0.86,
            eosin: 0.16
        )
    }

    /// A fibroblast or a muscle cell: long, thin, lying along the fibres.
    private func spindle(_ x: Float, _ y: Float, in here: TissueGround.Place, _ random: inout LatticeRandom) -> Nucleus
    {
        let swing = (direction.value(x * 0.005, y * 0.005) - 0.5) * (0.5 - 0.3 * here.muscle)
        let turns = swing + random.between(-0.05, 0.05)
        let dark = random.between(0.75, 1.1)
        return Nucleus(
            x: x,
            y: y,
            long: random.between(9, 17) + 3 * here.muscle,
            short: random.between(2.4, 4.6),
            axisX: Portable.cosine(turns: turns),
            axisY: Portable.sine(turns: turns),
            rim: dark,
            body: dark * 0.82,
            eosin: 0.22
        )
    }

    // MARK: Glands and vessels

    private func paintEpithelium(of gland: GlandField.Gland, on canvas: inout StainCanvas) {
        let count = Int(gland.radius * 0.50)
        var random = LatticeRandom(gland.hash)
        let start = random.unit()
        for number in 0..<count {
            let turns = start + (Float(number) + random.between(-0.22, 0.22)) / Float(count)
            let depth = random.between(0.80, 0.94)
            let isGoblet = random.unit() < 0.34
            let long = random.between(9.5, 12.5)
            let short = random.between(5.0, 6.6)
            let dark = random.between(0.80, 1.15)
            let (x, y) = place(gland, turns, depth)
            let (innerX, innerY) = place(gland, turns, 0.1)
            let length = max(((x - innerX) * (x - innerX) + (y - innerY) * (y - innerY)).squareRoot(), 1)
            let axisX = (x - innerX) / length
            let axisY = (y - innerY) / length
            if isGoblet {
                // A bubble of mucus between nucleus and lumen.
                let (bubbleX, bubbleY) = place(gland, turns, depth - 0.27)
                paintBubble(bubbleX, bubbleY, radius: random.between(8.5, 12), on: &canvas)
            }
            let nucleus = Nucleus(
                x: x,
                y: y,
                long: long,
                short: short,
                axisX: axisX,
                axisY: axisY,
                rim: dark,
                body: dark * 0.66,
                eosin: 0.20
            )
            paint(nucleus, on: &canvas)
        }
    }

    private func paintEndothelium(of vessel: GlandField.Gland, on canvas: inout StainCanvas) {
        let count = Int(vessel.radius * 0.16) + 3
        var random = LatticeRandom(vessel.hash)
        let start = random.unit()
        for number in 0..<count {
            let turns = start + (Float(number) + random.between(-0.3, 0.3)) / Float(count)
            let (x, y) = place(vessel, turns, random.between(0.70, 0.98))
            let (ahead, below) = place(vessel, turns + 0.02, 0.8)
            let (behind, above) = place(vessel, turns - 0.02, 0.8)
            let dx = ahead - behind
            let dy = below - above
            let length = max((dx * dx + dy * dy).squareRoot(), 0.001)
            let dark = random.between(0.7, 1.0)
            let nucleus = Nucleus(
                x: x,
                y: y,
                long: random.between(8, 12),
                short: random.between(2.4, 3.4),
                axisX: dx / length,
                axisY: dy / length,
                rim: dark,
                body: dark * 0.85,
                eosin: 0.25
            )
            paint(nucleus, on: &canvas)
        }
    }

    /// Where the wobbling wall's `depth` (1 the wall, 0 the centre) lies in a direction.
    private func place(_ gland: GlandField.Gland, _ turns: Float, _ depth: Float) -> (Float, Float) {
        let cosine = Portable.cosine(turns: turns)
        let sine = Portable.sine(turns: turns) / gland.flattening
        let dx = (cosine * gland.axisX - sine * gland.axisY) * gland.radius
        let dy = (cosine * gland.axisY + sine * gland.axisX) * gland.radius
        // Two steps towards the place whose wobbling distance is the one that is wanted.
        var reach = depth
        for _ in 0..<2 {
            let distance = glands.wobblingDistance(gland, gland.x + dx * reach, gland.y + dy * reach)
            reach = min(max(reach + (depth - distance) * 0.9, 0.05), 1.3)
        }
        return (gland.x + dx * reach, gland.y + dy * reach)
    }

    private func paintBubble(_ x: Float, _ y: Float, radius: Float, on canvas: inout StainCanvas) {
        guard let window = canvas.window(around: x, y, reach: radius + 2) else { return }
        for row in window.rows {
            let dy = Float(canvas.rect.y + row) - y
            for column in window.columns {
                let dx = Float(canvas.rect.x + column) - x
                let distance = (dx * dx + dy * dy).squareRoot()
                let cover = Portable.step(radius + 0.8, radius - 0.8, distance)
                guard cover > 0 else { continue }
                let rim = Portable.step(radius - 3, radius, distance)
                canvas.blend(
                    row * canvas.rect.width + column,
                    haematoxylin: 0.09 + 0.12 * rim,
                    eosin: 0.03 + 0.10 * rim,
                    cover: cover * 0.92
                )
            }
        }
    }

    // MARK: Painting

    private func paint(_ nucleus: Nucleus, on canvas: inout StainCanvas) {
        guard let window = canvas.window(around: nucleus.x, nucleus.y, reach: nucleus.long + 2) else { return }
        let soft = 1.1 / nucleus.short
        for row in window.rows {
            let dy = Float(canvas.rect.y + row) - nucleus.y
            for column in window.columns {
                let dx = Float(canvas.rect.x + column) - nucleus.x
                let along = (dx * nucleus.axisX + dy * nucleus.axisY) / nucleus.long
                let across = (dy * nucleus.axisX - dx * nucleus.axisY) / nucleus.short
                let distance = (along * along + across * across).squareRoot()
                guard distance < 1 + soft else { continue }
                let index = row * canvas.rect.width + column
                let cover = Portable.step(1 + soft, 1 - soft, distance) * canvas.tissue[index]
                guard cover > 0 else { continue }
                let clumps = chromatin.value(
                    Float(canvas.rect.x + column) * 0.38,
                    Float(canvas.rect.y + row) * 0.38
                )
                let rim = Portable.step(0.55, 0.92, distance)
                let dye = nucleus.body + (nucleus.rim - nucleus.body) * rim + (clumps - 0.5) * 0.42 * nucleus.body
                canvas.blend(index, haematoxylin: dye, eosin: nucleus.eosin, cover: cover * 0.94)
            }
        }
    }
}
