// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Foundation
import TestSupport
import Testing
import TileModel

@Suite("Two workers on one family")
struct TwoWorkersTests {
    /// What one thread rendered. Written by that thread only, read after it ended.
    private final class Tiles: @unchecked Sendable {
        var jpegs = [[UInt8]](repeating: [], count: Family.memberCount)
    }

    @Test("each with a renderer of its own over the same material, they make the same tiles", arguments: [1, 2, 3])
    func sameTiles(round: Int) throws {
        let seed = Seed.ofThisRun
        print("two workers: \(seed)")
        var generator = seed.generator(stream: round)
        let subject = try RandomFamily(&generator, missing: false)
        let members = subject.family.members
        // Nobody writes to the material while the threads run.
        nonisolated(unsafe) let material = subject.material()
        let barrier = Barrier(count: 2)
        let results = [Tiles(), Tiles()]
        let done = DispatchSemaphore(value: 0)
        for (number, tiles) in results.enumerated() {
            let order = number == 0 ? members : members.reversed()
            let thread = Thread {
                let renderer = FamilyRenderer(parameters: .standard)
                barrier.wait()
                unsafe renderer.begin(material)
                for member in order { tiles.jpegs[member] = (try? renderer.renderedBytes(member)) ?? [] }
                done.signal()
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
        for _ in results { done.wait() }
        for member in members {
            #expect(!results[0].jpegs[member].isEmpty)
            expectBytes(
                results[0].jpegs[member],
                equal: results[1].jpegs[member],
                "member \(member) of \(subject), \(seed)"
            )
        }
    }
}
