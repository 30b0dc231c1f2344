// SPDX-License-Identifier: Apache-2.0

internal import LockFree

/// All metrics of the process, and their text for a scrape.
///
/// Registering takes a lock and happens at start or when a tileset is opened; the instruments it hands out are used
/// without it. Asking twice for the same name and labels returns the same instrument. Names and labels are our own
/// constants and ids of tilesets: a name that the format does not allow is a bug and traps.
/// Source: Prometheus text exposition format 0.0.4.
package final class MetricsRegistry: Sendable {
    /// Label names and values of one series; rendered once, at registration.
    package typealias Labels = KeyValuePairs<String, String>

    private let families = Lock<[MetricFamily]>([])

    package init() {}

    /// The counter `name` (ends in `_total`) with these labels.
    package func counter(_ name: String, help: String, labels: Labels = [:]) -> Counter {
        let made = Counter()
        let series = register(name, help, .counter, labels, .counter(made))
        guard case .counter(let counter) = series else { preconditionFailure("\(name) is read by a closure") }
        return counter
    }

    /// A counter that lives elsewhere: `read` is called at each scrape, from any thread. The first registration of a
    /// series stays.
    package func counter(
        _ name: String,
        help: String,
        labels: Labels = [:],
        read: @escaping @Sendable () -> Double
    ) {
        _ = register(name, help, .counter, labels, .closure(read))
    }

    /// Counters whose series come and go: `collect` gives those there are at a scrape, with rendered labels
    /// (`MetricsRegistry.rendered`). For what would be too many series to keep all of them at zero.
    package func counters(
        _ name: String,
        help: String,
        collect: @escaping @Sendable () -> [(labels: String, value: Int)]
    ) {
        _ = register(name, help, .counter, [:], .collection(collect))
    }

    /// Labels as a scrape writes them, without braces; for `counters`.
    package static func rendered(_ labels: Labels) -> String { MetricFamily.render(labels) }

    /// The gauge `name` with these labels.
    package func gauge(_ name: String, help: String, labels: Labels = [:]) -> Gauge {
        let made = Gauge()
        let series = register(name, help, .gauge, labels, .gauge(made))
        guard case .gauge(let gauge) = series else { preconditionFailure("\(name) is read by a closure") }
        return gauge
    }

    /// A gauge that is read at each scrape, from any thread. The first registration of a series stays.
    package func gauge(_ name: String, help: String, labels: Labels = [:], read: @escaping @Sendable () -> Double) {
        _ = register(name, help, .gauge, labels, .closure(read))
    }

    /// The histogram `name` (ends in `_seconds`) with these labels.
    package func histogram(
        _ name: String,
        help: String,
        labels: Labels = [:],
        bounds: [Duration] = Histogram.latencyBounds
    ) -> Histogram {
        let made = Histogram(bounds: bounds)
        let series = register(name, help, .histogram, labels, .histogram(made))
        guard case .histogram(let histogram) = series else { preconditionFailure("\(name) is no histogram") }
        return histogram
    }

    /// The text of all metrics, in the order of registration. Complexity: O(series).
    package func render() -> [UInt8] {
        // Closures run outside the lock: one that registers or takes another lock cannot deadlock here.
        let families = families.withLock { $0 }
        var text = ""
        for family in families { family.render(into: &text) }
        return Array(text.utf8)
    }

    private func register(
        _ name: String,
        _ help: String,
        _ kind: MetricFamily.Kind,
        _ labels: Labels,
        _ value: MetricFamily.Value
    ) -> MetricFamily.Value {
        precondition(MetricFamily.isName(name), "metric name '\(name)'")
        precondition(labels.allSatisfy { MetricFamily.isName($0.key) && $0.key != "le" }, "labels of '\(name)'")
        let rendered = MetricFamily.render(labels)
        return families.withLock { families in
            guard let index = families.firstIndex(where: { $0.name == name }) else {
                families.append(MetricFamily(name: name, help: help, kind: kind, series: [(rendered, value)]))
                return value
            }
            precondition(families[index].kind == kind, "'\(name)' is registered as \(families[index].kind)")
            if let known = families[index].series.first(where: { $0.labels == rendered }) { return known.value }
            families[index].series.append((rendered, value))
            return value
        }
    }
}

/// The series of one metric name.
struct MetricFamily: Sendable {
    enum Kind: String, Sendable { case counter, gauge, histogram }

    enum Value: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        case closure(@Sendable () -> Double)
        case collection(@Sendable () -> [(labels: String, value: Int)])
    }

    let name: String
    let help: String
    let kind: Kind
    /// Labels as `a="b",c="d"`, without braces.
    var series: [(labels: String, value: Value)]

    func render(into text: inout String) {
        text += "# HELP \(name) \(Self.escape(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
        for (labels, value) in series {
            let braced = labels.isEmpty ? "" : "{\(labels)}"
            switch value {
            case .counter(let counter): text += "\(name)\(braced) \(counter.value)\n"
            case .gauge(let gauge): text += "\(name)\(braced) \(gauge.value)\n"
            case .closure(let read): text += "\(name)\(braced) \(Self.number(read()))\n"
            case .collection(let collect):
                for (labels, value) in collect() { text += "\(name){\(labels)} \(value)\n" }
            case .histogram(let histogram): render(histogram, labels, into: &text)
            }
        }
    }

    private func render(_ histogram: Histogram, _ labels: String, into text: inout String) {
        let (counts, sum) = histogram.snapshot
        let prefix = labels.isEmpty ? "" : "\(labels),"
        var total = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound =
                index < histogram.bounds.count ? Self.number(Double(histogram.bounds[index]) / 1_000_000_000) : "+Inf"
            text += "\(name)_bucket{\(prefix)le=\"\(bound)\"} \(total)\n"
        }
        let braced = labels.isEmpty ? "" : "{\(labels)}"
        text += "\(name)_sum\(braced) \(Self.number(Double(sum) / 1_000_000_000))\n\(name)_count\(braced) \(total)\n"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int(exactly: value) { return String(whole) }
        return String(value)
    }

    static func render(_ labels: MetricsRegistry.Labels) -> String {
        labels.map { "\($0.key)=\"\(escape($0.value, quotes: true))\"" }.joined(separator: ",")
    }

    /// Backslash and newline are escaped everywhere, quotes in label values.
    private static func escape(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
                true
            default: false
            }
        }
    }
}
