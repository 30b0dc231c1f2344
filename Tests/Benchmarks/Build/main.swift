// SPDX-License-Identifier: Apache-2.0

// Builds next to `vips dzsave`, and what residuals lose at which size. See docs/decisions.md for its figures.

import BenchmarkSupport
import Foundation
import ImageCodecs
import TestSupport

let side = 10_240
let rounds = 3
let orizuru = ServerProcess.productsFolder + "/orizuru"
let scratch = try TemporaryDirectory()
var figures: [String: Double] = [:]

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
figures = try RateDistortion(orizuru: orizuru, folder: scratch.path("distortion")).run()

let (jpeg, png) = (scratch.path("picture.jpg"), scratch.path("picture.png"))
do {
    let tissue = try storedLevel("slides/he-odd-size", level: 12, width: 2220, height: 2967)
    let picture = mirrored(tissue, side: side)
    try Data(JPEGEncoder().encodeRaster(picture, quality: 90)).write(to: URL(fileURLWithPath: jpeg))
    try Data(PNGCodec.encode(picture, content: .photographic)).write(to: URL(fileURLWithPath: png))
}
print(
    "\n\(side) x \(side), JPEG quality 90, 4:2:0; tiles of 256, quality 90, 4:2:0; CPU seconds and peak MiB, each round:"
)
var series = Series()
let vips = (try? runChild(["vips", "--version"])) != nil
if !vips { print("vips is not there (Debian's libvips-tools): no cpu_ratio_vips") }
for _ in 0..<rounds {
    var line = ""
    func note(_ name: String, _ arguments: [String]) throws {
        let usage = try runChild(arguments)
        series.add(name, usage.cpuSeconds)
        series.add("\(name) peak", usage.peakMebibytes)
        line += "  \(name) \(String(format: "%.2f s %.0f MiB", usage.cpuSeconds, usage.peakMebibytes))"
    }
    if vips {
        let output = fresh("vips")
        try note(
            "vips",
            [
                "vips", "dzsave", jpeg, output, "--tile-size", "256", "--overlap", "0", "--suffix",
                ".jpg[Q=90,subsample-mode=on]",
            ]
        )
    }
    let plain = ["--plain", "--quality", "90", "--progress", "none"]
    try note("plain standard", [orizuru, "build", jpeg, fresh("a"), "--standard-huffman"] + plain)
    try note("plain", [orizuru, "build", jpeg, fresh("b")] + plain)
    try note("residuals", [orizuru, "build", jpeg, fresh("c"), "--progress", "none"])
    try note("png plain", [orizuru, "build", png, fresh("d")] + plain)
    try note("png residuals", [orizuru, "build", png, fresh("e"), "--progress", "none"])
    print(line)
}
if vips {
    figures["cpu_ratio_vips"] = series.medianRatio("plain standard", "vips")
    figures["cpu_ratio_vips_optimal_tables"] = series.medianRatio("plain", "vips")
}
figures["cpu_ratio_residuals_plain"] = series.medianRatio("residuals", "plain")
figures["cpu_ratio_png_residuals_plain"] = series.medianRatio("png residuals", "png plain")
figures["peak_mib"] = max(series.median("png plain peak"), series.median("png residuals peak"))
figures["peak_mib_jpeg"] = max(series.median("plain peak"), series.median("residuals peak"))
try BenchmarkReport(command: "make bench-build", figures: figures).write(as: "build")
