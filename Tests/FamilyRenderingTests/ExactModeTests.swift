// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TestSupport
import Testing
import TileModel

@Suite("Exact mode")
struct ExactModeTests {
    @Test(
        "gives the reference's bytes for every child and grandchild",
        .enabled(if: SharedData.isPresent, SharedData.reason),
        arguments: SlideFixture.Container.allCases
    )
    func equalsReference(container: SlideFixture.Container) throws {
        let parameters = try #require(ReconstructionParameters(mode: .exact))
        let renderer = FamilyRenderer(parameters: parameters)
        var compared = 0
        for family in try SlideFixture.families() {
            renderer.begin(try SlideFixture.material(family, from: container))
            // Grandchildren first: what a grandchild decodes of its neighbours must not depend on the order.
            for member in family.members.reversed() where member > 0 {
                let tile = family.coordinate(ofMember: member)
                let folder = Family.depth(ofMember: member) == 1 ? "L1" : "L0"
                let expected = try SharedData.bytes("expected/he-q90-r32/\(folder)/\(tile.x)_\(tile.y).jpg")
                let rendered = try renderer.renderedBytes(member)
                expectBytes(rendered, equal: expected, "\(folder) \(tile) from \(container.rawValue)")
                compared += 1
            }
        }
        #expect(compared == 80)
        print("exact mode, from \(container.rawValue): \(compared) tiles equal the reference's byte for byte")
    }
}
