// SPDX-License-Identifier: Apache-2.0
//
// stress-bloom [SECONDS]
//
// The Bloom filter, the memory of what was seen and the circuit breaker under many threads, for some seconds. Meant to be
// built with --sanitize=thread. Exit code 1 where a key that was inserted is not found, where what was seen just now is
// forgotten although no generation ended, or where two probes are under way at once.

import Glibc
import LockFree
import Synchronization
import TestSupport

let seconds = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 5
let seed = Seed.ofThisRun
print("stress-bloom: \(seconds) s, \(seed)")

let faults = Atomic<Int>(0)
let operations = Atomic<Int>(0)
let end = CircuitBreaker.monotonicMilliseconds() + UInt64(seconds) * 1000

/// The keys of a writer; a bijection, so that all are different.
func key(_ writer: Int, _ index: Int) -> UInt64 {
    var value = UInt64(writer) << 40 | UInt64(index)
    value = (value ^ value >> 30 ^ seed.value) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
}

/// How far a writer has come; who reads it sees what the writer inserted before.
final class Progress: Sendable {
    let count = Atomic<Int>(0)
}

/// Three writers and three readers of one filter; each round has a fresh one.
func filterRound(_ round: Int) throws {
    let filter = BloomFilter(BloomSizing(keys: 30_000, falsePositives: 0.01))
    let progress = (0..<3).map { _ in Progress() }
    let barrier = Barrier(count: 6)
    let writers = try (0..<3).map { writer in
        try OSThread(name: "inserts") {
            barrier.wait()
            for index in 0..<10_000 {
                filter.insert(key(writer, round << 20 | index))
                progress[writer].count.store(index + 1, ordering: .releasing)
            }
        }
    }
    let readers = try (0..<3).map { reader in
        try OSThread(name: "checks") {
            barrier.wait()
            var random = seed.generator(stream: round * 3 + reader)
            var isDone = false
            while !isDone {
                isDone = true
                for writer in 0..<3 {
                    let count = progress[writer].count.load(ordering: .acquiring)
                    if count < 10_000 { isDone = false }
                    guard count > 0 else { continue }
                    for index in [count - 1, Int.random(in: 0..<count, using: &random)]
                    where !filter.contains(key(writer, round << 20 | index)) {
                        faults.wrappingAdd(1, ordering: .relaxed)
                    }
                }
                operations.wrappingAdd(6, ordering: .relaxed)
            }
        }
    }
    (writers + readers).forEach { $0.join() }
}

/// Four threads that witness while generations end every few thousand keys.
func memoryRound(_ round: Int) throws {
    let memory = SeenBefore(keysPerGeneration: 3000)
    let threads = try (0..<4).map { thread in
        try OSThread(name: "witness") {
            for index in 0..<10_000 {
                let before = memory.rotations
                let hash = key(thread, round << 20 | index)
                _ = memory.witness(hash)
                if !memory.hasSeen(hash), memory.rotations == before { faults.wrappingAdd(1, ordering: .relaxed) }
            }
            operations.wrappingAdd(10_000, ordering: .relaxed)
        }
    }
    threads.forEach { $0.join() }
}

/// Eight threads that call something that fails half of the time.
func breakerRound(_ round: Int) throws {
    var rules = BreakerRules()
    rules.firstBackoff = .milliseconds(1)
    rules.longestBackoff = .milliseconds(4)
    let breaker = CircuitBreaker(rules: rules)
    let probes = Atomic<Int>(0)
    let threads = try (0..<8).map { thread in
        try OSThread(name: "calls") {
            var random = seed.generator(stream: round * 8 + thread)
            for _ in 0..<3000 {
                let admission = breaker.admit()
                if case .probe = admission {
                    if probes.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue != 1 {
                        faults.wrappingAdd(1, ordering: .relaxed)
                    }
                    probes.wrappingSubtract(1, ordering: .acquiringAndReleasing)
                }
                breaker.record(success: Int.random(in: 0..<4, using: &random) == 0, of: admission)
                if admission == .refused { usleep(50) }
            }
            operations.wrappingAdd(3000, ordering: .relaxed)
        }
    }
    threads.forEach { $0.join() }
}

var round = 0
do {
    while CircuitBreaker.monotonicMilliseconds() < end {
        try filterRound(round)
        try memoryRound(round)
        try breakerRound(round)
        round += 1
    }
} catch {
    print("stress-bloom: \(error)")
    exit(1)
}
let found = faults.load(ordering: .relaxed)
print("stress-bloom: \(round) rounds, \(operations.load(ordering: .relaxed)) operations, \(found) faults")
exit(found == 0 ? 0 : 1)
