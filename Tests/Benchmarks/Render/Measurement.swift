// SPDX-License-Identifier: Apache-2.0

import CAllocationCount
import Foundation
import Glibc

/// The CPU time of the calling thread in microseconds: unlike wall-clock time, not disturbed by neighbours that take
/// the processor away.
func threadMicroseconds() -> Double {
    var time = timespec()
    // SAFETY: the kernel writes the one value.
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

/// What one piece of work costs.
func microseconds(_ work: () throws -> Void) rethrows -> Double {
    let start = threadMicroseconds()
    try work()
    return threadMicroseconds() - start
}

/// How often a piece of work asked for memory.
func allocations(_ work: () throws -> Void) rethrows -> Int {
    let start = orizuru_allocation_count()
    try work()
    return Int(orizuru_allocation_count() - start)
}

/// Named series of samples, and their medians.
struct Series {
    private var samples: [String: [Double]] = [:]

    mutating func add(_ name: String, _ value: Double) { samples[name, default: []].append(value) }

    func median(_ name: String) -> Double {
        let sorted = (samples[name] ?? []).sorted()
        return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }

    /// The median of the ratios of two series, sample by sample: both were taken in the same round.
    func medianRatio(_ numerator: String, _ denominator: String) -> Double {
        let ratios = zip(samples[numerator] ?? [], samples[denominator] ?? []).map { $0 / $1 }.sorted()
        return ratios.isEmpty ? .nan : ratios[ratios.count / 2]
    }
}

/// `.build/bench/NAME.json`: command, machine, commit, figures.
struct Report: Encodable {
    var command: String
    var machine: String
    var commit: String
    var figures: [String: Double]

    init(command: String, figures: [String: Double]) {
        self.command = command
        self.figures = figures
        let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = information.split(separator: "\n").first { $0.hasPrefix("model name") }
        let name = model?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
        machine = "\(name), \(ProcessInfo.processInfo.activeProcessorCount) processors"
        commit = Self.commitOfCheckout()
    }

    /// What git says, or "unknown" outside of a checkout.
    private static func commitOfCheckout() -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["git", "-C", packageRoot.path, "describe", "--always", "--dirty"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return "unknown" }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? "unknown" : text
    }

    func write(to url: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try encoder.encode(self).write(to: url)
    }
}

/// The folder of Package.swift.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
