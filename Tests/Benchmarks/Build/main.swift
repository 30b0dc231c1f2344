// SPDX-License-Identifier: Apache-2.0

// Builds next to `vips dzsave`, and what residuals lose at which size. See docs/decisions.md for its figures.

import BenchmarkSupport
import Foundation
import ImageCodecs
import TestSupport

if CommandLine.arguments.dropFirst().first == "draw", CommandLine.arguments.count == 4 {
    try drawPictures(side: 10_240, jpeg: CommandLine.arguments[2], png: CommandLine.arguments[3])
    exit(0)
}

/// What is measured: all, or the parts that are named (`distortion`, `speed`, `memory`).
let parts = Set(CommandLine.arguments.dropFirst())
let side = 10_240
let rounds = 3
let orizuru = ServerProcess.productsFolder + "/orizuru"
let scratch = try TemporaryDirectory()
var figures: [String: Double] = [:]

@MainActor
func measures(_ part: String) -> Bool { parts.isEmpty || parts.contains(part) }

@MainActor
func fresh(_ name: String) -> String {
    let path = scratch.path(name)
    try? FileManager.default.removeItem(atPath: path)
    try? FileManager.default.removeItem(atPath: "\(path)_files")
    return path
}

guard SharedData.isPresent else {
    print("bench-build needs the shared test data: set ORIZURU_DATA to its folder")
    exit(1)
}
guard parts.isSubset(of: ["distortion", "speed", "memory"]) else {
    print("usage: bench-build [distortion] [speed] [memory]")
    exit(2)
}
if measures("distortion") {
    figures = try RateDistortion(orizuru: orizuru, folder: scratch.path("distortion")).run()
}

let vips = (try? runChild(["vips", "--version"])) != nil
let (jpeg, png, tiff) = (scratch.path("picture.jpg"), scratch.path("picture.png"), scratch.path("picture.tif"))
if measures("speed") || measures("memory") {
    // By another process: the peak of a child counts from that of whoever starts it.
    _ = try runChild([CommandLine.arguments[0], "draw", jpeg, png])
    print("\n\(side) x \(side), JPEG quality 90, 4:2:0; tiles of 256, quality 90, 4:2:0; CPU seconds and peak MiB:")
    if !vips { print("vips is not there (Debian's libvips-tools): neither cpu_ratio_vips nor a TIFF") }
}
var series = Series()
var line = ""

@MainActor
func note(_ name: String, _ arguments: [String]) throws {
    let usage = try runChild(arguments)
    series.add(name, usage.cpuSeconds)
    series.add("\(name) peak", usage.peakMebibytes)
    line += "  \(name) \(String(format: "%.2f s %.0f MiB", usage.cpuSeconds, usage.peakMebibytes))"
}

@MainActor
func build(_ name: String, _ input: String, _ options: [String] = []) throws {
    try note(name, [orizuru, "build", input, fresh("output"), "--progress", "none"] + options)
}

let plain = ["--plain", "--quality", "90"]
if measures("speed") {
    for _ in 0..<rounds {
        line = ""
        if vips {
            try note(
                "vips",
                [
                    "vips", "dzsave", jpeg, fresh("vips"), "--tile-size", "256", "--overlap", "0", "--suffix",
                    ".jpg[Q=90,subsample-mode=on]",
                ]
            )
        }
        try build("plain", jpeg, plain)
        try build("plain optimal", jpeg, plain + ["--huffman", "optimal"])
        try build("residuals", jpeg)
        print(line)
    }
    if vips {
        figures["cpu_ratio_vips"] = series.medianRatio("plain", "vips")
        figures["cpu_ratio_vips_optimal_tables"] = series.medianRatio("plain optimal", "vips")
    }
    figures["cpu_ratio_residuals_plain"] = series.medianRatio("residuals", "plain")
    figures["peak_mib_jpeg"] = max(series.median("plain peak"), series.median("residuals peak"))
}
if measures("memory") {
    line = ""
    try build("png plain", png, plain)
    try build("png residuals", png)
    var names = ["png plain", "png residuals"]
    if vips {
        _ = try runChild([
            "vips", "tiffsave", jpeg, tiff, "--tile", "--tile-width", "256", "--tile-height", "256", "--compression",
            "jpeg", "--Q", "90",
        ])
        try build("tiff plain", tiff, plain)
        try build("tiff residuals", tiff)
        names += ["tiff plain", "tiff residuals"]
    }
    print(line)
    figures["peak_mib"] = names.map { series.median("\($0) peak") }.max()
}
// A run of some parts takes nothing from the report of all.
let name = (["build"] + parts.sorted()).joined(separator: "-")
try BenchmarkReport(command: "make bench-build", figures: figures).write(as: name)
