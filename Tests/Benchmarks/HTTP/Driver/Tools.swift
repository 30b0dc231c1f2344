// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport

/// Whether a program is installed, by the folders where Debian puts them.
func path(of program: String) -> String? {
    ["/usr/bin/", "/usr/sbin/", "/usr/local/bin/"].map { $0 + program }.first { unsafe access($0, X_OK) == 0 }
}

/// What a program that ends by itself wrote to standard output and standard error.
func run(_ program: String, _ arguments: [String], timeout: Double = 120) throws -> String {
    let process = try ServerProcess(program, arguments)
    _ = process.waitForExit(timeout: timeout)
    return process.output + process.errors
}

func contents(of path: String) -> [UInt8] {
    guard let file = unsafe fopen(path, "r") else { return [] }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = unsafe fread(&chunk, 1, chunk.count, file)
        guard count > 0 else { return bytes }
        bytes += chunk[..<count]
    }
}

func write(_ bytes: some Collection<UInt8>, to path: String) {
    guard let file = unsafe fopen(path, "w") else { return }
    let array = Array(bytes)
    unsafe fwrite(array, 1, array.count, file)
    unsafe fclose(file)
}

/// Processor time of a process and its children so far, all threads, in microseconds.
func processorMicroseconds(_ identifier: pid_t) -> Double {
    var total = 0.0
    for member in [identifier] + children(of: identifier) {
        for thread in threads(of: member) {
            // Nanoseconds on a processor; then on the run queue, and how often.
            let text = String(decoding: contents(of: "/proc/\(member)/task/\(thread)/schedstat"), as: UTF8.self)
            total += (text.split(separator: " ").first.flatMap { Double($0) } ?? 0) / 1000
        }
    }
    return total
}

/// Resident memory of a process and its children, in MiB.
func residentMebibytes(_ identifier: pid_t) -> Double {
    ([identifier] + children(of: identifier)).reduce(0) { sum, member in
        let text = String(decoding: contents(of: "/proc/\(member)/status"), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return sum + (Double(line.split(separator: " ").dropFirst().first ?? "") ?? 0) / 1024
    }
}

func threads(of identifier: pid_t) -> [String] {
    guard let folder = unsafe opendir("/proc/\(identifier)/task") else { return [] }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { place in
            unsafe place.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if Int(name) != nil { names.append(name) }
    }
    return names
}

func children(of identifier: pid_t) -> [pid_t] {
    String(decoding: contents(of: "/proc/\(identifier)/task/\(identifier)/children"), as: UTF8.self)
        .split(separator: " ").compactMap { pid_t($0) }
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// A number with a fixed number of digits after the point.
func fixed(_ value: Double, _ digits: Int = 2) -> String {
    guard value.isFinite else { return "-" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((value * scale).rounded())
    let text = String(abs(scaled))
    let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
    let sign = scaled < 0 ? "-" : ""
    return digits == 0 ? sign + padded : sign + padded.dropLast(digits) + "." + padded.suffix(digits)
}

/// `text` at the end (numbers) or the start (names) of a column.
func column(_ text: String, _ width: Int, left: Bool = false) -> String {
    let padding = String(repeating: " ", count: max(0, width - text.count))
    return left ? text + padding : padding + text
}

/// A line of the report, at once also where the output is a pipe.
func say(_ text: String) {
    print(text)
    fflush(nil)
}
