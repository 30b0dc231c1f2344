// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import Synchronization
import TestSupport
import TileModel

enum Operation: String {
    case get
    case set
    /// 80 % look-ups, 20 % stores.
    case mixed
}

/// One subject, one operation, some threads, a fraction of a second.
struct Sample {
    /// Millions of operations a second by the wall clock.
    let rate: Double
    /// Nanoseconds of processor time per operation, the keeper's included.
    let cost: Double
}

/// Makes sums visible to somebody, so that no read may be left out.
let sink = Atomic<UInt64>(0)

private let batch = 320

/// Operations that each thread has done so far, each number on lines of its own.
///
/// @unchecked Sendable: atomics in memory that lives as long as the object.
@safe
private final class Progress: @unchecked Sendable {
    private let cells: UnsafeMutablePointer<Atomic<Int>>
    private let threads: Int

    private static let stride = 16

    init(threads: Int) {
        self.threads = threads
        // SAFETY: owned until `deinit`, every cell initialised.
        unsafe cells = .allocate(capacity: threads * Self.stride)
        for index in 0..<threads * Self.stride { unsafe (cells + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe cells.deallocate() }

    func note(_ count: Int, of thread: Int) { unsafe cells[thread * Self.stride].store(count, ordering: .relaxed) }

    var total: Int { (0..<threads).reduce(0) { unsafe $0 + cells[$1 * Self.stride].load(ordering: .relaxed) } }
}

/// Runs all threads, lets them get under way for a third of the time, and counts from then on: what was measured before has
/// left the processor's caches to other subjects.
func measure(
    _ subject: any Subject,
    _ operation: Operation,
    _ workload: Workload,
    threads: Int,
    seconds: Double,
    round: Int
) throws -> Sample {
    let ready = Barrier(count: threads + 1)
    let ends = Atomic<Bool>(false)
    let progress = Progress(threads: threads)
    let running = try (0..<threads).map { number in
        try OSThread(name: "bench") {
            let runner = subject.makeRunner()
            let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: workload.payloadBytes, alignment: 64)
            unsafe payload.initializeMemory(as: UInt8.self, repeating: 0x5A)
            defer { unsafe payload.deallocate() }
            unsafe workload.requests.withUnsafeBufferPointer { requests in
                // Every thread and round begins elsewhere.
                var position = (number * 1_000_003 + (round + 1) * 7_919_003) % (requests.count - batch)
                var count = 0
                var sum: UInt64 = 0
                ready.wait()
                while !ends.load(ordering: .relaxed) {
                    let keys = unsafe UnsafeBufferPointer(rebasing: requests[position..<position + batch])
                    switch operation {
                    case .get: sum &+= unsafe runner.get(keys)
                    case .set: unsafe runner.set(keys, payload)
                    case .mixed: sum &+= unsafe runner.mixed(keys, payload)
                    }
                    count += batch
                    progress.note(count, of: number)
                    position += batch
                    if position + batch > requests.count { position = 0 }
                }
                sink.wrappingAdd(sum, ordering: .relaxed)
            }
        }
    }
    ready.wait()
    usleep(UInt32(seconds / 3 * 1e6))
    let (before, wall, cpu) = (progress.total, clock(CLOCK_MONOTONIC), clock(CLOCK_PROCESS_CPUTIME_ID))
    usleep(UInt32(seconds * 1e6))
    let operations = Double(progress.total - before)
    let sample = Sample(
        rate: operations / (clock(CLOCK_MONOTONIC) - wall) / 1e6,
        cost: (clock(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e9 / operations
    )
    ends.store(true, ordering: .relaxed)
    running.forEach { $0.join() }
    return sample
}

private func clock(_ identifier: clockid_t) -> Double {
    var time = timespec()
    unsafe clock_gettime(identifier, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Named series of samples, taken in turns.
struct Series {
    private(set) var names: [String] = []
    private var samples: [String: [Sample]] = [:]

    mutating func add(_ name: String, _ sample: Sample) {
        if samples[name] == nil { names.append(name) }
        samples[name, default: []].append(sample)
    }

    func rate(_ name: String) -> Double { Self.median((samples[name] ?? []).map(\.rate)) }
    /// How many processors were at work for the process on average.
    var processors: Double {
        let all = samples.values.joined().map { $0.rate * $0.cost / 1000 }
        return all.reduce(0, +) / Double(max(all.count, 1))
    }

    func cost(_ name: String) -> Double { Self.median((samples[name] ?? []).map(\.cost)) }

    /// The median of the ratios of the rates of two series, round by round.
    func ratio(_ ours: String, to other: String) -> Double? { ratio(ours, to: other, of: self) }

    /// The same, where the other series was taken in the same rounds.
    func ratio(_ ours: String, to other: String, of series: Series) -> Double? {
        guard let ours = samples[ours], let other = series.samples[other] else { return nil }
        return Self.median(zip(ours, other).map { $0.rate / $1.rate })
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }
}
