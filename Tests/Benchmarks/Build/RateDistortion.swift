// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import TestSupport

/// Bytes and likeness of the two finest levels of a slide.
struct Quality {
    var name: String
    var bytes = 0
    /// Of the finest level but one, then of the finest.
    var lumaPSNR = [0.0, 0.0]
    var colourPSNR = [0.0, 0.0]
    var levelBytes = [0, 0]
}

/// Prints what residuals of the shared slide lose at which size, next to plain JPEG tiles and to the reference's slide,
/// all against the same decoded plain pyramid; returns the figures.
struct RateDistortion {
    let orizuru: String
    let folder: String
    private static let slide = "slides/he-q90-r32"
    private static let finest = 11

    /// The slide's plain levels alone.
    private func plainSlide() throws -> String {
        let path = "\(folder)/plain"
        let manager = FileManager.default
        try? manager.removeItem(atPath: path)
        try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
        for name in ["baseline_pyramid.dzi", "baseline_pyramid_files"] {
            try manager.copyItem(atPath: SharedData.url("\(Self.slide)/\(name)").path, toPath: "\(path)/\(name)")
        }
        return path
    }

    /// Files of a folder, in bytes.
    private func size(of path: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: path).reduce(0) { sum, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
            return sum + ((attributes[.size] as? Int) ?? 0)
        }
    }

    private struct Inspected: Decodable {
        struct Level: Decodable {
            let level: Int
            let bytes: Int
            let luma: Double?
            let colour: Double?

            enum CodingKeys: String, CodingKey {
                case level, bytes
                case luma = "psnr_y"
                case colour = "psnr_rgb"
            }
        }
        let levels: [Level]
    }

    private func inspect(_ path: String, _ plain: String, _ name: String, packs: String) throws -> Quality {
        let output = "\(folder)/inspected.json"
        _ = try runChild([orizuru, "inspect", path, "--compare", plain, "--quality", "100", "--json"], output: output)
        let document = try JSONDecoder().decode(Inspected.self, from: Data(contentsOf: URL(fileURLWithPath: output)))
        var quality = Quality(name: name)
        for (index, level) in document.levels.suffix(2).enumerated() {
            quality.levelBytes[index] = level.bytes
            quality.lumaPSNR[index] = level.luma ?? 99
            quality.colourPSNR[index] = level.colour ?? 99
        }
        quality.bytes = try size(of: packs)
        return quality
    }

    /// Plain 4:2:0 tiles of each quality, made from the decoded ones.
    private func plainTiles(_ qualities: [Int]) throws -> [Quality] {
        let levels = try [
            storedLevel(Self.slide, level: Self.finest - 1, width: 1024, height: 1024),
            storedLevel(Self.slide, level: Self.finest, width: 2048, height: 2048),
        ]
        let (encoder, decoder) = (JPEGEncoder(), JPEGDecoder())
        return try qualities.map { quality in
            var result = Quality(name: "plain 4:2:0 q\(quality)")
            for (index, level) in levels.enumerated() {
                var (luma, colour) = (0.0, 0.0)
                for y in stride(from: 0, to: level.height, by: 256) {
                    for x in stride(from: 0, to: level.width, by: 256) {
                        let tile = level.cropped(x: x, y: y, width: 256, height: 256)
                        let jpeg = try encoder.encodeRaster(tile, quality: quality, subsampling: .quarter)
                        result.levelBytes[index] += jpeg.count
                        let decoded = try decoder.decodeRaster(jpeg)
                        for at in stride(from: 0, to: tile.pixels.count, by: 3) {
                            let difference = (0..<3).map {
                                Double(tile.pixels[at + $0]) - Double(decoded.pixels[at + $0])
                            }
                            colour += difference.reduce(0) { $0 + $1 * $1 }
                            let light = 0.299 * difference[0] + 0.587 * difference[1] + 0.114 * difference[2]
                            luma += light * light
                        }
                    }
                }
                let pixels = Double(level.width * level.height)
                result.lumaPSNR[index] = 10 * log10(255 * 255 * pixels / luma)
                result.colourPSNR[index] = 10 * log10(255 * 255 * 3 * pixels / colour)
            }
            result.bytes = result.levelBytes[0] + result.levelBytes[1]
            return result
        }
    }

    /// The bytes of plain tiles with a level's RGB PSNR, between two qualities by straight lines.
    private func plainBytes(_ plain: [Quality], level: Int, psnr: Double) -> Double {
        let points = plain.map { ($0.colourPSNR[level], Double($0.levelBytes[level])) }.sorted { $0.0 < $1.0 }
        guard let first = points.first, let last = points.last, psnr > first.0, psnr < last.0 else { return .nan }
        for (low, high) in zip(points, points.dropFirst()) where psnr <= high.0 && high.0 > low.0 {
            return low.1 + (high.1 - low.1) * (psnr - low.0) / (high.0 - low.0)
        }
        return .nan
    }

    /// Bytes next to plain tiles of the same RGB PSNR at each level.
    private func ratio(_ quality: Quality, _ tiles: [Quality]) -> Double {
        Double(quality.bytes) / (0...1).reduce(0) { $0 + plainBytes(tiles, level: $1, psnr: quality.colourPSNR[$1]) }
    }

    private func show(_ quality: Quality, _ plain: [Quality], _ optimal: [Quality]) {
        func column(_ value: Double) -> String { String(format: "%6.2f", value) }
        let name = quality.name.padding(toLength: 34, withPad: " ", startingAt: 0)
        let bytes = String(format: "%8d", quality.bytes)
        let ratios =
            quality.name.hasPrefix("plain")
            ? "" : String(format: "  %.3f  %.3f", ratio(quality, plain), ratio(quality, optimal))
        print(
            "\(name) \(bytes)  \(column(quality.lumaPSNR[0])) \(column(quality.colourPSNR[0]))"
                + "  \(column(quality.lumaPSNR[1])) \(column(quality.colourPSNR[1]))\(ratios)"
        )
    }

    func run() throws -> [String: Double] {
        let plain = try plainSlide()
        let qualities = [20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90]
        let tiles = try plainTiles(qualities)
        unsafe setenv("TJ_OPTIMIZE", "1", 1)
        let optimal = try plainTiles(qualities)
        unsafe unsetenv("TJ_OPTIMIZE")
        let reference = try inspectReference(plain)
        print("The two finest levels of \(Self.slide) (tissue, 2048x2048), against the decoded plain pyramid;")
        print(
            "ours as decoded (rendered at quality 100), the reference's as it answers (quality 95). Bytes are those of"
        )
        print("pack files. Last: bytes next to plain 4:2:0 tiles of the same RGB PSNR at each level, with standard and")
        print("with optimal Huffman tables.")
        print("                                      bytes   children       grandchildren")
        print("                                               Y    RGB       Y    RGB   of plain, optimal")
        for quality in tiles where quality.name.hasSuffix("0") { show(quality, tiles, optimal) }
        show(reference, tiles, optimal)
        var ours: [Quality] = []
        let settings = [
            ("32/32", "none"), ("42/30", "none"), ("60/40", "none"), ("32/32", "predicted"), ("42/30", "predicted"),
            ("60/40", "predicted"), ("40/28", "30"), ("42/28", "35"), ("45/28", "35"), ("42/30", "30"), ("60/40", "40"),
            ("70/50", "50"), ("80/60", "60"),
        ]
        for (residuals, chroma) in settings {
            let path = "\(folder)/slide"
            try? FileManager.default.removeItem(atPath: path)
            _ = try runChild([
                orizuru, "build", plain, path, "--residual-quality", residuals, "--chroma", chroma, "--progress",
                "none",
            ])
            let packs = "\(path)/residual_packs"
            let quality = try inspect(path, plain, "ours \(residuals), chroma \(chroma)", packs: packs)
            show(quality, tiles, optimal)
            ours.append(quality)
        }
        return figures(ours, reference, tiles, optimal)
    }

    /// What we gain over the reference for no more bytes than its, by the setting whose lesser gain is the largest; and
    /// the bytes of the default's two finest levels next to plain tiles of the same RGB PSNR.
    private func figures(
        _ ours: [Quality],
        _ reference: Quality,
        _ tiles: [Quality],
        _ optimal: [Quality]
    ) -> [String: Double] {
        func gain(_ quality: Quality, _ level: Int) -> Double {
            quality.colourPSNR[level] - reference.colourPSNR[level]
        }
        var figures: [String: Double] = [:]
        let affordable = ours.filter { $0.bytes <= reference.bytes }
        if let best = affordable.max(by: { min(gain($0, 0), gain($0, 1)) < min(gain($1, 0), gain($1, 1)) }) {
            print("For no more bytes than the reference's: \(best.name)")
            figures["gain_db_children"] = gain(best, 0)
            figures["gain_db_grandchildren"] = gain(best, 1)
            figures["bytes_ratio_reference"] = Double(best.bytes) / Double(reference.bytes)
            figures["bytes_ratio_plain_jpeg_best"] = ratio(best, tiles)
        }
        if let usual = ours.first(where: { $0.name == "ours 60/40, chroma predicted" }) {
            figures["bytes_ratio_plain_jpeg"] = ratio(usual, tiles)
            figures["bytes_ratio_plain_jpeg_optimal"] = ratio(usual, optimal)
        }
        return figures
    }

    /// The reference's own tiles, as it decodes them, and the bytes of its packs.
    private func inspectReference(_ plain: String) throws -> Quality {
        var result = Quality(name: "reference q90/r32, its own tiles")
        let decoder = JPEGDecoder()
        for (index, (name, level)) in [("L1", Self.finest - 1), ("L0", Self.finest)].enumerated() {
            var (luma, colour, pixels) = (0.0, 0.0, 0.0)
            let folder = try SharedData.url("expected/he-q90-r32/\(name)").path
            for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file.hasSuffix(".jpg") {
                let theirs = try decoder.decodeRaster(
                    [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)")))
                )
                let stored = try SharedData.bytes("\(Self.slide)/baseline_pyramid_files/\(level)/\(file)")
                let original = try decoder.decodeRaster(stored)
                for at in stride(from: 0, to: original.pixels.count, by: 3) {
                    let difference = (0..<3).map { Double(original.pixels[at + $0]) - Double(theirs.pixels[at + $0]) }
                    colour += difference.reduce(0) { $0 + $1 * $1 }
                    let light = 0.299 * difference[0] + 0.587 * difference[1] + 0.114 * difference[2]
                    luma += light * light
                }
                pixels += Double(original.width * original.height)
            }
            result.lumaPSNR[index] = 10 * log10(255 * 255 * pixels / luma)
            result.colourPSNR[index] = 10 * log10(255 * 255 * 3 * pixels / colour)
        }
        result.bytes = try size(of: SharedData.url("\(Self.slide)/residual_packs").path)
        return result
    }
}
