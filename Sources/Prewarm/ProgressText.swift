// SPDX-License-Identifier: Apache-2.0

package import JSONText

/// Writes progress for people and for machines. Pure.
package enum ProgressText {
    /// `[=====>     ]  45 %  1234/2742  310/s  eta 0:04  hit 100  miss 1134`, at most `width` columns.
    package static func bar(_ snapshot: ProgressModel.Snapshot, width: Int) -> String {
        let fraction = snapshot.total == 0 ? 1 : Double(snapshot.done) / Double(snapshot.total)
        var text = "\(padded(Int(fraction * 100), to: 3)) %  \(snapshot.done)/\(snapshot.total)"
        if let rate = snapshot.rate { text += "  \(short(rate))/s" }
        if let remaining = snapshot.remaining, snapshot.done < snapshot.total { text += "  eta \(clock(remaining))" }
        text += "  hit \(snapshot.hits)  miss \(snapshot.misses)"
        if snapshot.absent > 0 { text += "  absent \(snapshot.absent)" }
        if snapshot.retries > 0 { text += "  retries \(snapshot.retries)" }
        if snapshot.failed > 0 { text += "  failed \(snapshot.failed)" }
        let room = min(width - text.utf8.count - 3, 30)
        guard room >= 8 else { return String(text.prefix(max(width, 0))) }
        let filled = min(max(Int(fraction * Double(room)), 0), room)
        let head =
            filled > 0 && filled < room
            ? String(repeating: "=", count: filled - 1) + ">" : String(repeating: "=", count: filled)
        return "[\(head)\(String(repeating: " ", count: room - filled))] \(text)"
    }

    /// One JSON object in one line.
    ///
    /// - Parameter event: `progress` or `summary`.
    package static func json(
        _ snapshot: ProgressModel.Snapshot,
        event: String,
        more: [(name: String, value: JSONOutput)] = []
    ) -> String {
        let members: [(String, JSONOutput)] = [
            ("event", .string(event)), ("elapsed_seconds", seconds(snapshot.elapsed)),
            ("total", .integer(snapshot.total)), ("families", .integer(snapshot.families)),
            ("done", .integer(snapshot.done)), ("earlier", .integer(snapshot.earlier)),
            ("warmed", .integer(snapshot.warmed)),
            ("hits", .integer(snapshot.hits)), ("misses", .integer(snapshot.misses)),
            ("absent", .integer(snapshot.absent)), ("failed", .integer(snapshot.failed)),
            ("retries", .integer(snapshot.retries)), ("bytes", .integer(snapshot.bytes)),
            ("per_second", snapshot.rate.map(rounded) ?? .null),
            ("remaining_seconds", snapshot.remaining.map(seconds) ?? .null),
        ]
        return JSONOutput.object(members + more.map { ($0.name, $0.value) }).text
    }

    /// `0:04`, `12:30`, `3:07:00`.
    package static func clock(_ duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        let rest = padded(Int(seconds % 60), to: 2, with: "0")
        let minutes = Int(seconds / 60 % 60)
        let hours = seconds / 3600
        return hours > 0 ? "\(hours):\(padded(minutes, to: 2, with: "0")):\(rest)" : "\(minutes):\(rest)"
    }

    /// Three digits that matter: `0.52`, `31.4`, `310`, `12400`.
    package static func short(_ value: Double) -> String {
        guard value.isFinite, value >= 0, value < 1e15 else { return "?" }
        if value >= 100 { return "\(Int(value.rounded()))" }
        if value >= 10 { return tenths(value) }
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100).\(padded(hundredths % 100, to: 2, with: "0"))"
    }

    /// `1.2 GiB`, `15 KiB`.
    package static func bytes(_ count: Int) -> String {
        var value = Double(count)
        var unit = "B"
        for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
            value /= 1024
            unit = next
        }
        return unit == "B" ? "\(count) B" : "\(short(value)) \(unit)"
    }

    private static func seconds(_ duration: Duration) -> JSONOutput { rounded(duration / .seconds(1)) }

    /// To tenths; null where that is no number.
    private static func rounded(_ value: Double) -> JSONOutput {
        abs(value) < 1e15 ? JSONOutput((value * 10).rounded() / 10) : .null
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func padded(_ value: Int, to width: Int, with filler: String = " ") -> String {
        let text = "\(value)"
        return String(repeating: filler, count: max(0, width - text.utf8.count)) + text
    }
}
