// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TileCache

@testable import bench_eviction

@Suite("The traces that the eviction benchmark replays")
struct TraceTests {
    private let small = SessionParameters(
        name: "small",
        slides: 2,
        users: 5,
        requests: 4000,
        side: 48...64,
        prewarm: 0.1,
        crawler: 0.1,
        seed: 5
    )

    @Test("a generated trace is the same for the same seed, in the order of time, and another for another")
    func generated() {
        let trace = SessionGenerator.trace(small)
        let again = SessionGenerator.trace(small)
        var other = small
        other.seed = 6
        #expect(trace.requests.map(\.object) == again.requests.map(\.object))
        #expect(trace.requests.map(\.object) != SessionGenerator.trace(other).requests.map(\.object))
        #expect(zip(trace.requests, trace.requests.dropFirst()).allSatisfy { $0.time <= $1.time })
        let viewers = trace.requests.count { $0.kind == .viewer }
        #expect(viewers >= 4000 && viewers < 4100)
        for kind in [TraceRequest.Kind.prewarm, .crawler] {
            #expect(abs(trace.requests.count { $0.kind == kind } - viewers / 10) <= 1)
        }
        #expect(trace.bytes.count == trace.hashes.count && trace.bytes.count == trace.familyOf.count)
        #expect(Set(trace.hashes).count == trace.hashes.count)
    }

    @Test("families have the members that are inside of the slide, each in one family")
    func families() {
        let trace = SessionGenerator.trace(small)
        var seen: Set<Int32> = []
        for (number, family) in trace.families.enumerated() {
            #expect((1...21).contains(family.count))
            for member in family {
                #expect(seen.insert(member).inserted && Int(trace.familyOf[Int(member)]) == number)
            }
        }
        #expect(trace.families.contains { $0.count == 21 })
    }

    @Test("the traces for choosing numbers and those of the report share neither seeds nor parameters")
    func split() {
        let tuning = TraceSets.tuning(seed: TraceSets.tuningSeed)
        let report = TraceSets.report(seed: TraceSets.reportSeed)
        #expect(Set(tuning.map(\.seed)).isDisjoint(with: report.map(\.seed)))
        for one in tuning {
            for other in report { #expect(one.slides != other.slides || one.users != other.users) }
        }
    }

    @Test("a miss makes the whole family where the trace says so, and counts one request")
    func replaysFamilies() {
        var trace = Trace([0, 1, 2, 3])
        trace.families = [[0, 1, 2]]
        trace.familyOf = [0, 0, 0, -1]
        func counts(_ trace: Trace) -> HitCounts {
            var policy = RecencyPolicy(trace, capacity: 10, promotes: true)
            return replay(trace, &policy)
        }
        #expect(counts(trace).hits == 0 && counts(trace).requests == 4)
        trace.insertsFamilies = true
        #expect(counts(trace).hits == 2 && counts(trace).hitBytes == 2 && counts(trace).bytes == 4)
    }

    @Test("a pre-warm brings tiles in and is no request; a crawler's requests are not counted")
    func scansAreNotCounted() {
        var trace = Trace([0, 0, 1, 1])
        trace.requests[0] = TraceRequest(object: 0, kind: .prewarm, time: 0)
        trace.requests[2] = TraceRequest(object: 1, kind: .crawler, time: 2000)
        var policy = RecencyPolicy(trace, capacity: 10, promotes: true)
        let counts = replay(trace, &policy)
        #expect(counts.requests == 2 && counts.hits == 2)
    }

    @Test("a scan adds at least its bytes, all in its window, and takes no viewer's request away")
    func scan() {
        let trace = SessionGenerator.trace(small)
        for kind in [TraceRequest.Kind.prewarm, .crawler] {
            let scan = Scan(trace, kind: kind, bytes: 10_000_000)
            let added = scan.trace.requests.enumerated().filter { Int($0.element.object) >= trace.objectCount }
            #expect(added.reduce(0) { $0 + Int(scan.trace.bytes[Int($1.element.object)]) } >= 10_000_000)
            #expect(added.allSatisfy { scan.window.contains($0.offset) && $0.element.kind == kind })
            #expect(scan.trace.requests.count - added.count == trace.requests.count)
            #expect(scan.window.count - added.count == scan.windowBefore.count)
        }
    }

    @Test("recorded sessions are read whole", .enabled(if: SharedData.isPresent, SharedData.reason))
    func recorded() throws {
        let sessions = try RecordedSession.all()
        #expect(sessions.count == 3)
        for session in sessions {
            #expect(session.requests.count > 100)
            #expect(session.trace().requests.count == session.requests.count)
        }
    }
}
