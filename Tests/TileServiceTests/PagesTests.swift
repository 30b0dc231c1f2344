// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TileService

@Suite("Filling templates")
struct PagesTests {
    @Test("every marker is replaced, also where it stands twice, at the start or at the end")
    func filled() {
        #expect(
            Pages.filled("{{A}}, {{B}} and {{A}}", ["{{A}}": "one", "{{B}}": "two"]) == "one, two and one"
        )
        #expect(Pages.filled("no marker", ["{{A}}": "one"]) == "no marker")
        #expect(Pages.filled("{{A}}{{B}}", ["{{A}}": "", "{{B}}": ""]).isEmpty)
    }

    @Test("a value that looks like a marker is not filled again")
    func onePass() {
        let values = ["{{A}}": "{{B}}", "{{B}}": "{{A}}", "{{C}}": "{{", "{{D}}": "D}}"]
        #expect(Pages.filled("{{A}} {{B}}", values) == "{{B}} {{A}}")
        #expect(Pages.filled("{{C}}{{D}}", values) == "{{D}}", "nor one that two values make together")
    }

    @Test("what is no marker stays as it is")
    func unknown() {
        #expect(Pages.filled("{{X}} {{A}}", ["{{A}}": "one"]) == "{{X}} one")
        #expect(Pages.filled("{{A}} {{A", ["{{A}}": "one"]) == "one {{A")
        #expect(Pages.filled("{A} }} {{", ["{{A}}": "one"]) == "{A} }} {{")
    }
}
