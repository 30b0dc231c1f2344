// SPDX-License-Identifier: Apache-2.0

import BenchmarkSupport
import Foundation
import LockFree
import TestSupport
import TileCache
import TileModel

/// All workloads, one after the other; of each, all subjects in turns.
struct Benchmark {
    private let options: Options
    private let library: DashMapLibrary?
    private var figures: [String: Double] = [:]

    private static let ours = "ours, borrowed"
    private static let oursCounted = "ours, counted"
    private static let peer = "DashMap + ahash, borrowed"
    private static let peerCounted = "DashMap + ahash, counted"

    init(options: Options) {
        self.options = options
        library = DashMapLibrary(path: options.library)
        // The heap keeps what it has: otherwise the peers' stores cost mostly page faults.
        keepHeap()
        if library == nil {
            print(
                "SKIPPED: DashMap, because \(options.library) is not there (Tests/Benchmarks/Cache/dashmap/build makes it)"
            )
        }
    }

    mutating func run() throws {
        let seed = Seed(20)
        for (entries, bytes) in [(100_000, 15_000), (1_000_000, 1000)] {
            for distribution in [Workload.Distribution.zipf, .uniform] {
                let title = "\(entries / 1000)k \(distribution.rawValue)"
                let wanted = [Operation.get, .set, .mixed].filter { isWanted("\(title) \($0.rawValue)") }
                guard !wanted.isEmpty else { continue }
                let workload = Workload(entries: entries, payloadBytes: bytes, distribution: distribution, seed: seed)
                if wanted.contains(.get) || wanted.contains(.set) {
                    try getAndSet(workload, title, wanted)
                }
                if wanted.contains(.mixed) { try mixed(workload, title) }
            }
        }
        try BenchmarkReport(command: "bench-cache", figures: figures).write(as: "cache")
    }

    private func isWanted(_ title: String) -> Bool { options.only.map { title.contains($0) } ?? true }

    /// Everything fits: a look-up always hits, and a store always replaces.
    private mutating func getAndSet(_ workload: Workload, _ title: String, _ wanted: [Operation]) throws {
        let bytes = workload.entries * workload.payloadBytes
        let cache = try makeCache(workload, budget: bytes * 9 / 8 + (32 << 20))
        defer { cache.stop() }
        var subjects: [any Subject] = [TileCacheSubject(Self.ours, cache: cache, access: .borrowed)]
        if let library { subjects.append(DashMapSubject(library, counted: false, capacity: workload.entries)) }
        subjects.append(LeastRecentlyUsedSubject(capacity: workload.entries, byteLimit: .max))
        subjects.append(ReadWriteLockSubject(capacity: workload.entries))
        subjects.append(ShardedSubject(capacity: workload.entries))
        var onlyGet: [any Subject] = [
            TileCacheSubject(Self.oursCounted, cache: cache, access: .counted),
            TileCacheSubject("ours, on-line for each", cache: cache, access: .borrowedAlone),
            TileCacheSubject("ours, 32 at once", cache: cache, access: .batched),
        ]
        if let library { onlyGet.append(DashMapSubject(library, counted: true, capacity: workload.entries)) }
        subjects = chosen(subjects)
        onlyGet = wanted.contains(.get) ? chosen(onlyGet) : []
        try fill(subjects + onlyGet.filter { !($0 is TileCacheSubject) }, workload)
        reportOverhead(cache, workload)
        // A hit is counted up to the policy's limit; what is measured is a cache that has run for a while.
        if wanted.contains(.get) {
            for subject in subjects { try warmUp(subject, workload) }
            try table(subjects + onlyGet, .get, workload, title)
        }
        if wanted.contains(.set) { try table(subjects, .set, workload, title) }
    }

    /// Six tenths of the entries fit: nearly every store of a key that is not there makes something leave. DashMap, the
    /// readers-writer lock and the shards evict nothing, and so do less.
    private mutating func mixed(_ workload: Workload, _ title: String) throws {
        let budget = workload.entries * workload.payloadBytes * 6 / 10
        let cache = try makeCache(workload, budget: budget)
        defer { cache.stop() }
        var subjects: [any Subject] = [TileCacheSubject(Self.ours, cache: cache, access: .borrowed)]
        if let library { subjects.append(DashMapSubject(library, counted: false, capacity: workload.entries)) }
        subjects.append(LeastRecentlyUsedSubject(capacity: workload.entries, byteLimit: budget))
        subjects.append(ReadWriteLockSubject(capacity: workload.entries))
        subjects.append(ShardedSubject(capacity: workload.entries))
        subjects = chosen(subjects)
        try fill(subjects, workload)
        for subject in subjects { try warmUp(subject, workload) }
        let before = cache.statistics
        try table(subjects, .mixed, workload, title)
        let after = cache.statistics
        func change(_ count: (CacheStatistics) -> Int) -> Double { Double(count(after) - count(before)) }
        let stores = change { $0.inserted + ($0.departed[.replaced] ?? 0) }
        let refused = change { $0.refused.values.reduce(0, +) }
        let lookUps = change { $0.hits + $0.misses }
        print(
            "  of our stores \(percent(change { $0.departed[.pressure] ?? 0 } / stores)) evicted another tile,",
            "\(percent(refused / (stores + refused))) were refused;",
            "\(percent(change(\.waits) / stores)) waited;",
            "\(percent(change(\.hits) / lookUps)) of our look-ups hit"
        )
    }

    private func chosen(_ subjects: [any Subject]) -> [any Subject] {
        subjects.filter { options.subject.map($0.name.contains) ?? true }
    }

    private func makeCache(_ workload: Workload, budget: Int) throws -> TileCache {
        var configuration = TileCacheConfiguration(byteBudget: budget)
        configuration.expectedEntryBytes = workload.payloadBytes
        // The payloads of this benchmark differ in their first byte only.
        configuration.sharesEqualBodies = false
        let cache = try TileCache(configuration: configuration)
        try cache.startKeeper()
        return cache
    }

    /// Stores all entries, by as many threads as measure at most: the heap gives each its own part, and what it has given
    /// to one thread it does not give to another.
    private func fill(_ subjects: [any Subject], _ workload: Workload) throws {
        let keys = (0..<workload.entries).map { Workload.key($0) }
        let count = options.threadCounts.max() ?? 1
        for subject in subjects {
            let threads = try (0..<count).map { number in
                try OSThread(name: "fill") {
                    let payload = UnsafeMutableRawBufferPointer.allocate(
                        byteCount: workload.payloadBytes,
                        alignment: 64
                    )
                    unsafe payload.initializeMemory(as: UInt8.self, repeating: 0x5A)
                    defer { unsafe payload.deallocate() }
                    let runner = subject.makeRunner()
                    unsafe keys.withUnsafeBufferPointer { keys in
                        let share = keys.count * number / count..<keys.count * (number + 1) / count
                        unsafe runner.set(UnsafeBufferPointer(rebasing: keys[share]), payload)
                    }
                }
            }
            threads.forEach { $0.join() }
        }
    }

    /// A pass over all requests, and in it the check that a subject reads what was stored, from wherever it hits.
    private func warmUp(_ subject: any Subject, _ workload: Workload) throws {
        let runner = subject.makeRunner()
        unsafe workload.requests.withUnsafeBufferPointer { requests in
            // Ours counts a use with a compare-and-swap up to the policy's limit of 15.
            for _ in 0..<(subject is TileCacheSubject ? 16 : 1) { _ = unsafe runner.get(requests) }
            var expected: UInt64 = 0
            var sum: UInt64 = 0
            for index in 0..<1000 {
                let one = unsafe UnsafeBufferPointer(rebasing: requests[index..<index + 1])
                let found = unsafe runner.get(one)
                sum &+= found
                // Zero: not there, or a payload that begins with 0.
                if found != 0 { expected &+= unsafe UInt64(Workload.firstByte(requests[index])) }
            }
            precondition(sum == expected && sum > 0, "\(subject.name) reads other bytes than were stored")
        }
    }

    private mutating func table(
        _ subjects: [any Subject],
        _ operation: Operation,
        _ workload: Workload,
        _ title: String
    ) throws {
        // So that heaps have grown to what they need.
        if operation != .get {
            for subject in subjects {
                _ = try measure(subject, operation, workload, threads: 8, seconds: options.seconds, round: -1)
            }
        }
        var columns = options.threadCounts.map { _ in Series() }
        for round in 0..<options.rounds {
            for (column, threads) in options.threadCounts.enumerated() {
                // Nobody always comes after the same neighbour.
                for offset in subjects.indices {
                    let subject = subjects[(offset + round) % subjects.count]
                    let sample = try measure(
                        subject,
                        operation,
                        workload,
                        threads: threads,
                        seconds: options.seconds,
                        round: round
                    )
                    columns[column].add(subject.name, sample)
                }
            }
        }
        print("\n\(operation.rawValue): \(workload.name)   (M/s, ns of CPU per operation, times DashMap)")
        print("".padded(30), options.threadCounts.map { "\($0) thread\($0 == 1 ? "" : "s")".padded(24) }.joined())
        for subject in subjects {
            let cells = columns.map { series in
                let isCounted = subject.name.hasSuffix("counted")
                let ratio = series.ratio(subject.name, to: isCounted ? Self.peerCounted : Self.peer)
                let ratioText = ratio.map { String(format: "%6.2fx", $0) } ?? ""
                return String(format: "%7.2f %7.0f ", series.rate(subject.name), series.cost(subject.name)) + ratioText
            }
            print(subject.name.padded(30), cells.map { $0.padded(24) }.joined())
        }
        // Fewer than the threads or the machine have: somebody else was at work, and wall-clock figures of several threads are
        // too low.
        let busy = columns.map { String(format: "%.2f", $0.processors) }.joined(separator: ", ")
        print("  processors that the threads had, on average: \(busy)")
        for (threads, series) in zip(options.threadCounts, columns) { note(series, operation, title, threads) }
        if operation == .get, options.threadCounts.starts(with: [1, 2]) {
            note(scaling: columns[1].ratio(Self.ours, to: Self.ours, of: columns[0]), title)
        }
    }

    /// The figures of the 100k Zipf workload have the plain names; those of the others say which.
    private mutating func note(_ series: Series, _ operation: Operation, _ title: String, _ threads: Int) {
        let place = title == "100k zipf" ? "" : "_" + title.replacing(" ", with: "_")
        func note(_ name: String, _ value: Double?) {
            if let value { figures["\(operation.rawValue)_\(name)\(place)_\(threads)t"] = value }
        }
        note("ratio_dashmap", series.ratio(Self.ours, to: Self.peer))
        note("ratio_lru", series.ratio(Self.ours, to: "mutex + LRU"))
        note("counted_ratio_dashmap", series.ratio(Self.oursCounted, to: Self.peerCounted))
        note("batch_ratio_single", series.ratio("ours, 32 at once", to: Self.ours))
    }

    private mutating func note(scaling: Double?, _ title: String) {
        guard let scaling else { return }
        figures["get_scaling_2t" + (title == "100k zipf" ? "" : "_" + title.replacing(" ", with: "_"))] = scaling
    }

    /// What an entry takes beyond its key and payload: block header, table, ghosts, chunk headers. Apart from that the
    /// rounding to block sizes and pages, which is the rest of what is charged and not free.
    private mutating func reportOverhead(_ cache: TileCache, _ workload: Workload) {
        let statistics = cache.statistics
        let entries = Double(statistics.entries)
        let key = MemoryLayout<TileKey>.size
        let own = Double(statistics.tableBytes + statistics.chunkHeaderBytes) / entries
        let overhead = own + Double(TileCache.blockHeaderBytes - key)
        let all = Double(statistics.reservedBytes - statistics.freeBytes) / entries
        let rounding = all - overhead - Double(workload.payloadBytes + key)
        print("\noverhead: \(workload.name), table \(percent(entries / Double(statistics.tableSlots))) full")
        let line = "  %.1f bytes per entry beyond key and payload, %.1f of rounding apart"
        print(String(format: line, overhead, rounding))
        if workload.distribution == .zipf, workload.entries == 100_000 {
            figures["overhead_bytes_per_entry"] = overhead
            figures["rounding_bytes_per_entry"] = rounding
        }
    }

    private func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }
}

extension String {
    fileprivate func padded(_ width: Int) -> String { padding(toLength: width, withPad: " ", startingAt: 0) }
}
