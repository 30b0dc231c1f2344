// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
import TestSupport
import Testing
import TileModel

@testable import TileCache

/// What one thread saw or did to one key, between two ticks of a clock that all share.
private struct Event {
    enum Kind {
        /// A value was written, or was found there.
        case wrote(Int)
        case found(Int)
        /// The key was seen without a tile, or left without one.
        case absent
    }

    let key: Int
    let kind: Kind
    let begin: Int
    let end: Int
}

@Suite("Histories of the memory cache", .serialized)
struct HistoryTests {
    /// Keys are few and the table is one of 64 buckets, so that operations meet; values are unique.
    @Test(
        "in random histories of many threads, with a keeper that evicts and expires, no tile comes back after a newer one or an absence",
        arguments: 0..<4
    )
    func histories(stream: Int) throws {
        let seed = Seed.ofThisRun
        print(seed, "stream \(stream)")
        let expires = stream % 2 == 1
        // All twelve tiles at their largest do not fit.
        let cache = try TileCache.make(budget: TileCacheConfiguration.minByteBudget) {
            $0.expectedEntryBytes = 1 << 20
            guard expires else { return }
            $0.clock = TileCacheConfiguration.monotonicMilliseconds
            $0.warmTimeToLive = .milliseconds(10)
        }
        try cache.startKeeper()
        let ticks = Ticks()
        let threads = 4
        let barrier = Barrier(count: threads)
        let events = Lock<[Event]>([])
        let running = try (0..<threads).map { number in
            try OSThread(name: "history") {
                var recorder = Recorder(cache: cache, ticks: ticks)
                var random = seed.generator(stream: stream * 16 + number)
                barrier.wait()
                for _ in 0..<4000 { recorder.step(using: &random) }
                let own = recorder.events
                events.withLock { $0 += own }
            }
        }
        running.forEach { $0.join() }
        cache.stop()
        let all = events.withLock { $0 }
        var faults: [String] = []
        for (key, events) in Dictionary(grouping: all, by: \.key) {
            faults += violations(events).map { "\(key): \($0)" }
        }
        #expect(faults.isEmpty, "\(faults.prefix(5))")
        #expect(all.count > threads * 3000)
        let departed = cache.statistics.departed
        print("departed \(departed.map { "\($0.key.rawValue) \($0.value)" }.sorted())")
        #expect(departed[.pressure, default: 0] + departed[.compaction, default: 0] > 0, "the keeper had to evict")
        // Where tiles expire, the keeper of a busy machine may be left nothing but what pressure takes first.
        #expect(expires || departed[.expired, default: 0] == 0)
        cache.collector.reclaim()
        expectConsistent(cache)
    }

    @Test("the check sees a value that comes back after a newer one, and one that comes back after an absence")
    func checkerChecks() {
        func event(_ kind: Event.Kind, _ begin: Int) -> Event {
            Event(key: 0, kind: kind, begin: begin, end: begin + 1)
        }
        #expect(
            violations([event(.wrote(1), 0), event(.found(1), 2), event(.wrote(2), 4), event(.found(2), 6)]).isEmpty
        )
        #expect(!violations([event(.wrote(1), 0), event(.wrote(2), 4), event(.found(1), 6)]).isEmpty)
        #expect(!violations([event(.wrote(1), 0), event(.absent, 4), event(.found(1), 6)]).isEmpty)
        #expect(!violations([event(.found(1), 0), event(.wrote(1), 4)]).isEmpty)
        // Overlapping: either order will do.
        let first = Event(key: 0, kind: .wrote(1), begin: 0, end: 7)
        let second = Event(key: 0, kind: .wrote(2), begin: 3, end: 9)
        #expect(violations([first, second, event(.found(1), 11)]).isEmpty)
        #expect(violations([first, second, event(.found(2), 11)]).isEmpty)
    }

    /// What linearisability asks of a register whose value may be lost at any moment: no read returns a value from before
    /// something that ended before the read began, and that itself began after the value was known to be there.
    private func violations(_ events: [Event]) -> [String] {
        /// When a value was there for certain at the latest, and when its write began.
        var there: [Int: Int] = [:]
        var written: [Int: Int] = [:]
        for event in events {
            switch event.kind {
            case .wrote(let value):
                written[value] = event.begin
                there[value] = min(there[value] ?? .max, event.end)
            case .found(let value): there[value] = min(there[value] ?? .max, event.end)
            case .absent: break
            }
        }
        /// Moments by which a value had gone: (begin of the evidence, end of it), the evidence being any other state.
        var evidence: [(begin: Int, end: Int, value: Int?)] = events.compactMap { event in
            if case .absent = event.kind { return (event.begin, event.end, nil) }
            return nil
        }
        for (value, end) in there { evidence.append((written[value] ?? 0, end, value)) }
        evidence.sort { $0.end < $1.end }
        // The latest begin among all evidence that has ended, and the one before with another value.
        var faults: [String] = []
        var next = 0
        var latest: (begin: Int, value: Int?)?
        var second: (begin: Int, value: Int?)?
        for event in events.sorted(by: { $0.begin < $1.begin }) {
            while next < evidence.count && evidence[next].end < event.begin {
                let one = evidence[next]
                if latest.map({ one.begin > $0.begin }) ?? true {
                    if let former = latest, former.value != one.value || one.value == nil { second = former }
                    latest = (one.begin, one.value)
                } else if one.value == nil || one.value != latest?.value {
                    if second.map({ one.begin > $0.begin }) ?? true { second = (one.begin, one.value) }
                }
                next += 1
            }
            guard case .found(let value) = event.kind, let known = there[value] else { continue }
            if let begin = written[value], event.end < begin {
                faults.append("\(value) was found before it was written")
            }
            for other in [latest, second] {
                if let other, other.value == nil || other.value != value, other.begin > known {
                    faults.append("\(value) came back at \(event.begin) after \(String(describing: other))")
                }
            }
        }
        return faults
    }
}

/// A number that only grows, shared by all threads.
private final class Ticks: Sendable {
    private let value = Atomic<Int>(0)

    // ORDERING: sequentially consistent, so that the ticks around operations order these for everybody; no partner.
    func next() -> Int { value.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue }
}

/// Does random operations and writes down what they showed.
private struct Recorder {
    let cache: TileCache
    let thread: CacheParticipant
    let ticks: Ticks
    private(set) var events: [Event] = []

    init(cache: TileCache, ticks: Ticks) {
        self.cache = cache
        thread = cache.makeParticipant()
        self.ticks = ticks
    }

    mutating func step(using random: inout SeededGenerator) {
        let number = Int.random(in: 0..<12, using: &random)
        let begin = ticks.next()
        let kind: Event.Kind?
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35: kind = look(number)
        case 35..<60:
            // Of very different sizes, so that the keeper has to make room.
            let bytes = Int.random(in: 0..<2, using: &random) == 0 ? 450_000 : 64
            let value = ticks.next()
            kind = unsafe write(value, bytes) { body in
                switch unsafe cache.replace(
                    key(number),
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    body: body,
                    cost: 1,
                    arrival: .requested,
                    by: thread
                ) {
                case .replaced, .inserted: .wrote(value)
                case .changed, .refused: nil
                }
            }
        case 60..<80:
            let value = ticks.next()
            kind = unsafe write(value, 64) { body in
                switch unsafe cache.insert(
                    key(number),
                    headers: UnsafeRawBufferPointer(start: nil, count: 0),
                    body: body,
                    cost: 1,
                    arrival: .requested,
                    by: thread
                ) {
                case .inserted: .wrote(value)
                case .alreadyThere, .refused: nil
                }
            }
        case 80..<88: kind = replaceWhatIsFound(number)
        case 88..<99:
            cache.remove(key(number), by: thread)
            kind = .absent
        default:
            cache.removeAll(ordinal: 1, by: thread)
            // Every key was absent at some moment of the pass.
            let end = ticks.next()
            for number in 0..<12 { events.append(Event(key: number, kind: .absent, begin: begin, end: end)) }
            return
        }
        if let kind { events.append(Event(key: number, kind: kind, begin: begin, end: ticks.next())) }
    }

    private func look(_ number: Int) -> Event.Kind {
        thread.withGuard {
            guard let tile = cache.find(key(number), by: thread) else { return .absent }
            return .found(unsafe tile.body.loadUnaligned(as: Int.self))
        }
    }

    private mutating func replaceWhatIsFound(_ number: Int) -> Event.Kind? {
        let begin = ticks.next()
        thread.goOnline()
        defer { thread.goOffline() }
        guard let tile = cache.find(key(number), by: thread) else { return .absent }
        let old = unsafe tile.body.loadUnaligned(as: Int.self)
        events.append(Event(key: number, kind: .found(old), begin: begin, end: ticks.next()))
        let value = ticks.next()
        return unsafe write(value, 64) { body in
            let outcome = unsafe cache.replace(
                key(number),
                ifStill: tile,
                headers: UnsafeRawBufferPointer(start: nil, count: 0),
                body: body,
                cost: 1,
                by: thread
            )
            return outcome.isReplaced ? .wrote(value) : nil
        }
    }

    private func write(_ value: Int, _ bytes: Int, _ body: (UnsafeRawBufferPointer) -> Event.Kind?) -> Event.Kind? {
        var words = [Int](repeating: 0, count: bytes / 8)
        words[0] = value
        return unsafe words.withUnsafeBytes { unsafe body($0) }
    }
}
