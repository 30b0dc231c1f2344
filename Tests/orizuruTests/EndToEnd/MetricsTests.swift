// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite("Metrics")
struct MetricsTests {
    @Test("docs/metrics.md names each metric of a server with all its tiers, with its type and labels, and no other")
    func documented() throws {
        let folder = try TemporaryDirectory()
        var options = ["--cache-dir", folder.path("cache"), "--log-access", folder.path("access.log")]
        #if Redis
        // Nobody needs to listen there.
        options += ["--redis", "unix:\(folder.path("redis.socket"))"]
        #endif
        let server = try RunningServer([sampleFolder], options)
        _ = try server.get("/dzi/tissue_files/12/1_1.jpg")
        let told = Self.metrics(try server.get("/metrics").text)
        let text = try String(contentsOf: SharedData.packageRoot.appending(path: "docs/metrics.md"), encoding: .utf8)
        let documented = Self.documentedMetrics(text)
        #expect(told.count > 40 && documented.count > 40, "both are read at all")
        for (name, metric) in told { #expect(documented[name] == metric, "\(name)") }
        #if Redis
        #expect(Set(documented.keys).subtracting(told.keys) == [])
        #endif
    }

    private struct Metric: Hashable {
        var type: String
        var labels: Set<String>
    }

    /// The metrics of an exposition, by name; what a histogram adds to its name and labels left out.
    private static func metrics(_ text: String) -> [String: Metric] {
        var metrics: [String: Metric] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.starts(with: ["#", "TYPE"]) {
                metrics[String(words[2])] = Metric(type: String(words[3]), labels: [])
            }
            guard !line.hasPrefix("#"), let name = line.prefixMatch(of: /[a-z_]+/)?.output else { continue }
            let owners = ["", "_bucket", "_sum", "_count"].filter(name.hasSuffix).map {
                String(name.dropLast($0.count))
            }
            guard let owner = owners.first(where: { metrics[$0] != nil }) else { continue }
            let labels = line.matches(of: /([a-z_]+)="/).map { String($0.output.1) }
            metrics[owner]?.labels.formUnion(labels.filter { $0 != "le" })
        }
        return metrics
    }

    /// The rows of the tables: name, type and the names of the labels.
    private static func documentedMetrics(_ text: String) -> [String: Metric] {
        var metrics: [String: Metric] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| `orizuru_") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            let labels = cells[2].matches(of: /`([a-z_]+)`/).map { String($0.output.1) }
            metrics[cells[0].replacing("`", with: "")] = Metric(type: cells[1], labels: Set(labels))
        }
        return metrics
    }
}
