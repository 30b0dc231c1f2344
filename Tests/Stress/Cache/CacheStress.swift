// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import LockFree
import Synchronization
import Telemetry
import TestSupport
import TileCache
import TileModel

/// One stress run of the memory cache: threads that do everything at once, and a count of what went wrong.
final class CacheStress: Sendable {
    private let options: StressOptions
    private let cache: TileCache
    private let faults = StripedCounter()
    private let verified = StripedCounter()
    private let ends = Atomic<Bool>(false)
    /// Pins on their way to the thread that releases them: many places with a lock each, so that the sanitizer takes no order of
    /// threads for granted that the cache did not make.
    private let pins = (0..<64).map { _ in Lock<Pinned?>(nil) }
    /// Where the cache's log goes, and where it is read.
    private let log: (read: Int32, write: Int32)

    private static let keys = 20_000
    private static let ordinals: ClosedRange<UInt32> = 1...3

    private struct Pinned: Sendable {
        let number: Int
        let ordinal: UInt32
        let tile: PinnedTile
    }

    init(options: StressOptions) throws {
        self.options = options
        var configuration = TileCacheConfiguration(byteBudget: options.budget, policy: options.policy)
        configuration.poisonsFreedBlocks = true
        configuration.warmTimeToLive = .seconds(2)
        // A small table: probes run into each other.
        configuration.expectedEntryBytes = 9000
        log = Self.makePipe()
        cache = try TileCache(
            configuration: configuration,
            logger: Logger(level: .warning, format: .json, descriptor: log.write)
        )
    }

    deinit {
        close(log.read)
        close(log.write)
    }

    private static func makePipe() -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        // SAFETY: room for the two descriptors.
        let code = unsafe pipe(&ends)
        precondition(code == 0, "a pipe for the log")
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }

    /// Runs for the time asked for; returns the number of faults.
    func run() throws -> Int {
        try cache.startKeeper()
        let bodies: [@Sendable (Int) -> Void] =
            Array(repeating: { self.write($0) }, count: 8) + Array(repeating: { self.read($0) }, count: 8)
            + [{ self.releasePins($0) }, { self.stall($0) }, { _ in self.watch() }]
            + (options.stallSeconds > 0 ? [{ _ in self.standStill() }] : [])
        let barrier = Barrier(count: bodies.count)
        let threads = try bodies.enumerated().map { number, body in
            try OSThread(name: "stress \(number)") {
                barrier.wait()
                body(number)
            }
        }
        usleep(UInt32(options.seconds * 1_000_000))
        ends.store(true, ordering: .relaxed)
        threads.forEach { $0.join() }
        takeDown()
        return faults.sum()
    }

    private var isRunning: Bool { !ends.load(ordering: .relaxed) }

    private func fail(_ message: @autoclosure () -> String) {
        faults.add()
        if faults.sum() < 10 { print("FAULT: \(message())") }
    }

    // MARK: What a tile must look like

    private static func key(_ number: Int, _ ordinal: UInt32) -> TileKey {
        TileKey(
            ordinal: ordinal,
            tile: TileCoordinate(level: 15, x: number & 0xFF, y: number >> 8),
            variant: TileVariant(format: .jpeg)
        )!
    }

    /// The same for every insert of a key, as the bytes of one version of a tile are; of all sizes up to 40 kB.
    private static func bytes(_ number: Int) -> Int { 100 + number &* 7919 % (number % 5 == 0 ? 40_000 : 9000) }

    private static func fill(_ buffer: inout [UInt8], _ number: Int, _ ordinal: UInt32) {
        let count = bytes(number)
        buffer.removeAll(keepingCapacity: true)
        buffer.append(contentsOf: repeatElement(UInt8(truncatingIfNeeded: number &+ Int(ordinal) &* 101), count: count))
    }

    private func verify(_ body: UnsafeRawBufferPointer, _ number: Int, _ ordinal: UInt32) {
        let expected = UInt8(truncatingIfNeeded: number &+ Int(ordinal) &* 101)
        guard body.count == Self.bytes(number), let start = body.baseAddress, unsafe body[0] == expected,
            // All bytes are equal where each equals the one before it.
            unsafe memcmp(start, start + 1, body.count - 1) == 0
        else {
            fail("the body of tile \(number) of \(ordinal) is not its own")
            return
        }
        verified.add()
    }

    // MARK: The threads

    private func write(_ number: Int) {
        let thread = cache.makeParticipant()
        var random = options.seed.generator(stream: number)
        var buffer: [UInt8] = []
        let headers = [UInt8](repeating: 0x48, count: 180)
        while isRunning {
            let tile = Int.random(in: 0..<Self.keys, using: &random)
            let ordinal = UInt32.random(in: Self.ordinals, using: &random)
            switch Int.random(in: 0..<20_000, using: &random) {
            case 0: cache.removeAll(ordinal: ordinal, by: thread)
            case 1..<1000: cache.remove(Self.key(tile, ordinal), by: thread)
            case 1000..<3000:
                // The same bytes again, as every insert of a key has them.
                Self.fill(&buffer, tile, ordinal)
                let outcome = unsafe headers.withUnsafeBytes { headers in
                    unsafe buffer.withUnsafeBytes { body in
                        unsafe cache.replace(
                            Self.key(tile, ordinal),
                            headers: headers,
                            body: body,
                            cost: 1000,
                            arrival: .requested,
                            pinned: tile % 10 == 0,
                            by: thread
                        )
                    }
                }
                if case .replaced(let pin?) = outcome { pass(Pinned(number: tile, ordinal: ordinal, tile: pin)) }
                if case .inserted(let pin?) = outcome { pass(Pinned(number: tile, ordinal: ordinal, tile: pin)) }
            case let choice:
                Self.fill(&buffer, tile, ordinal)
                let outcome = unsafe headers.withUnsafeBytes { headers in
                    unsafe buffer.withUnsafeBytes { body in
                        unsafe cache.insert(
                            Self.key(tile, ordinal),
                            headers: headers,
                            body: body,
                            cost: UInt32(choice),
                            arrival: choice % 3 == 0 ? .speculative : .requested,
                            pinned: choice % 10 == 0,
                            by: thread
                        )
                    }
                }
                switch outcome {
                case .inserted(let pin?), .alreadyThere(let pin?):
                    pass(Pinned(number: tile, ordinal: ordinal, tile: pin))
                case .refused:
                    let pin = unsafe headers.withUnsafeBytes { headers in
                        unsafe buffer.withUnsafeBytes { unsafe cache.makeUncached(headers: headers, body: $0) }
                    }
                    pass(Pinned(number: tile, ordinal: ordinal, tile: pin))
                default: break
                }
            }
        }
    }

    private func read(_ number: Int) {
        let thread = cache.makeParticipant()
        var random = options.seed.generator(stream: number)
        while isRunning {
            thread.goOnline()
            for _ in 0..<Int.random(in: 1...64, using: &random) {
                // Squared: some keys are asked for far more often than others.
                let share = Double.random(in: 0..<1, using: &random)
                let tile = Int(share * share * share * Double(Self.keys))
                let ordinal = UInt32.random(in: Self.ordinals, using: &random)
                guard let found = cache.find(Self.key(tile, ordinal), by: thread) else { continue }
                unsafe verify(found.body, tile, ordinal)
                if unsafe found.headers.count != 180 { fail("the headers of tile \(tile) are not its own") }
                if tile % 50 == 0 { pass(Pinned(number: tile, ordinal: ordinal, tile: found.pin())) }
            }
            thread.goOffline()
        }
    }

    private func pass(_ pinned: Pinned) {
        let former = pins[pinned.number % pins.count].withLock { place in
            defer { place = pinned }
            return place
        }
        former?.tile.release()
    }

    private func takePin(_ place: Int) -> Pinned? {
        pins[place].withLock { pinned in
            defer { pinned = nil }
            return pinned
        }
    }

    private func releasePins(_ number: Int) {
        var random = options.seed.generator(stream: number)
        var held: [Pinned] = []
        var place = 0
        while isRunning {
            place = (place + 1) % pins.count
            if let pinned = takePin(place) { held.append(pinned) } else { usleep(50) }
            if held.count > 40 {
                let pinned = held.remove(at: Int.random(in: 0..<held.count, using: &random))
                unsafe verify(pinned.tile.body, pinned.number, pinned.ordinal)
                pinned.tile.release()
            }
        }
        for pinned in held { pinned.tile.release() }
    }

    /// A reader that stands still for a while, holding what it found: what is freed too early, it sees.
    private func stall(_ number: Int) {
        let thread = cache.makeParticipant()
        var random = options.seed.generator(stream: number)
        while isRunning {
            thread.goOnline()
            var held: [(number: Int, ordinal: UInt32, tile: CachedTile)] = []
            for _ in 0..<1000 {
                let tile = Int.random(in: 0..<Self.keys, using: &random)
                let ordinal = UInt32.random(in: Self.ordinals, using: &random)
                if let found = cache.find(Self.key(tile, ordinal), by: thread) { held.append((tile, ordinal, found)) }
            }
            usleep(UInt32.random(in: 0...20_000, using: &random))
            for (tile, ordinal, found) in held { unsafe verify(found.body, tile, ordinal) }
            thread.goOffline()
            usleep(5000)
        }
    }

    /// A reader that does not move on: memory must not grow, inserts are refused, it is logged, and afterwards all goes on.
    private func standStill() {
        let thread = cache.makeParticipant()
        usleep(1_000_000)
        thread.goOnline()
        let before = cache.statistics.refused[.readerStalled, default: 0]
        usleep(UInt32(options.stallSeconds * 1_000_000))
        let during = cache.statistics
        let refused = during.refused[.readerStalled, default: 0] - before
        thread.goOffline()
        print(
            "while a reader stood still for \(options.stallSeconds) s: \(during.retiredBytes >> 10) KiB retired,",
            "\(refused) inserts refused, \(during.reservedBytes) of \(during.budgetBytes) bytes reserved"
        )
        if refused == 0 || during.retiredBytes == 0 { fail("nothing was held up by the reader that stands still") }
        usleep(500_000)
        let after = cache.statistics.inserted
        usleep(400_000)
        if isRunning && cache.statistics.inserted == after { fail("nothing is inserted after the reader moved on") }
        let lines = readLog()
        if !lines.contains("a reader of the memory cache stalls") {
            fail("the log does not tell of the reader: \(lines)")
        }
    }

    /// What the cache has logged since the last call.
    private func readLog() -> String {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            // SAFETY: as many bytes as the buffer has.
            let count = unsafe Glibc.read(log.read, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += buffer[..<count]
        }
    }

    private func watch() {
        var highest = 0
        while isRunning {
            let reserved = cache.reservedBytes
            if reserved > options.budget { fail("\(reserved) bytes reserved of \(options.budget)") }
            if options.checksResident { highest = max(highest, platform_resident_bytes()) }
            usleep(200)
        }
        guard options.checksResident else { return }
        let limit = options.budget * 110 / 100 + (48 << 20)
        print("resident at most \(highest >> 20) MiB of \(limit >> 20) MiB allowed")
        if highest > limit { fail("resident size \(highest) is above \(limit)") }
    }

    /// Everything is removed; nothing may be left.
    private func takeDown() {
        for place in pins.indices { takePin(place)?.tile.release() }
        cache.stop()
        let statistics = cache.statistics
        print("verified \(verified.sum()) tiles; inserted \(statistics.inserted), waits \(statistics.waits)")
        print("hits \(statistics.hotHits) hot, \(statistics.warmHits) warm, misses \(statistics.misses)")
        print("refused \(statistics.refused.map { "\($0.key.rawValue) \($0.value)" }.sorted())")
        print("departed \(statistics.departed.map { "\($0.key.rawValue) \($0.value)" }.sorted())")
        print("reserved at most \(statistics.highestReservedBytes) of \(statistics.budgetBytes) bytes")
        if statistics.highestReservedBytes > statistics.budgetBytes { fail("the budget was exceeded") }
        if verified.sum() == 0 { fail("nothing was verified") }
        let thread = cache.makeParticipant()
        for ordinal in Self.ordinals { cache.removeAll(ordinal: ordinal, by: thread) }
        let left = cache.statistics
        if left.entries != 0 || left.liveBlocks != 0 || left.retiredBytes != 0 || left.uncachedBytes != 0 {
            fail("left over: \(left)")
        }
        let rest = readLog()
        if !rest.isEmpty { print("logged: \(rest)") }
    }
}
