// SPDX-License-Identifier: Apache-2.0
//
// bench-bloom [--rounds N] [--seconds S]
//
// The Bloom filter next to a filter of 16 shards with a shared counter, in turns, in one run: checks a second on one
// thread and on two, half of them of known keys; false positives next to theory. Prints a table and writes
// .build/bench/bloom.json.

import BenchmarkSupport
import Glibc
import LockFree
import Synchronization
import TestSupport

/// The number behind an option of the command line.
func option<Value: LosslessStringConvertible>(_ name: String, _ standard: Value) -> Value {
    guard let place = CommandLine.arguments.firstIndex(of: name), place + 1 < CommandLine.arguments.count else {
        return standard
    }
    return Value(CommandLine.arguments[place + 1]) ?? standard
}

let rounds = option("--rounds", 9)
let seconds = option("--seconds", 0.3)

let keyCount = 100_000
/// 256 KiB: 2,097,152 bits, 21 for each key.
let sizing = BloomSizing(lineCount: 4096)
let filter = BloomFilter(sizing)
let sharded = ShardedFilter(bits: sizing.byteCount * 8)
var random = Seed.ofThisRun.generator()
let known = (0..<keyCount).map { _ in random.next() }
for hash in known {
    filter.insert(hash)
    sharded.insert(hash)
}
/// Known and unknown keys in random order; a power of two of them.
let questions = (0..<1 << 16).map { _ in
    Bool.random(using: &random) ? known[Int.random(in: 0..<keyCount, using: &random)] : random.next()
}

/// Makes answers visible to somebody, so that no check may be left out.
let sink = Atomic<Int>(0)

enum Subject: String, CaseIterable {
    case ours
    case sharded
    /// Ours, where each key that was not found is inserted: the memory of the second-request rule.
    case witness
}

let memory = SeenBefore(keysPerGeneration: keyCount, falsePositives: 0.0003)

/// How many of the questions are answered with yes.
func ask(_ subject: Subject) -> Int {
    switch subject {
    case .ours: count(filter.contains)
    case .sharded: count(sharded.contains)
    case .witness: count(memory.witness)
    }
}

/// The answers are added up as numbers: a branch on them, which nobody could predict, would cost as much as a check.
@inline(__always)
func count(_ isKnown: (UInt64) -> Bool) -> Int {
    var found = 0
    for hash in questions { found &+= Int(unsafe unsafeBitCast(isKnown(hash), to: UInt8.self)) }
    return found
}

/// Millions of checks a second of `threads` threads together, by the wall clock.
func measure(_ subject: Subject, threads: Int) throws -> Double {
    let ready = Barrier(count: threads + 1)
    let isOver = Atomic<Bool>(false)
    let total = Atomic<Int>(0)
    let running = try (0..<threads).map { _ in
        try OSThread(name: "bench") {
            ready.wait()
            var checks = 0
            var found = 0
            while !isOver.load(ordering: .relaxed) {
                found &+= ask(subject)
                checks += questions.count
            }
            total.wrappingAdd(checks, ordering: .relaxed)
            sink.wrappingAdd(found, ordering: .relaxed)
        }
    }
    ready.wait()
    let start = CircuitBreaker.monotonicMilliseconds()
    usleep(UInt32(seconds * 1e6))
    isOver.store(true, ordering: .relaxed)
    running.forEach { $0.join() }
    return Double(total.load(ordering: .relaxed)) / Double(CircuitBreaker.monotonicMilliseconds() - start) / 1000
}

/// The share of keys never inserted that are found.
func falsePositives(_ contains: (UInt64) -> Bool) -> Double {
    let checks = 4_000_000
    var random = Seed.ofThisRun.generator(stream: 1)
    return Double((0..<checks).count { _ in contains(random.next()) }) / Double(checks)
}

do {
    var series = Series()
    for round in -1..<rounds {
        for subject in Subject.allCases {
            for threads in 1...2 {
                let rate = try measure(subject, threads: threads)
                // The first round warms up.
                if round >= 0 { series.add("\(subject.rawValue) \(threads)", rate) }
            }
        }
    }
    print("millions of checks a second    1 thread    2 threads")
    for subject in Subject.allCases {
        let one = fixed(series.median("\(subject.rawValue) 1"), digits: 1)
        let two = fixed(series.median("\(subject.rawValue) 2"), digits: 1)
        print("  \(subject.rawValue.padded(to: 20))\(one.padded(to: 16, left: true))\(two.padded(to: 13, left: true))")
    }
    func verdict(_ what: String, _ figure: Double, atLeast bar: Double) {
        print("  \(what): \(figure >= bar ? "holds" : "MISSED"), \(fixed(figure, digits: 2)) for at least \(bar)")
    }
    verdict("checks next to the sharded filter, one thread", series.medianRatio("ours 1", "sharded 1"), atLeast: 2)
    verdict("the same, two threads", series.medianRatio("ours 2", "sharded 2"), atLeast: 5)
    verdict("checks of two threads next to one", series.medianRatio("ours 2", "ours 1"), atLeast: 1.7)
    let rate = falsePositives(filter.contains)
    let report = BenchmarkReport(
        command: "make bench-bloom",
        figures: [
            "checks_ratio_sharded_1t": series.medianRatio("ours 1", "sharded 1"),
            "checks_ratio_sharded_2t": series.medianRatio("ours 2", "sharded 2"),
            "checks_scaling_2t": series.medianRatio("ours 2", "ours 1"),
            "witness_scaling_2t": series.medianRatio("witness 2", "witness 1"),
            "false_positives_percent": rate * 100,
            "false_positives_percent_sharded": falsePositives(sharded.contains) * 100,
            "false_positives_ratio_theory": rate / sizing.falsePositives(afterKeys: keyCount),
        ]
    )
    try report.write(as: "bloom")
} catch {
    print("bench-bloom: \(error)")
    exit(1)
}

func fixed(_ value: Double, digits: Int) -> String {
    let scale = pow(10, Double(digits))
    return "\((value * scale).rounded() / scale)"
}

extension String {
    func padded(to width: Int, left: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - count))
        return left ? space + self : self + space
    }
}
