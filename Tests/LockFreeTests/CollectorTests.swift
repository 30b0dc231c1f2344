// SPDX-License-Identifier: Apache-2.0

import LockFree
import Synchronization
import TestSupport
import Testing

/// Counts what the collector has freed.
private let freed = Atomic<Int>(0)

private func free(_ pointer: UnsafeMutableRawPointer) {
    unsafe pointer.deallocate()
    freed.wrappingAdd(1, ordering: .relaxed)
}

@Suite("Reclamation by epochs", .serialized)
struct CollectorTests {
    private func retireOne(_ collector: Collector, bytes: Int = 16) {
        unsafe collector.retire(.allocate(byteCount: bytes, alignment: 16), bytes: bytes) { unsafe free($0) }
    }

    private func freedBy(_ body: () -> Void) -> Int {
        let before = freed.load(ordering: .relaxed)
        body()
        return freed.load(ordering: .relaxed) - before
    }

    @Test("what was retired is freed at once when nobody is on-line")
    func nobodyOnline() {
        let collector = Collector()
        _ = collector.register()
        #expect(freedBy { retireOne(collector) } == 0)
        #expect(collector.retiredBytes == 16)
        #expect(freedBy { collector.reclaim() } == 1)
        #expect(collector.retiredBytes == 0)
    }

    @Test(
        "in every order of three readers going on- and off-line, a block lives exactly as long as a reader from before"
    )
    func smallWorlds() {
        // Each reader: goes on-line before or after the retirement; then stays, goes off-line, or comes back.
        for world in 0..<(6 * 6 * 6) {
            let collector = Collector()
            let readers = (0..<3).map { _ in collector.register() }
            let plans = [world % 6, world / 6 % 6, world / 36]
            for (reader, plan) in zip(readers, plans) where plan < 3 { reader.goOnline() }
            retireOne(collector)
            for (reader, plan) in zip(readers, plans) where plan >= 3 { reader.goOnline() }
            for (reader, plan) in zip(readers, plans) {
                if plan % 3 >= 1 { reader.goOffline() }
                if plan % 3 == 2 { reader.goOnline() }
            }
            let holds = plans.contains(0)
            #expect(freedBy { for _ in 0..<3 { collector.reclaim() } } <= 1)
            // Readers that came on-line after the retirement, but before an epoch began, delay it by at most one turn.
            for (reader, plan) in zip(readers, plans) where plan != 0 && reader.isOnline { reader.goOnline() }
            _ = collector.reclaim()
            #expect(collector.retiredBytes == (holds ? 16 : 0), "world \(world)")
            readers.forEach { $0.goOffline() }
            collector.reclaim()
            #expect(collector.retiredBytes == 0)
        }
    }

    @Test("a stalled reader shows as epochs behind, and holds up only what was retired since")
    func stalledReader() {
        let collector = Collector()
        let stalled = collector.register()
        let other = collector.register()
        retireOne(collector)
        #expect(freedBy { collector.reclaim() } == 1)
        stalled.goOnline()
        #expect(
            freedBy {
                for _ in 0..<200 {
                    other.goOnline()
                    retireOne(collector)
                    other.goOffline()
                }
                collector.reclaim()
            } == 0
        )
        #expect(collector.retiredBytes == 200 * 16)
        #expect(collector.epochsBehind >= 3)
        stalled.goOnline()
        #expect(freedBy { collector.reclaim() } == 200)
        stalled.goOffline()
    }

    @Test("slots of participants that left are used again")
    func slotReuse() {
        let collector = Collector()
        for _ in 0..<3 * Collector.maxParticipants {
            let participant = collector.register()
            participant.goOnline()
            participant.unregister()
        }
        #expect(collector.indexLimit == 1)
        retireOne(collector)
        #expect(freedBy { collector.reclaim() } == 1)
    }

    @Test("a collector frees what is left when it goes")
    func deinitFrees() {
        #expect(freedBy { retireOne(Collector()) } == 1)
    }

    @Test("readers never see a freed value while writers replace it, and nothing is left in the end")
    func readersAndWriters() throws {
        let collector = Collector()
        let shared = SharedBox()
        let barrier = Barrier(count: 6)
        let stop = Flag()
        let before = freed.load(ordering: .relaxed)
        let each = 20_000
        let writers = try (0..<2).map { _ in
            try OSThread(name: "writer") {
                barrier.wait()
                for number in 0..<each {
                    let old = unsafe shared.replace(UInt64(number))
                    unsafe collector.retire(old, bytes: 16) { pointer in
                        // Whoever still read this would see it.
                        unsafe pointer.storeBytes(of: 0xDEAD_DEAD_DEAD_DEAD, as: UInt64.self)
                        unsafe free(pointer)
                    }
                }
            }
        }
        let bad = StripedCounter()
        let readers = try (0..<4).map { _ in
            try OSThread(name: "reader") {
                let participant = collector.register()
                barrier.wait()
                while !stop.isSet {
                    participant.goOnline()
                    for _ in 0..<20 where shared.read() >= UInt64(each) { bad.add() }
                    participant.goOffline()
                }
                participant.unregister()
            }
        }
        writers.forEach { $0.join() }
        stop.set()
        readers.forEach { $0.join() }
        collector.reclaim()
        #expect(bad.sum() == 0)
        #expect(freed.load(ordering: .relaxed) - before == 2 * each)
        #expect(collector.retiredBytes == 0)
    }
}

/// One pointer that is replaced under the eyes of readers.
@safe
private final class SharedBox: @unchecked Sendable {
    private let current: Atomic<UInt>

    init() { unsafe current = Atomic(UInt(bitPattern: Self.make(0))) }

    deinit { unsafe UnsafeMutableRawPointer(bitPattern: current.load(ordering: .relaxed))!.deallocate() }

    private static func make(_ value: UInt64) -> UnsafeMutableRawPointer {
        let pointer = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)
        unsafe pointer.storeBytes(of: value, as: UInt64.self)
        return unsafe pointer
    }

    func replace(_ value: UInt64) -> UnsafeMutableRawPointer {
        // ORDERING: acquiring and releasing; pairs with read().
        let old = unsafe current.exchange(UInt(bitPattern: Self.make(value)), ordering: .acquiringAndReleasing)
        return unsafe UnsafeMutableRawPointer(bitPattern: old)!
    }

    func read() -> UInt64 {
        // ORDERING: acquiring; pairs with replace().
        unsafe UnsafeRawPointer(bitPattern: current.load(ordering: .acquiring))!.load(as: UInt64.self)
    }
}

/// Tells threads to end.
private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}
