// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing
import TileModel
import TilePipeline

/// Recorded viewers, replayed against the predictor and a renderer that takes its time but no thread.
@Suite("What looking ahead saves recorded viewers")
struct LookAheadReplayTests {
    struct Request {
        let time: Int
        let tile: TileCoordinate
    }

    /// What a replay came to.
    struct Outcome {
        /// Requests for rendered tiles that were not made yet.
        var waits = 0
        /// Families that were rendered.
        var renders = 0
    }

    static func trace(_ name: String, levelsAdded: Int) throws -> [Request] {
        struct Line: Decodable {
            let t: Double
            let level: Int
            let x: Int
            let y: Int
        }
        let text = String(decoding: try SharedData.bytes("traces/\(name)"), as: UTF8.self)
        return try text.split(separator: "\n").map { text in
            let line = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
            return Request(
                time: Int(line.t * 1e9),
                tile: TileCoordinate(level: line.level + levelsAdded, x: line.x, y: line.y)
            )
        }
    }

    /// Two workers at 5 ms for a family; one that is awaited goes first, one that is expected waits for an idle worker.
    static func replay(_ requests: [Request], looksAhead: Bool) throws -> Outcome {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 16384, height: 16384), tileSize: 256, overlap: 0))
        let ground = Predictor.Ground(ordinal: 1, parentLevel: 12, pyramid: pyramid)
        var predictor = Predictor()
        var outcome = Outcome()
        var readyAt: [TileCoordinate: Int] = [:]
        var asked: Set<TileCoordinate> = []
        var idleAt = [0, 0]
        var expected: [(parent: TileCoordinate, since: Int)] = []

        func work(until time: Int) {
            while let first = expected.first, let worker = idleAt.indices.min(by: { idleAt[$0] < idleAt[$1] }),
                idleAt[worker] < time
            {
                expected.removeFirst()
                guard readyAt[first.parent] == nil else { continue }
                idleAt[worker] = max(idleAt[worker], first.since) + 5_000_000
                readyAt[first.parent] = idleAt[worker]
                outcome.renders += 1
            }
        }

        for request in requests {
            if looksAhead, let rest = predictor.nextRest, rest < request.time {
                expected += predictor.rest(at: rest).map { ($0.parent, rest) }
            }
            work(until: request.time)
            let isNew = asked.insert(request.tile).inserted
            if request.tile.level > 12, isNew {
                let parent = request.tile.ancestor(request.tile.level - 12)
                if let ready = readyAt[parent] {
                    if ready > request.time { outcome.waits += 1 }
                } else {
                    outcome.waits += 1
                    outcome.renders += 1
                    readyAt[parent] = request.time + 5_000_000
                }
            }
            // A hit on what is known to be used tells nobody anything.
            if looksAhead, isNew {
                let predictions = predictor.see(request.tile, on: ground, at: request.time)
                expected += predictions.map { ($0.parent, request.time) }
            }
        }
        work(until: .max)
        return outcome
    }

    @Test(
        "fewer requests wait for a render, at few renders more",
        .enabled(if: SharedData.isPresent, SharedData.reason),
        arguments: [
            ("osd-explore-15ms.jsonl", 0, 0.5), ("maplibre-explore-15ms.jsonl", 8, 0.6),
            // Leaflet asks for all of a viewport within 10 ms, and skips levels: nothing is gained, nothing wasted.
            ("leaflet-explore-15ms.jsonl", 8, 1.0),
        ]
    )
    func replays(name: String, levelsAdded: Int, share: Double) throws {
        let requests = try Self.trace(name, levelsAdded: levelsAdded)
        let without = try Self.replay(requests, looksAhead: false)
        let with = try Self.replay(requests, looksAhead: true)
        print("\(name): waits \(without.waits) -> \(with.waits), renders \(without.renders) -> \(with.renders)")
        #expect(without.waits > 10)
        #expect(Double(with.waits) <= share * Double(without.waits))
        #expect(Double(with.renders) <= 1.3 * Double(without.renders))
    }
}
