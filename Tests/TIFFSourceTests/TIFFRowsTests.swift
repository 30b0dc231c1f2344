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
        var (sum, done) = (0, 0)
        while done < source.height {
            let part = try source.read(64)
            // SAFETY: the row has `width` samples.
            sum += (0..<source.width).reduce(0) { unsafe $0 + Int(part.luma.row(0)[$1]) }
            done += part.luma.height
        }
        #expect(done == 2967)
        #expect(sum > 0)
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

    @Test("a file that is none, or is cut off, is an error")
    func damage() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("none.tif", Array("II*\0nothing".utf8))
        #expect(throws: CodecError.self) { try TIFFRows(path: path) }
        #expect(throws: CodecError.self) { try TIFFRows(path: directory.path("absent.tif")) }
        #expect(TIFFRows.recognizes([0x49, 0x49, 42, 0, 8]) && !TIFFRows.recognizes([0x49, 0x49, 44, 0]))
    }
}
#endif
