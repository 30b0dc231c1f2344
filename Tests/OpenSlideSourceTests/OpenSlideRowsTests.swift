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
        "an Aperio slide is recognised, has its facts, and is read to its last row",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func aperio() throws {
        let path = try SharedData.url("wsi/CMU-1-Small-Region.svs").path
        #expect(OpenSlideRows.recognizes(path))
        let source = try OpenSlideRows(path: path)
        #expect(source.width == 2220 && source.height == 2967)
        #expect(source.facts.micronsPerPixel == 0.499)
        #expect(source.facts.objectivePower == 20)
        #expect(source.facts.vendor == "aperio")
        var done = 0
        while done < source.height { done += try source.read(100).luma.height }
        #expect(done == source.height)
    }

    @Test("what is no slide is refused")
    func refusal() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("none.ndpi", [1, 2, 3])
        #expect(!OpenSlideRows.recognizes(path))
        #expect(throws: CodecError.self) { try OpenSlideRows(path: path) }
    }
}
#endif
