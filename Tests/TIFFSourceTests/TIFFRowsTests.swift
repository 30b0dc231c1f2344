// SPDX-License-Identifier: Apache-2.0

#if TIFF
import Foundation
import ImageCodecs
import TIFFSource
import TestSupport
import Testing

@Suite("TIFF by rows")
struct TIFFRowsTests {
    @Test(
        "an Aperio slide has its size, its scale and stained tissue",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func aperio() throws {
        let source = try TIFFRows(path: SharedData.url("wsi/CMU-1-Small-Region.svs").path)
        #expect(source.width == 2220 && source.height == 2967)
        #expect(source.facts.micronsPerPixel == 0.499)
        #expect(source.facts.objectivePower == 20)
        #expect(source.facts.vendor == "aperio")
        // What others decoded, and encoded again at quality 90.
        #expect(try SharedSlide.meanDifference(source, count: 64) < 2)
    }

    @Test("what an Aperio header says is read, and a resolution; one of print is none of a slide")
    func facts() throws {
        let directory = try TemporaryDirectory()
        func facts(_ description: String?, _ resolution: Int?) throws -> PictureFacts {
            var tiff = HandmadeTIFF(width: 16, height: 16)
            tiff.description = description
            tiff.pixelsPerCentimetre = resolution
            return try TIFFRows(
                path: directory.write("facts.tif", tiff.bytes { _, _ in [UInt8](repeating: 9, count: 768) })
            ).facts
        }
        let aperio = try facts("Aperio Image Library v11\r\n16x16 Q=70|AppMag = 40|MPP = 0.2520|Date = 1/1/70", 28)
        #expect(aperio.micronsPerPixel == 0.252 && aperio.objectivePower == 40 && aperio.vendor == "aperio")
        #expect(try facts(nil, 20_000).micronsPerPixel == 0.5)
        #expect(try facts(nil, 118) == PictureFacts())
        #expect(try facts("Aperio|MPP = -3|AppMag = x", nil).micronsPerPixel == nil)
    }

    @Test(
        "other TIFFs of the shared data are read to their last row",
        .enabled(if: SharedData.isPresent, SharedData.reason),
        arguments: [
            "wsi/boxes.tiff", "cog/martin-usda_naip_512_jpeg_z5.tif", "cog/martin-usda_naip_256_lzw_z3.tif",
            "cog/rasterio-cogeo.tif",
        ]
    )
    func others(_ name: String) throws {
        let source: TIFFRows
        do {
            source = try TIFFRows(path: SharedData.url(name).path)
        } catch {
            // 16 bits or five channels: refused by name, not trapped over.
            #expect("\(error)".count > 20, "\(name)")
            return
        }
        var done = 0
        while done < source.height { done += try source.read(100).luma.height }
        #expect(done == source.height)
    }

    @Test("tiles that a sparse file leaves out are white, those that it has are what they are")
    func sparse() throws {
        let directory = try TemporaryDirectory()
        let tiff = HandmadeTIFF(width: 40, height: 35)
        let path = try directory.write(
            "sparse.tif",
            tiff.bytes { column, row in
                (column + row) % 2 == 1 ? nil : [UInt8](repeating: UInt8(20 + 10 * column + row), count: 3 * 256)
            }
        )
        let source = try TIFFRows(path: path)
        var y = 0
        while y < 35 {
            let part = try source.read(7)
            for row in 0..<part.luma.height {
                for x in 0..<40 {
                    let (column, line) = (x / 16, (y + row) / 16)
                    let expected = (column + line) % 2 == 1 ? 255 : UInt8(20 + 10 * column + line)
                    #expect(part.luma[x, row] == expected && part.chroma?.blue[x, row] == 128, "\(x), \(y + row)")
                }
            }
            y += part.luma.height
        }
    }

    @Test(
        "of a sparse map in the cloud-optimised form the few tiles that there are, are read, the rest is white",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func sparseMap() throws {
        let source = try TIFFRows(path: SharedData.url("cog/martin-usda_naip_512_jpeg_z5.tif").path)
        let side = 512
        var filled: Set<[Int]> = []
        var y = 0
        while y < source.height {
            let part = try source.read(64)
            for x in stride(from: 0, to: source.width, by: side) {
                for row in stride(from: 0, to: part.luma.height, by: 16) {
                    for column in stride(from: x, to: min(x + side, source.width), by: 16)
                    where part.luma[column, row] < 250 {
                        filled.insert([x / side, (y + row) / side])
                    }
                }
            }
            y += part.luma.height
        }
        print("sparse map: \(source.width)x\(source.height), tiles with contents \(filled.sorted { $0[0] < $1[0] })")
        #expect(!filled.isEmpty && filled.count <= 6)
    }

    @Test("a file that is none, or is cut off, is an error")
    func damage() throws {
        let directory = try TemporaryDirectory()
        let whole = HandmadeTIFF(width: 40, height: 35).bytes { _, _ in [UInt8](repeating: 9, count: 768) }
        for length in [10, whole.count / 3, whole.count - 40] {
            let path = try directory.write("cut.tif", whole[..<length])
            #expect(throws: CodecError.self, "\(length)") {
                let source = try TIFFRows(path: path)
                var done = 0
                while done < source.height { done += try source.read(100).luma.height }
            }
        }
        let path = try directory.write("none.tif", Array("II*\0nothing".utf8))
        #expect(throws: CodecError.self) { try TIFFRows(path: path) }
        #expect(throws: CodecError.self) { try TIFFRows(path: directory.path("absent.tif")) }
        #expect(TIFFRows.recognizes([0x49, 0x49, 42, 0, 8]) && !TIFFRows.recognizes([0x49, 0x49, 44, 0]))
    }
}
#endif
