// SPDX-License-Identifier: Apache-2.0

import Testing
import TilePipeline

@Suite("The render queue")
struct RenderQueueTests {
    final class Job {
        let name: String
        init(_ name: String) { self.name = name }
    }

    @Test("awaited goes before look-ahead, that before siblings, those before pre-warm, each in its order of arrival")
    func order() {
        var queue = RenderQueue<Job>(limit: 8)
        for (name, priority) in [
            ("p1", RenderPriority.prewarm), ("s1", .sibling), ("l1", .lookAhead), ("a1", .awaited), ("p2", .prewarm),
            ("a2", .awaited),
        ] {
            let isTaken1 = queue.push(Job(name), priority)
            #expect(isTaken1)
        }
        var names: [String] = []
        while let (job, _) = queue.pop() { names.append(job.name) }
        #expect(names == ["a1", "a2", "l1", "s1", "p1", "p2"])
    }

    @Test("a full priority refuses, and leaves the others their room")
    func bounded() {
        var queue = RenderQueue<Job>(limit: 2)
        let isTaken2 = queue.push(Job("1"), .awaited)
        #expect(isTaken2)
        let isTaken3 = queue.push(Job("2"), .awaited)
        #expect(isTaken3)
        let isTaken4 = queue.push(Job("3"), .awaited)
        #expect(!isTaken4)
        let isTaken5 = queue.push(Job("4"), .prewarm)
        #expect(isTaken5)
        #expect(queue.count == 3)
    }

    @Test("a job that was taken out does not come up")
    func removed() {
        var queue = RenderQueue<Job>(limit: 8)
        let job = Job("gone")
        _ = queue.push(job, .awaited)
        _ = queue.push(Job("stays"), .awaited)
        let wasThere6 = queue.remove(job, .awaited)
        #expect(wasThere6)
        let wasThere7 = queue.remove(job, .awaited)
        #expect(!wasThere7)
        let next8 = queue.pop()
        #expect(next8?.job.name == "stays")
        let next9 = queue.pop()
        #expect(next9 == nil)
    }
}
