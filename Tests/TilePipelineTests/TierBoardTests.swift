// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TileModel

@testable import TilePipeline

@Suite("Who waits for the tiers")
struct FetchBoardTests {
    private typealias Board = FetchBoard<Int, Int>
    private let key = JobKey(ordinal: 1, tile: TileCoordinate(level: 5, x: 1, y: 1), isFamily: true)
    private let other = JobKey(ordinal: 1, tile: TileCoordinate(level: 5, x: 2, y: 1), isFamily: true)
    private let first = MemberForm(member: 7, isPadded: false)
    private let second = MemberForm(member: 8, isPadded: false)

    @Test("tiles of one family that are asked for while it waits are one call, and each waiter is handed back once")
    func coalescing() throws {
        var board = Board(limit: 8, patience: 100)
        for (waiter, form) in [(1, first), (2, second), (3, first)] {
            #expect(board.submit(key, form: form, waiter: waiter, now: 0) { 42 } != nil)
        }
        let taken1 = board.take(now: 1)
        let (job, forms) = try #require(taken1)
        #expect(job.payload == 42 && forms.count == 2 && board.isAwaited)
        #expect(board.take(now: 1) == nil)
        // Under way: who asks for the same tile joins, who asks for another one is the next call.
        _ = board.submit(key, form: first, waiter: 4, now: 2) { 42 }
        _ = board.submit(key, form: MemberForm(member: 9, isPadded: false), waiter: 5, now: 2) { 42 }
        #expect(board.finish(job).map(\.waiter).sorted() == [1, 2, 3, 4])
        let taken2 = board.take(now: 3)
        let next = try #require(taken2)
        #expect(board.finish(next.job).map(\.waiter) == [5])
        #expect(board.count == 0 && !board.isAwaited)
        // A pre-warm is no viewer.
        _ = board.submit(key, form: nil, waiter: 6, now: 4) { 42 }
        #expect(board.count == 1 && !board.isAwaited)
    }

    @Test("who has waited too long is handed back, waiting or under way, and not again when the call ends")
    func expiry() throws {
        var board = Board(limit: 8, patience: 100)
        _ = board.submit(key, form: first, waiter: 1, now: 0) { 0 }
        _ = board.submit(other, form: first, waiter: 2, now: 50) { 0 }
        let taken3 = board.take(now: 10)
        let (job, _) = try #require(taken3)
        let early = board.look(now: 99)
        #expect(early.late.isEmpty && early.next == 100)
        #expect(board.look(now: 100).late.map(\.waiter) == [1])
        // Nobody joins a call that is late.
        _ = board.submit(key, form: first, waiter: 3, now: 110) { 0 }
        #expect(board.finish(job).isEmpty)
        #expect(board.look(now: 150).late.map(\.waiter) == [2])
        #expect(board.expired == 2)
        let taken4 = board.take(now: 151)
        let late = try #require(taken4)
        #expect(board.finish(late.job).map(\.waiter) == [3])
    }

    @Test("what another server renders is asked for again later, only for those who still wait")
    func postponing() throws {
        var board = Board(limit: 8, patience: 100)
        _ = board.submit(key, form: first, waiter: 1, now: 0) { 0 }
        let ticket = board.submit(key, form: second, waiter: 2, now: 0) { 0 }
        let gone = try #require(ticket)
        _ = board.submit(key, form: second, waiter: 3, now: 0) { 0 }
        let taken5 = board.take(now: 1)
        let (job, _) = try #require(taken5)
        #expect(board.postpone(job, until: 500, found: MemberForms([first])).map(\.waiter) == [1])
        #expect(board.take(now: 499) == nil)
        let early = board.look(now: 499)
        #expect(early.late.isEmpty, "it waits on purpose")
        #expect(!early.isDue && early.next == 500)
        let due = board.look(now: 500)
        #expect(due.isDue && due.next == nil)
        #expect(board.withdraw(ticket: gone) && !board.withdraw(ticket: gone))
        let taken6 = board.take(now: 500)
        let again = try #require(taken6)
        #expect(again.job.postponements == 1 && again.forms.count == 1)
        #expect(board.look(now: 600).late.isEmpty, "also while it is asked again")
        #expect(board.postpone(again.job, until: 900, found: MemberForms([second])).map(\.waiter) == [3])
        // Nobody is left: it is not asked again.
        #expect(board.count == 0)
    }

    /// How the one who watches the time decides.
    private enum Watcher {
        /// By all that `look` says of one moment.
        case byMoment
        /// By the next time alone, telling the I/O threads after each sleep: what becomes due between that and the next look is
        /// in neither.
        case byNextTime
    }

    /// Eight calls that another server renders for some time, I/O threads that sleep until they are told, a watcher that is late
    /// at random. Returns how many calls nobody comes back to.
    private func forgotten(_ watcher: Watcher, _ seed: Seed) -> Int {
        var random = seed.generator()
        var board = Board(limit: 64, patience: 1_000_000)
        var now = 0
        var ends: [JobKey: Int] = [:]
        for number in 0..<8 {
            let key = JobKey(ordinal: 1, tile: TileCoordinate(level: 5, x: number, y: 1), isFamily: true)
            ends[key] = Int.random(in: 20...300, using: &random)
            _ = board.submit(key, form: first, waiter: number, now: now) { 0 }
        }
        var isTold = true
        var isWoken = false
        while board.count > 0 {
            if isTold {
                isTold = false
                while let (job, _) = board.take(now: now) {
                    if now >= ends[job.key] ?? 0 {
                        _ = board.finish(job)
                    } else {
                        _ = board.postpone(
                            job,
                            until: now + Int.random(in: 5...50, using: &random),
                            found: MemberForms()
                        )
                        isWoken = true
                    }
                    now += Int.random(in: 0...2, using: &random)
                }
            }
            now += Int.random(in: 0...3, using: &random)
            let moment = board.look(now: now)
            now += Int.random(in: 0...3, using: &random)
            if watcher == .byMoment, moment.isDue { isTold = true }
            if isWoken {
                isWoken = false
            } else if let next = moment.next {
                now = max(now, next + Int.random(in: -1...2, using: &random))
            } else if !isTold {
                return board.count
            }
            if watcher == .byNextTime, moment.next != nil { isTold = true }
        }
        return 0
    }

    @Test("a call that was put aside is never forgotten, however late the one is who watches the time")
    func nothingForgotten() {
        let seed = Seed.ofThisRun
        for step in 0..<500 { #expect(forgotten(.byMoment, Seed(seed.value &+ UInt64(step))) == 0, "\(seed), \(step)") }
        // The simulation can tell: of another rule it shows what is forgotten.
        #expect((0..<500).contains { forgotten(.byNextTime, Seed(seed.value &+ UInt64($0))) > 0 }, "\(seed)")
    }

    @Test("too much is refused, whole families wait behind single tiles, and the end hands everybody back")
    func limits() throws {
        var board = Board(limit: 2, patience: 100)
        _ = board.submit(key, form: nil, waiter: 1, now: 0) { 0 }
        _ = board.submit(other, form: first, waiter: 2, now: 0) { 0 }
        #expect(board.submit(key, form: first, waiter: 3, now: 0) { 0 } == nil)
        let taken7 = board.take(now: 1)
        let (job, forms) = try #require(taken7)
        #expect(job.key == other && !forms.isEmpty && !job.isWhole)
        #expect(board.look(now: 1_000_000).late.map(\.waiter) == [2], "a pre-warm has time")
        #expect(board.close() == [1])
        #expect(board.submit(key, form: first, waiter: 4, now: 0) { 0 } == nil)
    }
}

@Suite("What waits to be written")
struct WriteQueueTests {
    private func write(_ number: Int, tile: Int = 0, bytes: Int = 100) throws -> TierWrite {
        let edition = TileEdition(high: 1, low: 2)
        var write = TierWrite(
            family: TierFamilyKey(edition: edition, parent: TileCoordinate(level: 3, x: number, y: 0))
        )
        let key = try #require(
            TileKey(
                ordinal: 0,
                tile: TileCoordinate(level: 5, x: number, y: tile),
                variant: TileVariant(format: .jpeg)
            )
        )
        _ = write.append(TierKey(key, of: edition), cost: 1, bytes: [UInt8](repeating: UInt8(tile), count: bytes))
        return write
    }

    @Test("a batch is due by number, by bytes, or by the age of its oldest")
    func due() throws {
        var limits = WriteQueue.Limits()
        limits.count = 3
        limits.bytes = 1000
        limits.delay = 50
        var queue = WriteQueue(limits)
        #expect(!queue.isDue(now: 1_000_000) && queue.timeUntilDue(now: 0) == nil)
        #expect(try queue.submit(write(1), now: 10))
        #expect(!queue.isDue(now: 59) && queue.isDue(now: 60) && queue.timeUntilDue(now: 20) == 40)
        #expect(try queue.submit(write(2), now: 11) && !queue.isDue(now: 11))
        #expect(try queue.submit(write(3), now: 12) && queue.isDue(now: 12))
        #expect(queue.takeBatch().count == 3 && queue.bytes == 0 && queue.count == 0)
        #expect(try queue.submit(write(4, bytes: 1000), now: 12) && queue.isDue(now: 12))
    }

    @Test("tiles of one family become one write; every submission is counted in it, a tile that comes twice once")
    func merging() throws {
        var queue = WriteQueue()
        for tile in [0, 1, 1, 2] { #expect(try queue.submit(write(1, tile: tile), now: 0)) }
        #expect(try queue.submit(write(2), now: 0))
        let batch = queue.takeBatch()
        #expect(batch.map(\.submissions) == [4, 1])
        #expect(batch[0].write.tiles.count == 3 && batch[0].write.bytes.count == 300)
        for (index, tile) in batch[0].write.tiles.enumerated() {
            #expect(batch[0].write.bytes[tile.range].allSatisfy { $0 == UInt8(index) })
        }
    }

    @Test("what would be too much is refused, and there is room again afterwards")
    func bound() throws {
        var limits = WriteQueue.Limits()
        limits.waitingBytes = 250
        var queue = WriteQueue(limits)
        #expect(try queue.submit(write(1), now: 0) && queue.submit(write(2), now: 0))
        #expect(try !queue.submit(write(3), now: 0))
        #expect(queue.takeBatch().count == 2)
        #expect(try queue.submit(write(3), now: 0))
    }
}

@Suite("The list of hot tiles")
struct HotKeysTests {
    @Test("it comes back as it was; with any byte changed, or cut, it is none")
    func coding() throws {
        let editions = [TileEdition(high: 1, low: 2), TileEdition(high: 3, low: 4)]
        let keys = try (0..<40).map { number -> TierKey in
            let variant = TileVariant(format: number % 3 == 0 ? .png : .jpeg, isPadded: number % 5 == 0)
            let tile = TileCoordinate(level: number % 20, x: number * 1000, y: number)
            return TierKey(try #require(TileKey(ordinal: 9, tile: tile, variant: variant)), of: editions[number % 2])
        }
        let bytes = HotKeys(keys).encoded()
        #expect(HotKeys(decoding: bytes)?.keys == keys)
        #expect(HotKeys(decoding: HotKeys([]).encoded())?.keys == [])
        #expect(HotKeys(decoding: []) == nil)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x20
            #expect(HotKeys(decoding: changed) == nil, "byte \(index)")
            #expect(HotKeys(decoding: Array(bytes[..<index])) == nil, "cut at \(index)")
        }
    }
}
