// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Synchronization

/// Frees memory that lock-free readers may still be looking at, once none of them can.
///
/// *What it guarantees.* What was retired is freed only after every participant that was on-line when it was unlinked
/// has gone off-line or on-line again since. A reader never waits and never retries; a stalled reader delays freeing
/// (`retiredBytes` grows, which the owner bounds), never another reader.
///
/// *How.* Quiescent-state-based reclamation by epochs (Fraser, "Practical lock-freedom", 2004; Hart et al., "Making
/// lockless synchronization fast", 2006). A global epoch only grows. Each participant has a slot on a cache line of
/// its own with the epoch that it announced last, or 0 while off-line: a reactor goes on-line once per turn, not once
/// per look-up. To retire is to tag with the epoch read after the unlink. To reclaim is to advance the epoch, look at
/// all slots and free what has a tag below the lowest announced epoch.
///
/// *Why it is right* (three chains, each of read-modify-writes on one atomic, so no fence and no total order is
/// needed; `atomicMemoryFence` would also give false reports under the thread sanitizer):
/// 1. A participant with a higher epoch than a tag has seen the unlink. The tag is read by a read-modify-write on the
///    global epoch, the advance is another one and reads from it, and the participant's load reads from the advance.
/// 2. A participant that the scan found off-line sees every unlink that the scanner knew of when it comes on-line: both
///    the scan and going on-line are read-modify-writes of the slot, and the later one synchronises with the earlier.
/// 3. What a participant read before it went off-line happened before the free: going off-line releases the slot, the
///    scan acquires it.
/// Reading the tag before the unlink, or with a plain load, breaks 1; going on-line by a plain store breaks 2.
///
/// *What it gives up.* Memory is bounded only as long as readers move on: the owner has to stop retiring past a limit.
///
/// @unchecked Sendable: slots and epoch are atomics, the list is behind a lock.
@safe
package final class Collector: @unchecked Sendable {
    /// Releases what was retired. Runs on any thread, outside all locks of the collector.
    package typealias Free = @convention(c) (UnsafeMutableRawPointer) -> Void

    /// One thread's place in the epochs. Used by one thread at a time.
    @safe
    package struct Participant: @unchecked Sendable {
        fileprivate let collector: Collector
        fileprivate let slot: UnsafeMutablePointer<Atomic<UInt64>>
        /// A small number, unique among the registered participants: 0 ..< `Collector.maxParticipants`.
        package let index: Int
    }

    /// Threads that may be registered at once: reactors, workers, I/O threads, tools. 128 bytes each, touched when used.
    package static let maxParticipants = 1024

    private static let slotBytes = 128
    /// Retired since the last attempt: an attempt costs a scan of all slots, so it must pay for itself.
    private static let attemptItems = 64
    private static let attemptBytes = 1 << 20

    private let slots: UnsafeMutableRawPointer
    /// The global epoch; starts at 1, because 0 in a slot means off-line.
    private let epoch = Atomic<UInt64>(1)
    /// One more than the highest index ever registered.
    private let usedSlots = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let freed = Atomic<Int>(0)
    private let lowestAnnounced = Atomic<UInt64>(1)
    private let registry = Lock<[Int]>([])
    private let retired = Lock(RetiredList())

    /// @unchecked Sendable: whoever holds the value owns the memory.
    @safe
    private struct Retired: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
        let bytes: Int
        let epoch: UInt64
        let free: Free
    }

    private struct RetiredList {
        var items: [Retired] = []
        /// Items before this one are gone already.
        var first = 0
        var itemsSinceAttempt = 0
        var bytesSinceAttempt = 0
    }

    package init() {
        let size = Self.maxParticipants * Self.slotBytes
        // SAFETY: owned until `deinit`; zero bytes are a valid `Atomic<UInt64>` of 0, initialised here all the same.
        unsafe slots = .allocate(byteCount: size, alignment: Self.slotBytes)
        for index in 0..<Self.maxParticipants {
            unsafe (slots + index * Self.slotBytes).initializeMemory(as: Atomic<UInt64>.self, to: Atomic(0))
        }
    }

    deinit {
        drain()
        unsafe slots.deallocate()
    }

    /// Frees everything that is retired, whoever looks: for the end, when no participant is on-line any more.
    package func drain() {
        let rest = retired.withLock { list in
            let rest = Array(list.items[list.first...])
            list = RetiredList()
            return rest
        }
        for item in rest {
            // SAFETY: taken from the list; by the rule above nobody holds it.
            unsafe item.free(item.pointer)
            bytes.wrappingSubtract(item.bytes, ordering: .relaxed)
        }
    }

    /// A new participant, off-line. Registration takes a lock; slots are reused after `unregister`.
    package func register() -> Participant {
        let index = registry.withLock { free in
            if let index = free.popLast() { return index }
            // ORDERING: acquiring and releasing; pairs with the scan in lowestOnlineEpoch(): a scan that came too early
            // to look at the new slot has shown this thread all unlinks that it knew of (as in chain 2).
            let index = usedSlots.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
            precondition(index < Self.maxParticipants, "more than \(Self.maxParticipants) participants")
            return index
        }
        return unsafe Participant(collector: self, slot: slot(index), index: index)
    }

    fileprivate func unregister(_ index: Int) { registry.withLock { $0.append(index) } }

    /// One more than the highest index that was ever registered.
    package var indexLimit: Int { usedSlots.load(ordering: .relaxed) }

    /// Bytes that were retired and not yet freed.
    package var retiredBytes: Int { bytes.load(ordering: .relaxed) }

    /// Bytes that were freed so far: stands still where a reader stalls.
    package var freedBytes: Int { freed.load(ordering: .relaxed) }

    /// How many epochs the slowest on-line participant is behind, as the last attempt saw it. One attempt is one epoch,
    /// so a growing number means a reader that stalls.
    package var epochsBehind: UInt64 {
        let now = epoch.load(ordering: .relaxed)
        let lowest = lowestAnnounced.load(ordering: .relaxed)
        return now > lowest ? now - lowest : 0
    }

    /// Takes over memory that has just been unlinked, and frees it later by `free`. Any thread, on-line or not.
    ///
    /// Attempts to reclaim when enough has come together since the last attempt.
    package func retire(_ pointer: UnsafeMutableRawPointer, bytes count: Int, free: @escaping Free) {
        // ORDERING: acquiring and releasing, and a read-modify-write though nothing changes: pairs with the advance in
        // lowestOnlineEpoch(), which then carries the unlink that precedes this line to every later epoch (chain 1).
        let tag = epoch.bitwiseOr(0, ordering: .acquiringAndReleasing).oldValue
        bytes.wrappingAdd(count, ordering: .relaxed)
        let item = unsafe Retired(pointer: pointer, bytes: count, epoch: tag, free: free)
        let attempts = retired.withLock { list in
            list.items.append(item)
            list.itemsSinceAttempt += 1
            list.bytesSinceAttempt += count
            return list.itemsSinceAttempt >= Self.attemptItems || list.bytesSinceAttempt >= Self.attemptBytes
        }
        if attempts { reclaim() }
    }

    /// Frees what no participant can see any more. Any thread; returns the bytes freed.
    ///
    /// Complexity: O(participants + freed).
    @discardableResult
    package func reclaim() -> Int {
        let isEmpty = retired.withLock { list in
            list.itemsSinceAttempt = 0
            list.bytesSinceAttempt = 0
            return list.first == list.items.count
        }
        if isEmpty { return 0 }
        let limit = lowestOnlineEpoch()
        var total = 0
        while true {
            let batch = takeBatch(below: limit)
            if batch.isEmpty { return total }
            for item in batch {
                // SAFETY: tagged below every announced epoch, so nobody holds the pointer; taken from the list, so
                // nobody else frees it.
                unsafe item.free(item.pointer)
            }
            let sum = batch.reduce(0) { $0 + $1.bytes }
            bytes.wrappingSubtract(sum, ordering: .relaxed)
            freed.wrappingAdd(sum, ordering: .relaxed)
            total += sum
        }
    }

    /// Up to 128 items with a tag below `limit`, removed from the list.
    private func takeBatch(below limit: UInt64) -> [Retired] {
        retired.withLock { list in
            var end = list.first
            let last = min(list.first + 128, list.items.count)
            while end < last && isFree(list.items[end], limit) { end += 1 }
            let batch = Array(list.items[list.first..<end])
            list.first = end
            if list.first == list.items.count {
                list.items.removeAll(keepingCapacity: list.items.capacity <= 4096)
                list.first = 0
            } else if list.first > 4096 && list.first > list.items.count / 2 {
                list.items.removeFirst(list.first)
                list.first = 0
            }
            return batch
        }
    }

    /// Whether nobody can see an item any more, given the lowest announced epoch.
    private func isFree(_ item: Retired, _ lowest: UInt64) -> Bool {
        #if MUTATION_ONE_EPOCH_EARLY
        // A fault on purpose, which Tests/Stress/run builds to see that its stress run catches it.
        item.epoch <= lowest
        #else
        item.epoch < lowest
        #endif
    }

    /// Advances the epoch and returns the lowest that an on-line participant has announced, or the new one.
    private func lowestOnlineEpoch() -> UInt64 {
        // ORDERING: acquiring and releasing; pairs with the tag's read in retire() and with the load in goOnline().
        var lowest = epoch.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue
        // ORDERING: acquiring and releasing, and a read-modify-write: pairs with the addition in register().
        for index in 0..<usedSlots.bitwiseOr(0, ordering: .acquiringAndReleasing).oldValue {
            // ORDERING: acquiring and releasing, and a read-modify-write though nothing changes: pairs with the exchange
            // in goOnline() (chain 2) and the store in goOffline() (chain 3).
            let announced = unsafe slot(index).pointee.bitwiseOr(0, ordering: .acquiringAndReleasing).oldValue
            if announced != 0 { lowest = min(lowest, announced) }
        }
        lowestAnnounced.store(lowest, ordering: .relaxed)
        return lowest
    }

    private func slot(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        // SAFETY: index < maxParticipants; the slots were initialised in `init` and live as long as the collector.
        unsafe (slots + index * Self.slotBytes).assumingMemoryBound(to: Atomic<UInt64>.self)
    }
}

extension Collector.Participant {
    /// Whether what this thread reads is protected now. For the participant's own thread.
    package var isOnline: Bool {
        // SAFETY: the slot lives as long as the collector, which this value retains.
        unsafe slot.pointee.load(ordering: .relaxed) != 0
    }

    /// Gives the slot back. The participant is off-line afterwards and not to be used again.
    package func unregister() {
        goOffline()
        collector.unregister(index)
    }

    /// From here on, what this thread reads stays valid until it goes off-line or on-line again.
    ///
    /// Calling it while on-line says that nothing read before is held any more.
    package func goOnline() {
        // ORDERING: acquiring; pairs with the advance in lowestOnlineEpoch() (chain 1).
        let epoch = collector.epoch.load(ordering: .acquiring)
        // ORDERING: acquiring and releasing; pairs with the scan in lowestOnlineEpoch(): acquiring shows this thread
        // the unlinks known to a scan that found it off-line (chain 2), releasing ends what it read before (chain 3).
        _ = unsafe slot.pointee.exchange(epoch, ordering: .acquiringAndReleasing)
    }

    /// This thread holds nothing any more.
    package func goOffline() {
        // ORDERING: releasing; pairs with the scan in lowestOnlineEpoch() (chain 3).
        unsafe slot.pointee.store(0, ordering: .releasing)
    }

    /// Runs `body` on-line, and leaves the participant as it was.
    package func withGuard<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        if isOnline { return try body() }
        goOnline()
        defer { goOffline() }
        return try body()
    }
}
