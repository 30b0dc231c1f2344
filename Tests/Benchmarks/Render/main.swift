// SPDX-License-Identifier: Apache-2.0
//
// What rendering a family costs, next to what the JPEG library alone costs for the same family, measured in turns by
// one program: for each kind of picture and two tile sizes. Prints a table and writes .build/bench/render.json.

import BenchmarkSupport
import FamilyRendering
import Foundation
import TestSupport
import TileModel

let quality = 90

/// Renders members in order.
func render(_ renderer: FamilyRenderer, _ material: FamilyMaterial, _ members: some Sequence<Int>) throws {
    renderer.begin(material)
    for member in members { _ = try unsafe renderer.render(member: member) }
}

func parameters(_ mode: ReconstructionParameters.Mode) throws -> ReconstructionParameters {
    guard let parameters = ReconstructionParameters(mode: mode, quality: mode == .exact ? nil : quality) else {
        throw BenchmarkFailure("no such parameters")
    }
    return parameters
}

/// Whole families and first tiles of one content, floor and ours in turns; means over the families, in microseconds.
func measure(_ content: Content, rounds: Int) throws -> (series: Series, allocations: Double, inLibrary: Double) {
    let floors = try zip(content.materials, content.families).map {
        try CodecFloor(material: $0, family: $1, tileSize: content.tileSize, quality: quality)
    }
    let rounded = FamilyRenderer(parameters: try parameters(.rounded))
    let exact = FamilyRenderer(parameters: try parameters(.exact))
    let count = Double(content.families.count)
    var series = Series()

    for round in 0..<rounds {
        var sums: [String: Double] = [:]
        for (floor, material) in zip(floors, content.materials) {
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
        for (floor, material) in zip(floors, content.materials) {
            for member in 5...20 {
                first[member] += try microseconds { try render(rounded, material, CollectionOfOne(member)) } / count
            }
            // The parent, the residuals that a grandchild touches (2.25 children on average), one encode.
            firstFloor += try microseconds { try floor.decodeParent() }
            firstFloor +=
                try microseconds {
                    for member in 1...4 { try floor.decodeResidual(member, asPlanes: true) }
                } * 2.25 / 4
            firstFloor +=
                try microseconds {
                    for member in 5...20 {
                        try floor.decodeResidual(member, asPlanes: true)
                        try floor.encode(member)
                    }
                } / 16
        }
        series.add("first", first.reduce(0, +) / 16)
        series.add("first, worst place", first.max() ?? 0)
        series.add("first, floor", firstFloor / count)
    }

    let ours = try allocations { for material in content.materials { try render(rounded, material, 1...20) } }
    let before = floors.reduce(0) { $0 + $1.libraryAllocations }
    for floor in floors {
        try floor.readHeaders()
        try floor.wholeFamily(residualsAsPlanes: true)
    }
    let library = floors.reduce(0) { $0 + $1.libraryAllocations } - before
    return (series, Double(ours - library) / count, Double(library) / count)
}

/// Two threads against one, ours and the codec's in turns. Milliseconds of wall-clock time for the same work each.
func measureScaling(_ content: Content, rounds: Int) throws -> Series {
    let times = max(1, 12 / content.families.count)
    let workers = try (0..<2).map { _ in
        try ScalingWorker(
            renderer: FamilyRenderer(parameters: parameters(.rounded)),
            content: content,
            quality: quality
        )
    }
    var series = Series()
    for _ in 0..<rounds {
        let oneCodec = try Scaling.time(threads: 1) { workers[$0].callCodec(times: times) }
        let one = try Scaling.time(threads: 1) { workers[$0].render(times: times) }
        let two = try Scaling.time(threads: 2) { workers[$0].render(times: times) }
        let twoCodec = try Scaling.time(threads: 2) { workers[$0].callCodec(times: times) }
        series.add("speedup", 2 * one / two)
        series.add("speedup of the codec", 2 * oneCodec / twoCodec)
    }
    return series
}

func padded(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }

func run(rounds: Int) throws {
    var figures: [String: Double] = [:]
    var worst: [String: Double] = [:]
    let contents = try Contents.all()
    print("Families of 20 tiles, 4:2:0 at quality \(quality): CPU microseconds, medians of \(rounds) rounds")
    print(
        padded("content", 16),
        padded("  floor", 9),
        padded("  family", 9),
        "ratio ",
        padded("   exact", 9),
        padded("   first", 9),
        "of family  of floor  worst place"
    )
    for content in contents {
        let (series, allocations, inLibrary) = try measure(content, rounds: rounds)
        let label = "\(content.name)_\(content.tileSize)"
        let ratios = [
            "family_ratio_floor": series.medianRatio("rounded", "floor"),
            "first_tile_ratio_family": series.medianRatio("first", "rounded"),
            "first_tile_worst_ratio_family": series.medianRatio("first, worst place", "rounded"),
            "first_tile_ratio_floor": series.medianRatio("first", "first, floor"),
            "allocations_per_family": allocations,
        ]
        for (name, value) in ratios {
            figures["\(name)_\(label)"] = value
            worst[name] = max(worst[name] ?? -.infinity, value)
        }
        figures["floor_ms_\(label)"] = series.median("floor") / 1000
        figures["family_ms_\(label)"] = series.median("rounded") / 1000
        figures["exact_family_ms_\(label)"] = series.median("exact") / 1000
        figures["first_tile_ms_\(label)"] = series.median("first") / 1000
        print(
            padded(label, 16),
            String(
                format: "%8.0f  %8.0f  %5.3f  %8.0f  %8.0f",
                series.median("floor"),
                series.median("rounded"),
                ratios["family_ratio_floor"] ?? .nan,
                series.median("exact"),
                series.median("first")
            ),
            String(
                format: "%8.3f  %8.3f  %11.3f",
                ratios["first_tile_ratio_family"] ?? .nan,
                ratios["first_tile_ratio_floor"] ?? .nan,
                ratios["first_tile_worst_ratio_family"] ?? .nan
            ),
            "  \(allocations) allocations of our own, \(inLibrary) inside the JPEG library"
        )
    }
    // The worst of all contents under the plain names.
    figures.merge(worst) { $1 }
    let scaling = try measureScaling(contents[0], rounds: rounds)
    figures["speedup_two_workers"] = scaling.median("speedup")
    figures["speedup_two_codecs"] = scaling.median("speedup of the codec")
    figures["speedup_ratio_codec"] = scaling.medianRatio("speedup", "speedup of the codec")
    try BenchmarkReport(command: "bench-render", figures: figures).write(as: "render")
}

guard SharedData.isPresent else {
    print("SKIPPED: bench-render \(SharedData.reason)")
    exit(0)
}
do {
    try run(rounds: 21)
} catch {
    print("bench-render: \(error)")
    exit(1)
}
