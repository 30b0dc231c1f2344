// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Foundation
import Glibc
import ImageCodecs
import TestSupport
import Testing

@Suite("orizuru build and orizuru inspect")
struct BuildTests {
    private struct Run {
        let code: Int32
        let output: String
        let errors: String
    }

    /// Runs the command to its end, or kills it with SIGKILL when `kill` says so.
    private func orizuru(_ arguments: [String], killedWhen kill: (() -> Bool)? = nil) throws -> Run {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ServerProcess.productsFolder + "/orizuru")
        process.arguments = arguments
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        if let kill {
            while process.isRunning, !kill() { usleep(2000) }
            _ = Glibc.kill(process.processIdentifier, SIGKILL)
        }
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let words = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Run(
            code: process.terminationStatus,
            output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: words, as: UTF8.self)
        )
    }

    /// A PNG of a size, with detail everywhere.
    private func picture(_ side: Int, in directory: TemporaryDirectory) throws -> String {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(3 * side * side)
        for y in 0..<side {
            for x in 0..<side {
                pixels.append(UInt8(truncatingIfNeeded: 90 + (x * 3 + y) % 120))
                pixels.append(UInt8(truncatingIfNeeded: 60 + (x / 5 + y * 2) % 90))
                pixels.append(UInt8(truncatingIfNeeded: 120 + (x ^ y) % 64))
            }
        }
        let image = RasterImage(width: side, height: side, channels: 3, pixels: pixels)
        return try directory.write("picture.png", PNGCodec.encode(image, content: .flat))
    }

    private func files(_ path: String) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for case let name as String in FileManager.default.enumerator(atPath: path) ?? .init() {
            found[name] = try? Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
        }
        return found
    }

    @Test("a build that was killed goes on with the same command and ends with the bytes of one that was not")
    func killed() throws {
        let directory = try TemporaryDirectory()
        let input = try picture(1700, in: directory)
        let whole = directory.path("whole")
        let options = ["--tile-size", "64", "--threads", "1"]
        let first = try orizuru(["build", input, whole] + options)
        #expect(first.code == 0, "\(first.errors)")
        #expect(first.output.contains("1700x1700 pixels"))
        let output = directory.path("killed")
        let journal = "\(output).partial/build.journal"
        let killed = try orizuru(["build", input, output] + options) {
            ((try? String(contentsOfFile: journal, encoding: .utf8)) ?? "").split(separator: "\n").count > 3
        }
        #expect(killed.code == 9)
        #expect(!FileManager.default.fileExists(atPath: output), "an unfinished output has no name")
        let resumed = try orizuru(["build", input, output] + options)
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(resumed.output.contains("by an earlier run"), "\(resumed.output)")
        #expect(try files(whole) == files(output))
        #expect(try orizuru(["inspect", "--verify", output]).code == 0)
    }

    @Test("what is in the way is named: an existing output, an absent input, a full disk")
    func failures() throws {
        let directory = try TemporaryDirectory()
        let input = try picture(300, in: directory)
        let there = try directory.write("there/file", [1])
        let exists = try orizuru(["build", input, (there as NSString).deletingLastPathComponent])
        #expect(exists.code == 1 && exists.errors.contains("exists already"), "\(exists.errors)")
        let absent = try orizuru(["build", directory.path("absent.png"), directory.path("a")])
        #expect(absent.code == 1 && absent.errors.contains("no such file"), "\(absent.errors)")
        let usage = try orizuru(["build", input, directory.path("a"), "--tile-size", "33"])
        #expect(usage.code == 2 && usage.errors.contains("--tile-size"), "\(usage.errors)")
        // Half of a picture: what is written stays, nothing has the final name.
        let png = try Data(contentsOf: URL(fileURLWithPath: input))
        let cut = try directory.write("cut.png", png[..<(png.count / 2)])
        let broken = try orizuru(["build", cut, directory.path("b")])
        #expect(broken.code == 1 && broken.errors.contains("ends too early"), "\(broken.errors)")
        #expect(!FileManager.default.fileExists(atPath: directory.path("b")))
        let full = try orizuru(["build", input, "/dev/full/slide"])
        #expect(full.code == 1 && !full.errors.isEmpty)
    }

    @Test("inspect tells soundness by its exit code, for people and as JSON, and compares")
    func inspect() throws {
        let directory = try TemporaryDirectory()
        let input = try picture(600, in: directory)
        let output = directory.path("slide")
        #expect(try orizuru(["build", input, output, "--mpp", "0.5", "--title", "A title"]).code == 0)
        let text = try orizuru(["inspect", output, "--verify", "--compare", input])
        #expect(text.code == 0 && text.output.contains("A title") && text.output.contains("PSNR RGB"))
        #expect(text.output.contains("microns per pixel: 0.5") && text.output.contains("everything decodes"))
        let json = try orizuru(["inspect", output, "--json"])
        let document = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(document?["fault_count"] as? Int == 0 && document?["width"] as? Int == 600)
        let pack = URL(fileURLWithPath: "\(output)/residual_packs/0_0.pack")
        var bytes = try Data(contentsOf: pack)
        bytes[bytes.count - 30] ^= 1
        try bytes.write(to: pack)
        let damaged = try orizuru(["inspect", output])
        #expect(damaged.code == 1 && damaged.output.contains("damaged"), "\(damaged.output)")
        #expect(try orizuru(["inspect", pack.path]).code == 1)
        #expect(try orizuru(["inspect", directory.path("nothing")]).code == 1)
        // A map without its coarsest level cannot be reduced to.
        try directory.copy(URL(fileURLWithPath: sampleFolder + "/world/1"), to: "map/1")
        let map = try orizuru(["inspect", directory.path("map"), "--compare", input])
        #expect(map.code == 1 && !map.errors.isEmpty)
    }

    @Test(
        "a full disk is said so, nothing has the final name, and with room the same command goes on",
        .enabled(if: SmallMount.isPossible, "needs root, to mount a small tmpfs")
    )
    func fullDisk() throws {
        let directory = try TemporaryDirectory()
        let input = try picture(700, in: directory)
        let options = ["--tile-size", "64", "--threads", "1"]
        let whole = directory.path("whole")
        #expect(try orizuru(["build", input, whole] + options).code == 0)
        let pages = try files(whole).values.reduce(0) { $0 + ($1.count + 4095) / 4096 }
        // Room for half of it.
        let mount = try SmallMount(bytes: pages / 2 * 4096)
        let output = "\(mount.path)/slide"
        let arguments = ["build", input, output] + options
        let full = try orizuru(arguments)
        #expect(full.code == 1 && full.errors.contains("no space left on the device"), "\(full.errors)")
        #expect(!FileManager.default.fileExists(atPath: output))
        let again = try orizuru(arguments)
        #expect(again.code == 1 && again.errors.contains("no space left"), "\(again.errors)")
        try mount.resize(bytes: 64 << 20)
        let resumed = try orizuru(arguments)
        #expect(resumed.code == 0 && resumed.output.contains("by an earlier run"), "\(resumed.errors)")
        #expect(try files(whole) == files(output))
    }

    @Test("inspect --verify decodes: a tile of another size is seen by it alone; packs and bundles have JSON, too")
    func verify() throws {
        let directory = try TemporaryDirectory()
        let input = try picture(600, in: directory)
        let output = directory.path("slide")
        #expect(try orizuru(["build", input, output, "--plain", "--tile-size", "128"]).code == 0)
        let small = try JPEGEncoder().encodeRaster(RasterImage(width: 5, height: 5, filledWith: [9]), quality: 80)
        try Data(small).write(to: URL(fileURLWithPath: "\(output)/baseline_pyramid_files/10/1_1.jpg"))
        #expect(try orizuru(["inspect", output]).code == 0)
        let damaged = try orizuru(["inspect", "--verify", "--json", output])
        let document = try JSONSerialization.jsonObject(with: Data(damaged.output.utf8)) as? [String: Any]
        #expect(damaged.code == 1 && document?["fault_count"] as? Int == 1, "\(damaged.output)")
        let slide = directory.path("residuals")
        let built = try orizuru(["build", input, slide, "--tile-size", "128", "--progress", "json"])
        let last = try #require(built.errors.split(separator: "\n").last)
        let progress = try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any]
        #expect(built.code == 0 && progress?["tiles"] as? Int == progress?["total"] as? Int, "\(built.errors)")
        let pack = try Data(contentsOf: URL(fileURLWithPath: "\(slide)/residual_packs/0_0.pack"))
        let bundle = ResidualBundle.file(columns: 2, rows: 1, packs: [[UInt8](pack), nil])
        for (name, bytes, packs) in [("a.pack", [UInt8](pack), 1), ("a.bundle", bundle, 1)] {
            let path = try directory.write(name, bytes)
            let sound = try orizuru(["inspect", "--json", path])
            let document = try JSONSerialization.jsonObject(with: Data(sound.output.utf8)) as? [String: Any]
            #expect(sound.code == 0 && document?["packs_with_checksum"] as? Int == packs, "\(sound.output)")
            var flipped = bytes
            flipped[100] ^= 8
            try directory.write(name, flipped)
            #expect(try orizuru(["inspect", "--json", path]).code == 1, "\(name)")
        }
    }

    @Test("inspect tells what a server's cache folder holds, as JSON, too, and --verify whether it is whole")
    func cacheFolder() throws {
        let directory = try TemporaryDirectory()
        let cache = directory.path("cache")
        let warm = try orizuru(["prewarm", sampleFolder + "/tissue", "--levels", "10-11", "--cache-dir", cache])
        #expect(warm.code == 0, "\(warm.errors)")
        let sound = try orizuru(["inspect", "--verify", "--json", cache])
        let document = try JSONSerialization.jsonObject(with: Data(sound.output.utf8)) as? [String: Any]
        #expect(sound.code == 0 && document?["form"] as? String == "cache", "\(sound.output)\(sound.errors)")
        #expect(document?["fault_count"] as? Int == 0 && document?["verified"] as? Bool == true)
        let files = try #require(document?["files"] as? [[String: Any]])
        let tiles = try #require(document?["tiles"] as? Int)
        #expect(tiles > 10 && files.compactMap { $0["tiles"] as? Int }.reduce(0, +) == tiles)
        let name = try #require(files.first { ($0["tiles"] as? Int ?? 0) > 0 }?["name"] as? String)
        let path = URL(fileURLWithPath: "\(cache)/\(name)")
        var bytes = try Data(contentsOf: path)
        bytes[8192] ^= 1
        try bytes.write(to: path)
        let damaged = try orizuru(["inspect", "--verify", "--json", cache])
        #expect(damaged.code == 1 && !damaged.output.contains("\"fault_count\":0"), "\(damaged.output)")
    }

    @Test("a folder of map tiles is an input, whatever its levels")
    func mapTiles() throws {
        let directory = try TemporaryDirectory()
        // Three levels of the sample's map.
        for level in 0...2 {
            try directory.copy(URL(fileURLWithPath: "\(sampleFolder)/world/\(level)"), to: "world/\(level)")
        }
        let output = directory.path("slide")
        let built = try orizuru(["build", directory.path("world"), output])
        #expect(built.code == 0 && built.output.contains("1024x1024 pixels"), "\(built.errors)")
        let compared = try orizuru([
            "inspect", "--verify", "--compare", directory.path("world"), "--quality", "100", "--json", output,
        ])
        #expect(compared.code == 0, "\(compared.errors)")
        let document = try JSONSerialization.jsonObject(with: Data(compared.output.utf8)) as? [String: Any]
        let levels = try #require(document?["levels"] as? [[String: Any]])
        #expect((levels.last?["psnr_y"] as? Double ?? 99) > 25)
    }

    #if TIFF
    @Test("what a slide's file says of its scale, objective and vendor is kept, shown, and served to viewers")
    func facts() throws {
        let directory = try TemporaryDirectory()
        var tiff = HandmadeTIFF(width: 90, height: 70)
        tiff.description = "Aperio Image Library v11.2.1\r\n90x70 (16x16)|AppMag = 20|MPP = 0.4990"
        let input = try directory.write(
            "biopsy.svs",
            tiff.bytes { column, row in (0..<768).map { UInt8(40 + ($0 * 7 + column * 31 + row * 17) % 160) } }
        )
        let output = directory.path("slides/biopsy")
        try directory.makeFolder("slides")
        let built = try orizuru(["build", input, output, "--tile-size", "32"])
        #expect(built.code == 0, "\(built.errors)")
        let text = try orizuru(["inspect", output])
        for line in ["microns per pixel: 0.499", "objective: 20.0x", "vendor: aperio"] {
            #expect(text.output.contains(line), "\(text.output)")
        }
        let server = try RunningServer([directory.path("slides")])
        let entry = try #require(try server.catalog().first)
        #expect(entry.id == "biopsy" && entry.micronsPerPixel == 0.499)
    }
    #endif
}
