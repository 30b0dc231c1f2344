// SPDX-License-Identifier: Apache-2.0

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
}
