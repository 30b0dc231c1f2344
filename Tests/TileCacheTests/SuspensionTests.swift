// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
import TestSupport
import Testing
import TileModel

@testable import TileCache

#if DEBUG
@Suite("Threads suspended at the worst moment")
struct SuspensionTests {
    /// One thread stands still at a point; the others must get on: insert, replace, look up, remove and reclaim.
    @Test(
        "while a thread stands still at a labelled point, all others make progress, and nothing is lost afterwards",
        arguments: [LabelledPoint.loaded, .published, .unlinked]
    )
    func progress(point: LabelledPoint) throws {
        let cache = try TileCache.make(budget: 16 << 20)
        let setUp = cache.makeParticipant()
        for number in 0..<50 { cache.put(number, bytes: 1000, by: setUp) }
        let suspended = Barrier(count: 2)
        let goOn = Barrier(count: 2)
        let isTaken = Atomic<Bool>(false)
        let victim = Atomic<Bool>(false)
        cache.points.observe { reached in
            // Only the first thread that comes by, which is the one that is started alone.
            guard reached == point, victim.load(ordering: .relaxed) else { return }
            guard !isTaken.exchange(true, ordering: .relaxed) else { return }
            suspended.wait()
            goOn.wait()
        }
        victim.store(true, ordering: .relaxed)
        let faults = StripedCounter()
        let standing = try OSThread(name: "standing") {
            let thread = cache.makeParticipant()
            switch point {
            case .loaded:
                thread.goOnline()
                if let tile = cache.find(key(7), by: thread) {
                    // Removed and replaced meanwhile; the borrowed bytes are what they were.
                    if unsafe Array(tile.body) != body(7, bytes: 1000) { faults.add() }
                } else {
                    faults.add()
                }
                thread.goOffline()
            case .published: if !cache.put(60, bytes: 1000, by: thread).isInserted { faults.add() }
            case .unlinked: if !cache.remove(key(7), by: thread) { faults.add() }
            }
        }
        suspended.wait()
        let others = try (0..<2).map { number in
            try OSThread(name: "other") {
                let thread = cache.makeParticipant()
                for step in 0..<200 {
                    let own = 100 + number + 2 * (step % 40)
                    _ = cache.swap(own, body: own, bytes: 500, by: thread)
                    if cache.get(own, by: thread)?.body != body(own, bytes: 500) { faults.add() }
                    if !cache.remove(key(own), by: thread) { faults.add() }
                    // The very key of the thread that stands still, too.
                    _ = cache.put(7, bytes: 1000, by: thread)
                    _ = cache.get(7, by: thread)
                    _ = cache.remove(key(60), by: thread)
                    cache.remove(key(7), by: thread)
                    cache.collector.reclaim()
                }
            }
        }
        others.forEach { $0.join() }
        // A thread on-line holds up freeing, nothing else.
        #expect(cache.statistics.retiredBytes > 0)
        goOn.wait()
        standing.join()
        cache.points.observe(nil)
        #expect(faults.sum() == 0)
        cache.collector.reclaim()
        let statistics = cache.statistics
        #expect(statistics.retiredBytes == 0 && statistics.liveBlocks == statistics.entries)
        expectConsistent(cache)
    }
}
#endif
