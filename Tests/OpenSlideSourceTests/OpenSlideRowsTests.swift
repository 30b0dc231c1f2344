// SPDX-License-Identifier: Apache-2.0

#if OpenSlide
import Foundation
import ImageCodecs
import OpenSlideSource
import TestSupport
import Testing

@Suite("Slides by libopenslide")
struct OpenSlideRowsTests {
    @Test(
        "an Aperio slide is recognised, has its facts, and is read to its last row with the pixels that it has",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func aperio() throws {
        let path = try SharedData.url("wsi/CMU-1-Small-Region.svs").path
        #expect(OpenSlideRows.vendor(path) == "aperio")
        let source = try OpenSlideRows(path: path)
        #expect(source.width == 2220 && source.height == 2967)
        #expect(source.facts.micronsPerPixel == 0.499)
        #expect(source.facts.objectivePower == 20)
        #expect(source.facts.vendor == "aperio")
        // What others decoded, and encoded again at quality 90.
        #expect(try SharedSlide.meanDifference(source, count: 64) < 2)
    }

    @Test(
        "a tiled TIFF of nobody's scanner is read, too",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func genericTIFF() throws {
        let path = try SharedData.url("wsi/boxes.tiff").path
        #expect(OpenSlideRows.vendor(path) == "generic-tiff")
        let source = try OpenSlideRows(path: path)
        let expected = PlanarPicture(try PNGCodec.decode(SharedData.bytes("wsi/boxes.png"), limits: .tile))
        #expect(source.width == expected.luma.width && source.height == expected.luma.height)
        #expect(source.facts.vendor == "generic-tiff" && source.facts.objectivePower == nil)
        let part = try source.read(64)
        var sum = 0
        for y in 0..<part.luma.height {
            for x in 0..<source.width { sum += abs(Int(part.luma[x, y]) - Int(expected.luma[x, y])) }
        }
        #expect(sum < 4 * part.luma.height * source.width)
    }

    @Test("what is no slide is refused")
    func refusal() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("none.ndpi", [1, 2, 3])
        #expect(OpenSlideRows.vendor(path) == nil)
        #expect(throws: CodecError.self) { try OpenSlideRows(path: path) }
    }
}
#endif
