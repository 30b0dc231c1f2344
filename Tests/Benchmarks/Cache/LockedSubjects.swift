// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import TileModel

/// A key that a Dictionary hashes as fast as it can: its own mixed hash in place of SipHash.
struct FastKey: Hashable {
    let key: TileKey

    func _rawHashValue(seed: Int) -> Int { Int(truncatingIfNeeded: key.mixed) ^ seed }

    func hash(into hasher: inout Hasher) { hasher.combine(key) }

    static func == (left: FastKey, right: FastKey) -> Bool {
        left.key.low == right.key.low && left.key.high == right.key.high
    }
}

/// A copy of a payload on the heap, freed by whoever took it out.
@safe
struct Payload: @unchecked Sendable {
    let bytes: UnsafeMutableRawPointer
    let count: Int

    init(_ source: UnsafeMutableRawBufferPointer, _ key: TileKey) {
        // SAFETY: fresh memory of the source's size, which is not empty.
        unsafe bytes = .allocate(byteCount: source.count, alignment: 16)
        unsafe bytes.copyMemory(from: source.baseAddress!, byteCount: source.count)
        unsafe bytes.storeBytes(of: Workload.firstByte(key), as: UInt8.self)
        count = source.count
    }

    var first: UInt64 { unsafe UInt64(bytes.load(as: UInt8.self)) }

    func free() { unsafe bytes.deallocate() }
}

/// One mutex around a dictionary and a list in the order of use: what a cache usually is.
final class LeastRecentlyUsedSubject: Subject, Runner {
    let name = "mutex + LRU"
    private let state: Lock<State>

    private struct Node {
        var key: FastKey
        var payload: Payload
        var older: Int32
        var newer: Int32
    }

    private struct State {
        let limit: Int
        var bytes = 0
        var index: [FastKey: Int32] = [:]
        var nodes: [Node] = []
        var free: [Int32] = []
        var newest: Int32 = -1
        var oldest: Int32 = -1

        mutating func unlink(_ position: Int32) {
            let node = nodes[Int(position)]
            if node.newer >= 0 { nodes[Int(node.newer)].older = node.older } else { newest = node.older }
            if node.older >= 0 { nodes[Int(node.older)].newer = node.newer } else { oldest = node.newer }
        }

        mutating func linkNewest(_ position: Int32) {
            nodes[Int(position)].older = newest
            nodes[Int(position)].newer = -1
            if newest >= 0 { nodes[Int(newest)].newer = position } else { oldest = position }
            newest = position
        }

        mutating func touch(_ position: Int32) {
            guard newest != position else { return }
            unlink(position)
            linkNewest(position)
        }
    }

    /// Holds up to `byteLimit` bytes of payload.
    init(capacity: Int, byteLimit: Int) {
        var state = State(limit: byteLimit)
        state.index.reserveCapacity(capacity)
        state.nodes.reserveCapacity(capacity)
        self.state = Lock(state)
    }

    deinit { state.withLock { for position in $0.index.values { $0.nodes[Int(position)].payload.free() } } }

    func makeRunner() -> any Runner { self }

    func get(_ keys: UnsafeBufferPointer<TileKey>) -> UInt64 {
        var sum: UInt64 = 0
        for index in keys.indices {
            let key = unsafe keys[index]
            sum &+= state.withLock { state in
                guard let position = state.index[FastKey(key: key)] else { return 0 }
                state.touch(position)
                return state.nodes[Int(position)].payload.first
            }
        }
        return sum
    }

    func set(_ keys: UnsafeBufferPointer<TileKey>, _ payload: UnsafeMutableRawBufferPointer) {
        for index in keys.indices {
            let key = unsafe keys[index]
            let fresh = unsafe Payload(payload, key)
            // Freed outside the lock.
            var leaving = state.withLock { state in
                var leaving: [Payload] = []
                let fast = FastKey(key: key)
                state.bytes += fresh.count
                if let position = state.index[fast] {
                    leaving.append(state.nodes[Int(position)].payload)
                    state.nodes[Int(position)].payload = fresh
                    state.touch(position)
                } else {
                    let node = Node(key: fast, payload: fresh, older: -1, newer: -1)
                    let position = state.free.popLast() ?? Int32(state.nodes.count)
                    if Int(position) == state.nodes.count {
                        state.nodes.append(node)
                    } else {
                        state.nodes[Int(position)] = node
                    }
                    state.index[fast] = position
                    state.linkNewest(position)
                }
                state.bytes -= leaving.reduce(0) { $0 + $1.count }
                while state.bytes > state.limit, state.oldest >= 0 {
                    let position = state.oldest
                    let node = state.nodes[Int(position)]
                    state.unlink(position)
                    state.index[node.key] = nil
                    state.free.append(position)
                    state.bytes -= node.payload.count
                    leaving.append(node.payload)
                }
                return leaving
            }
            while let payload = leaving.popLast() { payload.free() }
        }
    }
}

/// A dictionary behind one readers-writer lock; nothing is evicted.
@safe
final class ReadWriteLockSubject: Subject, Runner, @unchecked Sendable {
    let name = "read-write lock + dictionary"
    private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)
    private var payloads: [FastKey: Payload] = [:]

    init(capacity: Int) {
        unsafe lock.initialize(to: pthread_rwlock_t())
        unsafe pthread_rwlock_init(lock, nil)
        payloads.reserveCapacity(capacity)
    }

    deinit {
        unsafe pthread_rwlock_destroy(lock)
        unsafe lock.deallocate()
        for payload in payloads.values { payload.free() }
    }

    func makeRunner() -> any Runner { self }

    func get(_ keys: UnsafeBufferPointer<TileKey>) -> UInt64 {
        var sum: UInt64 = 0
        for index in keys.indices {
            let key = unsafe keys[index]
            unsafe pthread_rwlock_rdlock(lock)
            if let payload = payloads[FastKey(key: key)] { sum &+= payload.first }
            unsafe pthread_rwlock_unlock(lock)
        }
        return sum
    }

    func set(_ keys: UnsafeBufferPointer<TileKey>, _ payload: UnsafeMutableRawBufferPointer) {
        for index in keys.indices {
            let key = unsafe keys[index]
            let fresh = unsafe Payload(payload, key)
            unsafe pthread_rwlock_wrlock(lock)
            let old = payloads.updateValue(fresh, forKey: FastKey(key: key))
            unsafe pthread_rwlock_unlock(lock)
            old?.free()
        }
    }
}

/// 64 dictionaries, each behind a mutex; nothing is evicted.
final class ShardedSubject: Subject, Runner {
    let name = "64 x mutex + dictionary"
    private let shards: [Lock<[FastKey: Payload]>]

    init(capacity: Int) {
        shards = (0..<64).map { _ in
            var index: [FastKey: Payload] = [:]
            index.reserveCapacity(capacity / 64 * 5 / 4)
            return Lock(index)
        }
    }

    deinit { for shard in shards { shard.withLock { for payload in $0.values { payload.free() } } } }

    func makeRunner() -> any Runner { self }

    /// The high bits: a dictionary uses the low ones.
    private func shard(_ key: TileKey) -> Lock<[FastKey: Payload]> { shards[Int(key.mixed >> 58)] }

    func get(_ keys: UnsafeBufferPointer<TileKey>) -> UInt64 {
        var sum: UInt64 = 0
        for index in keys.indices {
            let key = unsafe keys[index]
            sum &+= shard(key).withLock { $0[FastKey(key: key)]?.first ?? 0 }
        }
        return sum
    }

    func set(_ keys: UnsafeBufferPointer<TileKey>, _ payload: UnsafeMutableRawBufferPointer) {
        for index in keys.indices {
            let key = unsafe keys[index]
            let fresh = unsafe Payload(payload, key)
            let old = shard(key).withLock { $0.updateValue(fresh, forKey: FastKey(key: key)) }
            old?.free()
        }
    }
}
