// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TestSupport
import Testing
import TileModel

@Suite("Rounded mode")
struct RoundedModeTests {
    @Test(
        "is nearer to the plain pyramid than exact mode, both at quality 95",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func isNearerThanExact() throws {
        let exact = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: .exact)))
        let rounded = FamilyRenderer(parameters: try #require(ReconstructionParameters(mode: .rounded, quality: 95)))
        let decoder = JPEGDecoder()
        var exactDistortion = Distortion()
        var roundedDistortion = Distortion()
        for family in try SlideFixture.families() {
            let material = try SlideFixture.material(family, from: .pack)
            exact.begin(material)
            rounded.begin(material)
            for member in family.members where Family.depth(ofMember: member) == 2 {
                let plain = try decoder.decodeRaster(SlideFixture.plainTile(family.coordinate(ofMember: member)))
                try exactDistortion.add(plain, decoder.decodeRaster(exact.renderedBytes(member)))
                try roundedDistortion.add(plain, decoder.decodeRaster(rounded.renderedBytes(member)))
            }
        }
        print(
            "RGB PSNR against the plain tiles, all grandchildren at quality 95: "
                + "rounded \(roundedDistortion.psnr) dB, exact \(exactDistortion.psnr) dB"
        )
        #expect(roundedDistortion.psnr > exactDistortion.psnr)
    }
}
