// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import Telemetry
import TestSupport

@testable import PyramidBuilding

/// Holds a JPEG in a process that may not have more memory than is said.
enum HeldJPEG {
    struct Failure: Error { let reason: String }

    /// Opens a picture of 3072 by 2048 pixels, of whose bytes there are many, under a limit of the process's data: what it
    /// has now, and so many bytes for each pixel. For a process of its own.
    static func measure(
        _ subsampling: ChromaSubsampling,
        isRGB: Bool = false,
        bytesPerPixel: Double,
        refusedBelow: Double = 0
    ) throws {
        let directory = try TemporaryDirectory()
        let (width, height) = (3072, 2048)
        let pixels = Double(width * height)
        let path = try write(directory, width, height, subsampling, isRGB)
        var forms = BuildInputForms()
        let logger = Logger(level: .error, format: .text)
        if refusedBelow > 0 {
            forms.maxHeldBytes = Int(pixels * refusedBelow) - 1
            guard (try? BuildInput(path: path, forms: forms, logger: logger)) == nil else {
                throw Failure(reason: "\(refusedBelow) bytes a pixel were enough")
            }
            forms.maxHeldBytes += 1
        }
        // What was allocated for the picture goes back to the system, and a small one has everything loaded that a
        // decoder needs.
        // SAFETY: the C library's own function, of this type.
        if let symbol = unsafe dlsym(nil, "malloc_trim") {
            _ = unsafe unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
        }
        _ = try BuildInput(path: write(directory, 64, 64, subsampling, isRGB), forms: forms, logger: logger)
        var limit = rlimit()
        limit.rlim_cur = rlim_t(try dataBytes() + Int(pixels * bytesPerPixel))
        limit.rlim_max = limit.rlim_cur
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit) == 0 else {
            throw Failure(reason: "no limit can be set")
        }
        guard case .rows(let rows) = try BuildInput(path: path, forms: forms, logger: logger).contents else {
            throw Failure(reason: "no rows")
        }
        guard rows.width == width, try rows.read(16).luma.height == 16 else { throw Failure(reason: "other rows") }
    }

    /// Noise, of which a JPEG has about a byte a pixel.
    private static func write(
        _ directory: TemporaryDirectory,
        _ width: Int,
        _ height: Int,
        _ subsampling: ChromaSubsampling,
        _ isRGB: Bool
    ) throws -> String {
        var generator = Seed(5).generator()
        let luma = Plane(width: width, height: height)
        for y in 0..<height {
            for x in stride(from: 0, to: width, by: 8) {
                let noise = generator.next()
                // SAFETY: the width is a multiple of eight.
                for byte in 0..<8 { unsafe luma.row(y)[x + byte] = UInt8(truncatingIfNeeded: noise >> (8 * byte)) }
            }
        }
        let size = subsampling.chromaPlaneSize(width: width, height: height)
        let chroma = luma.window(x: 0, y: 0, width: size.width, height: size.height)
        let encoder = JPEGEncoder()
        let jpeg = unsafe [UInt8](
            try encoder.encodePlanes(
                width: width,
                height: height,
                subsampling: subsampling,
                quality: 85,
                luma: luma,
                blue: chroma,
                red: chroma
            )
        )
        guard jpeg.count > width * height / 2 else { throw Failure(reason: "\(jpeg.count) bytes are few") }
        return try directory.write("\(width).jpg", isRGB ? asRGB(jpeg) : jpeg)
    }

    /// The same samples, taken for red, green and blue: an Adobe marker with transform 0 in place of the JFIF header.
    static func asRGB(_ jpeg: [UInt8]) -> [UInt8] {
        precondition(jpeg[2] == 0xFF && jpeg[3] == 0xE0, "no JFIF header")
        let length = Int(jpeg[4]) << 8 | Int(jpeg[5])
        let adobe = [0xFF, 0xEE, 0, 14] + Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, 0]
        return [0xFF, 0xD8] + adobe + jpeg[(4 + length)...]
    }

    /// What RLIMIT_DATA counts.
    private static func dataBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmData:") } ?? ""
        guard let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) }) else {
            throw Failure(reason: "no VmData")
        }
        return kilobytes << 10
    }
}
