// SPDX-License-Identifier: Apache-2.0

/// Turns amounts of two dyes into colours by the law of Beer and Lambert: each channel's light falls exponentially
/// with the dye in its way. Source: Ruifrok and Johnston 2001 for the idea of dye vectors; the numbers are ours.
struct StainPalette: Sendable {
    /// Optical density per unit of haematoxylin (violet) and eosin (pink) in red, green and blue.
    private static let haematoxylin: (Float, Float, Float) = (0.78, 0.84, 0.36)
    private static let eosin: (Float, Float, Float) = (0.13, 0.78, 0.36)
    /// What glass and lamp leave.
    private static let light: (Float, Float, Float) = (244, 241, 245)

    private static let stepsPerUnit: Float = 256
    private static let tableSize = 1280

    /// exp(-i / 256), by repeated multiplication: no library's exponential is asked.
    private let transmission: [Float]

    init() {
        var table: [Float] = []
        var value = 1.0
        // exp(-1 / 256) to double precision.
        let factor = 0.996_101_369_470_117_5
        for _ in 0..<Self.tableSize {
            table.append(Float(value))
            value *= factor
        }
        transmission = table
    }

    /// The colour of a pixel; amounts below zero count as zero, and what is beyond five units of density as black.
    func color(haematoxylin h: Float, eosin e: Float) -> (UInt8, UInt8, UInt8) {
        let h = max(h, 0)
        let e = max(e, 0)
        return (
            channel(h * Self.haematoxylin.0 + e * Self.eosin.0, Self.light.0),
            channel(h * Self.haematoxylin.1 + e * Self.eosin.1, Self.light.1),
            channel(h * Self.haematoxylin.2 + e * Self.eosin.2, Self.light.2)
        )
    }

    private func channel(_ density: Float, _ light: Float) -> UInt8 {
        let place = min(density * Self.stepsPerUnit, Float(Self.tableSize - 2))
        let index = Int(place)
        let part = place - Float(index)
        let passed = transmission[index] + (transmission[index + 1] - transmission[index]) * part
        return UInt8(passed * light + 0.5)
    }
}
