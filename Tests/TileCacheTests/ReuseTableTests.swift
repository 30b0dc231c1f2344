// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TileCache

@Suite("What is learned of how entries are used")
struct ReuseTableTests {
    @Test("a cell is a class and an age that doubles, and every entry has one")
    func cells() {
        func cell(_ uses: Int, _ isAsked: Bool, _ idle: Int) -> (Int, Int) {
            let cell = ReuseTable.cell(uses: uses, isAsked: isAsked, idle: idle)
            return (cell / ReuseTable.ageCount, cell % ReuseTable.ageCount)
        }
        #expect(cell(0, false, 0) == (0, 0) && cell(0, true, 0) == (0, 0))
        #expect(cell(1, true, 1) == (1, 1) && cell(2, true, 2) == (2, 2) && cell(3, true, 3) == (3, 2))
        #expect(cell(8, true, 1000) == (4, 10) && cell(12, true, 1024) == (5, 11) && cell(13, true, 4) == (6, 3))
        #expect(cell(1, false, -5) == (7, 0) && cell(5, false, 0) == (10, 0) && cell(255, false, .max) == (11, 26))
        for uses in 0...255 {
            for isAsked in [false, true] {
                for idle in [0, 1, 1 << 24, 1 << 25, 1 << 26, Int(UInt32.max)] {
                    let cell = ReuseTable.cell(uses: uses, isAsked: isAsked, idle: idle)
                    #expect((0..<ReuseTable.cellCount).contains(cell))
                }
            }
        }
    }

    @Test("before anything is learned more uses, and later ones, are worth more")
    func beginning() {
        let table = ReuseTable()
        func density(_ uses: Int, _ isAsked: Bool, _ idle: Int) -> Double {
            table.density(ReuseTable.cell(uses: uses, isAsked: isAsked, idle: idle))
        }
        #expect(density(2, true, 1000) > density(1, true, 1000) && density(1, true, 1000) > density(0, false, 1000))
        #expect(density(2, true, 1000) > density(2, true, 100_000))
        #expect(density(5, true, 1000) > density(5, false, 1000))
    }

    /// A table that saw so many uses of each class per entry and second, of 100 entries each at one age.
    private func table(_ rates: [(uses: Int, isAsked: Bool, idle: Int, perSecond: Double)]) -> ReuseTable {
        var table = ReuseTable()
        var now: UInt32 = 7
        table.timePassed(now, entries: 0)
        for rate in rates {
            let cell = ReuseTable.cell(uses: rate.uses, isAsked: rate.isAsked, idle: rate.idle)
            for _ in 0..<10 { table.visited(cell) }
        }
        now &+= 10_000
        table.timePassed(now, entries: 100 * rates.count)
        var uses = [Int](repeating: 0, count: ReuseTable.cellCount)
        for rate in rates {
            uses[ReuseTable.cell(uses: rate.uses, isAsked: rate.isAsked, idle: rate.idle)] +=
                Int(rate.perSecond * 1000)
        }
        table.learn(usesEver: uses)
        return table
    }

    @Test("uses over the time that the hand saw are the rate")
    func rates() {
        let learned = table([(1, true, 3000, 2), (5, true, 3000, 0.1), (0, false, 3000, 0)])
        func density(_ uses: Int, _ isAsked: Bool) -> Double {
            learned.density(ReuseTable.cell(uses: uses, isAsked: isAsked, idle: 3000)) * 1000
        }
        #expect(abs(density(1, true) - 2) < 0.05)
        #expect(abs(density(5, true) - 0.1) < 0.02)
        #expect(density(0, false) < 0.01)
    }

    @Test("what is about to be asked for is worth that already while it is younger")
    func laterAges() {
        // Never in the first 64 ms, very often in the next 64.
        let learned = table([(1, true, 20, 0), (1, true, 40, 0), (1, true, 100, 50), (1, true, 5000, 0)])
        func density(_ idle: Int) -> Double {
            learned.density(ReuseTable.cell(uses: 1, isAsked: true, idle: idle)) * 1000
        }
        #expect(density(40) > 5 && density(100) > 10)
        #expect(density(40) < density(100) && density(5000) < 1)
    }

    @Test("with few uses nothing is learned, and a count that wrapped takes nothing away")
    func guards() {
        let few = table([(1, true, 3000, 0.04)])
        let cell = ReuseTable.cell(uses: 1, isAsked: true, idle: 3000)
        #expect(few.density(cell) == ReuseTable().density(cell))
        var learned = table([(1, true, 3000, 2)])
        let before = learned.density(cell)
        learned.learn(usesEver: [Int](repeating: 0, count: ReuseTable.cellCount))
        #expect(abs(learned.density(cell) - before) < before / 50)
    }

    @Test(
        "what is asked for once and never again loses its worth within some lessons, what was asked for more does not"
    )
    func levels() {
        var table = ReuseTable()
        let cells = [1, 5].map { ReuseTable.cell(uses: $0, isAsked: true, idle: 3000) }
        var uses = [Int](repeating: 0, count: ReuseTable.cellCount)
        var now: UInt32 = 0
        // Both classes are used alike for long, then, for ten lessons, both are used no more.
        func lesson(_ table: inout ReuseTable, uses more: Int) {
            for cell in cells {
                table.visited(cell)
                uses[cell] += more
            }
            now &+= 1000
            table.timePassed(now, entries: 200)
            table.learn(usesEver: uses)
        }
        table.timePassed(now, entries: 0)
        for _ in 0..<200 { lesson(&table, uses: 50) }
        let before = cells.map { table.density($0) }
        #expect(abs(before[0] - before[1]) < before[0] / 50)
        for _ in 0..<10 { lesson(&table, uses: 0) }
        #expect(table.density(cells[0]) < before[0] / 5)
        #expect(table.density(cells[1]) > before[1] * 0.8)
        for _ in 0..<20 { lesson(&table, uses: 50) }
        #expect(table.density(cells[0]) > before[0] / 2)
    }

    @Test("a clock that does not move, or goes back a little, takes no time")
    func clocks() {
        var table = ReuseTable()
        table.timePassed(1000, entries: 100)
        table.visited(0)
        table.timePassed(1000, entries: 100)
        table.timePassed(990, entries: 100)
        table.learn(usesEver: [Int](repeating: 100, count: ReuseTable.cellCount))
        #expect(table.density(0) == ReuseTable().density(0))
    }
}
