// SPDX-License-Identifier: Apache-2.0
//
// What rendering a family costs, next to what the JPEG library alone costs for the same family, measured in turns by
// one program. Prints a table and writes .build/bench/render.json.

import BenchmarkSupport
import FamilyRendering
import Foundation
import TestSupport
import TileModel

/// One family's material, from its pack.
func material(_ family: Family, _ pyramid: Pyramid, _ slide: URL) throws -> FamilyMaterial {
    let material = FamilyMaterial()
    let name = "\(family.parent.x)_\(family.parent.y)"
    material.begin(family: family, pyramid: pyramid)
    let parent = slide.appending(path: "baseline_pyramid_files/\(family.parent.level)/\(name).jpg")
    material.setParent(material.append([UInt8](try Data(contentsOf: parent))))
    let pack = slide.appending(path: "residual_packs/\(name).pack")
    try material.addPack(material.append([UInt8](try Data(contentsOf: pack))))
    return material
}

/// Renders members in order.
func render(_ renderer: FamilyRenderer, _ material: FamilyMaterial, _ members: some Sequence<Int>) throws {
    renderer.begin(material)
    for member in members { _ = try unsafe renderer.render(member: member) }
}

func run(_ slide: URL, rounds: Int) throws {
    let quality = 90
    guard let pyramid = Pyramid(deepZoom: GridSize(width: 2048, height: 2048), tileSize: 256, overlap: 0),
        let roundedParameters = ReconstructionParameters(mode: .rounded, quality: quality),
        let exactParameters = ReconstructionParameters(mode: .exact)
    else { throw BenchmarkFailure("no such parameters") }
    let families = [(0, 0), (1, 0), (0, 1), (1, 1)].map {
        Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: $0.0, y: $0.1), in: pyramid)
    }
    let materials = try families.map { try material($0, pyramid, slide) }
    let floors = try zip(materials, families).map {
        try CodecFloor(material: $0, family: $1, tileSize: pyramid.tileSize, quality: quality)
    }
    let rounded = FamilyRenderer(parameters: roundedParameters)
    let exact = FamilyRenderer(parameters: exactParameters)
    let count = Double(families.count)
    var series = Series()

    for round in 0..<rounds {
        // Whole families: floor and ours in turns.
        var sums: [String: Double] = [:]
        for (floor, material) in zip(floors, materials) {
            sums["floor, residuals as pixels", default: 0] += try microseconds {
                try floor.wholeFamily(residualsAsPlanes: false)
            }
            sums["rounded", default: 0] += try microseconds { try render(rounded, material, 1...20) }
            sums["floor, residuals as planes", default: 0] += try microseconds {
                try floor.wholeFamily(residualsAsPlanes: true)
            }
            if round % 4 == 0 {
                sums["exact", default: 0] += try microseconds { try render(exact, material, 1...20) }
            }
        }
        for (name, sum) in sums { series.add(name, sum / count) }
        series.add(
            "floor",
            min(sums["floor, residuals as pixels"] ?? 0, sums["floor, residuals as planes"] ?? 0) / count
        )

        // One awaited grandchild, with nothing decoded before: the mean and the worst place, all families alike.
        var first = [Double](repeating: 0, count: 21)
        var firstFloor = 0.0
        for (floor, material) in zip(floors, materials) {
            for member in 5...20 {
                first[member] += try microseconds { try render(rounded, material, CollectionOfOne(member)) } / count
            }
            // The parent, the residuals that a grandchild touches (2.25 children on average), one encode.
            firstFloor += try microseconds { try floor.decodeParent() }
            firstFloor +=
                try microseconds {
                    for member in 1...4 { try floor.decodeResidual(member, asPlanes: false) }
                } * 2.25 / 4
            firstFloor +=
                try microseconds {
                    for member in 5...20 {
                        try floor.decodeResidual(member, asPlanes: false)
                        try floor.encode(member)
                    }
                } / 16
        }
        series.add("first", first.reduce(0, +) / 16)
        series.add("first, worst place", first.max() ?? 0)
        series.add("first, corner", (first[5] + first[8] + first[17] + first[20]) / 4)
        series.add("first, floor", firstFloor / count)
    }

    let ours = try allocations { for material in materials { try render(rounded, material, 1...20) } }
    let before = floors.reduce(0) { $0 + $1.libraryAllocations }
    for floor in floors {
        try floor.readHeaders()
        try floor.wholeFamily(residualsAsPlanes: true)
    }
    let library = floors.reduce(0) { $0 + $1.libraryAllocations } - before
    let perFamily = Double(ours - library) / count

    let floor = series.median("floor")
    func row(_ name: String, _ value: Double, _ note: String = "") {
        let ratio = String(format: "%5.2fx", value / floor)
        print(name.padding(toLength: 46, withPad: " ", startingAt: 0), String(format: "%8.0f us", value), ratio, note)
    }
    print("One family of he-q90-r32 (mean of 4), 20 tiles 4:2:0 at quality \(quality), CPU time, \(rounds) rounds")
    row("codec floor", floor, "the better of two ways to decode residuals")
    row("  residuals as pixels", series.median("floor, residuals as pixels"))
    row("  residuals as planes", series.median("floor, residuals as planes"))
    row("rounded, whole family", series.median("rounded"))
    row("exact, whole family", series.median("exact"), "4:4:4 at quality 95, as the reference")
    row("rounded, first awaited grandchild (mean place)", series.median("first"))
    row("  corner of the family", series.median("first, corner"))
    row("  worst place", series.median("first, worst place"))
    row("  floor for its own work", series.median("first, floor"))
    print("allocations per family: \(perFamily) of our own (\(Double(library) / count) inside the JPEG library)")

    let figures: [String: Double] = [
        "floor_ms": floor / 1000,
        "family_ms": series.median("rounded") / 1000,
        "exact_family_ms": series.median("exact") / 1000,
        "first_tile_ms": series.median("first") / 1000,
        "family_ratio_floor": series.medianRatio("rounded", "floor"),
        "first_tile_ratio_family": series.medianRatio("first", "rounded"),
        "first_tile_worst_ratio_family": series.medianRatio("first, worst place", "rounded"),
        "first_tile_ratio_floor": series.medianRatio("first", "first, floor"),
        "allocations_per_family": perFamily,
    ]
    try BenchmarkReport(command: "bench-render", figures: figures).write(as: "render")
}

guard let slide = try? SharedData.url("slides/he-q90-r32") else {
    print("SKIPPED: bench-render \(SharedData.reason)")
    exit(0)
}
do {
    try run(slide, rounds: 41)
} catch {
    print("bench-render: \(error)")
    exit(1)
}
