// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// `.build/bench/NAME.json`: command, machine, commit, figures.
package struct BenchmarkReport: Encodable {
    private let command: String
    private let machine: String
    private let commit: String
    private let figures: [String: Double]

    /// What a run of `command` measured, on this machine and commit.
    package init(command: String, figures: [String: Double]) {
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
        process.arguments = ["git", "-C", SharedData.packageRoot.path, "describe", "--always", "--dirty"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return "unknown" }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? "unknown" : text
    }

    /// Writes `.build/bench/NAME.json`, prints the figures, and says where they are.
    package func write(as name: String) throws {
        for (figure, value) in figures.sorted(by: { $0.key < $1.key }) {
            print("  \(figure) = \(String(format: "%.3f", value))")
        }
        let url = SharedData.packageRoot.appending(path: ".build/bench/\(name).json")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try encoder.encode(self).write(to: url)
        print("wrote \(url.path)")
    }
}
