// SPDX-License-Identifier: Apache-2.0

#if Redis
import Foundation
import TestSupport
import Testing

/// A slide whose packs change without a trace, behind memory, a disk and Redis, while clients ask for its tiles.
@Suite("Purging under load", .enabled(if: RedisServer.isPresent, RedisServer.reason), .serialized)
struct PurgeUnderLoadTests {
    /// What clients check their answers against.
    ///
    /// @unchecked Sendable: everything behind the lock, or constant.
    private final class Truth: @unchecked Sendable {
        let paths: [String]
        /// The bodies of the two states of the slide.
        let bodies: [[[UInt8]]]
        private let lock = NSLock()
        /// The state that every answer has to be of; nil while it changes.
        private var state: Int?
        private var changes = 0
        private var faults: [String] = []
        private var answers = 0
        private var isEnding = false

        init(_ paths: [String], _ bodies: [[[UInt8]]]) {
            self.paths = paths
            self.bodies = bodies
            state = 0
        }

        func begin() { lock.withLock { (state, changes) = (nil, changes + 1) } }
        func end(_ new: Int) { lock.withLock { state = new } }
        func finish() { lock.withLock { isEnding = true } }
        var isOver: Bool { lock.withLock { isEnding } }
        var result: (answers: Int, faults: [String]) { lock.withLock { (answers, faults) } }
        var moment: (state: Int?, changes: Int) { lock.withLock { (state, changes) } }

        func note(_ answer: HTTPAnswer?, _ index: Int, asked moment: (state: Int?, changes: Int), _ error: String = "")
        {
            lock.withLock {
                answers += 1
                guard let answer, answer.status == 200 else {
                    return faults.append("\(paths[index]): \(answer.map { "\($0.status)" } ?? error)")
                }
                // Asked for after the answer of a purge, and nothing has begun to change since.
                let isSettled = moment.state != nil && moment.changes == changes
                let allowed = isSettled ? [moment.state ?? 0] : [0, 1]
                guard allowed.contains(where: { bodies[$0][index] == answer.body }) else {
                    let isOld = bodies.contains { $0[index] == answer.body }
                    let tier = answer["cache-status"] ?? ""
                    return faults.append("\(paths[index]): \(isOld ? "the state before" : "of no state"), \(tier)")
                }
            }
        }
    }

    /// A thread that asks for tiles at random until it is over.
    private func startClient(_ number: Int, _ port: UInt16, _ truth: Truth, _ seed: Seed, _ group: DispatchGroup) {
        group.enter()
        Thread {
            defer { group.leave() }
            var random = seed.generator(stream: number)
            var client: HTTPClient?
            while !truth.isOver {
                let index = Int.random(in: 0..<truth.paths.count, using: &random)
                let moment = truth.moment
                do {
                    let open = try client ?? HTTPClient(port: port)
                    client = open
                    try open.request(truth.paths[index])
                    truth.note(try open.readAnswer(timeout: 120), index, asked: moment)
                } catch {
                    client = nil
                    truth.note(nil, index, asked: moment, "\(error)")
                }
            }
            client?.close()
        }.start()
    }

    /// Gives the packs of two neighbouring families to each other, in rows 0 and 1; each file is whole at any time.
    private func swapPacks(_ slide: String) throws {
        for row in 0..<2 {
            let (first, second) = ("\(slide)/residual_packs/0_\(row).pack", "\(slide)/residual_packs/1_\(row).pack")
            let contents = try [first, second].map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
            try contents[1].write(to: URL(fileURLWithPath: first), options: .atomic)
            try contents[0].write(to: URL(fileURLWithPath: second), options: .atomic)
        }
    }

    @Test("no stale tile after the answer, no error, with memory, disk and Redis in use")
    func allTiers() throws {
        let seed = Seed.ofThisRun
        print("purging under load: \(seed)")
        let folder = try TemporaryDirectory()
        let slide = try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "slides/s")
        var paths: [String] = []
        for y in 0..<4 { for x in 0..<4 { paths.append("/dzi/s_files/11/\(x)_\(y).jpg") } }
        for y in 0..<8 { for x in 0..<8 { paths.append("/dzi/s_files/12/\(x)_\(y).jpg") } }
        var bodies: [[[UInt8]]] = []
        for _ in 0..<2 {
            let server = try RunningServer([folder.path("slides")])
            bodies.append(try paths.map { try server.get($0).body })
            try swapPacks(slide)
        }
        #expect(zip(bodies[0], bodies[1]).allSatisfy { $0 != $1 }, "the states differ in every tile")
        let redis = try RedisServer()
        let options = [
            "--cache-dir", folder.path("tiles"), "--redis", "unix:\(redis.socket)", "--maps-watch", "off",
            "--disk-patience", "60s", "--shared-timeout", "60s", "--shared-connect-timeout", "60s",
            "--shared-patience", "120s",
        ]
        let truth = Truth(paths, bodies)
        let rounds = 6
        do {
            let subject = try AdministeredServer([folder.path("slides")], options)
            func written(_ tier: String) throws -> Double {
                try subject.server.metric("orizuru_write_behind_total{tier=\"\(tier)\",outcome=\"stored\"}")
            }
            func waiting(_ tier: String) throws -> Double {
                try subject.server.metric("orizuru_write_behind_bytes{tier=\"\(tier)\"}")
            }
            let group = DispatchGroup()
            for number in 0..<6 { startClient(number, subject.server.port, truth, seed, group) }
            defer {
                truth.finish()
                group.wait()
            }
            var random = seed.generator(stream: 100)
            for round in 1...rounds {
                if round % 2 == 0 {
                    // Both tiers hold tiles of the state that goes: what is asked for after another purge is written again.
                    let (disk, shared) = (try written("disk"), try written("shared"))
                    #expect(try eventually { try waiting("disk") == 0 && waiting("shared") == 0 })
                    _ = try subject.json("POST", "/purge?tileset=s")
                    #expect(try eventually { try written("disk") > disk && written("shared") > shared })
                } else {
                    usleep(UInt32.random(in: 0..<200_000, using: &random))
                }
                truth.begin()
                try swapPacks(slide)
                let purged = try subject.json("POST", "/purge?tileset=s")
                truth.end(round % 2)
                #expect(purged["complete"] as? Bool == true && purged["families"] as? Int == 9, "round \(round)")
            }
            // The last state is asked for as well, by all.
            let answers = truth.result.answers
            #expect(eventually { truth.result.answers > answers + 1000 })
        }
        let result = truth.result
        #expect(result.faults.isEmpty, "\(result.faults.count) of \(result.answers): \(result.faults.prefix(5))")
        print("\(result.answers) answers in \(rounds) purges")
        // Nor do disk and Redis hold anything stale for a server that comes later.
        let later = try RunningServer([folder.path("slides")], options)
        for (index, path) in paths.enumerated() {
            let answer = try later.get(path)
            #expect(answer.body == bodies[rounds % 2][index], "\(path): \(answer["cache-status"] ?? "")")
        }
    }
}
#endif
