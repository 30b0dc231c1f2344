// SPDX-License-Identifier: Apache-2.0

#if MBTiles
import BenchmarkSupport
import Foundation
import LockFree
import TestSupport

extension DiskBenchmark {
    /// p99 of hits while other clients ask for cold tiles: without a disk tier, with one, and with one whose every call takes
    /// 200 ms longer, so that look-ups are late and write-behind is saturated: it has to be, or the run says nothing. Open
    /// loop, interleaved, medians.
    mutating func latency() throws {
        let slides = try madeSlides()
        let library = ServerProcess.productsFolder + "/libdelayed-disk.so"
        guard FileManager.default.fileExists(atPath: library) else { fatal("no \(library)") }
        let modes: [(name: String, options: [String], environment: [String: String])] = [
            ("none", ["--no-disk-cache"], [:]),
            ("disk", ["--cache-dir", folder.path("latency-disk")], [:]),
            (
                "stalled", ["--cache-dir", folder.path("latency-stalled"), "--disk-queue", "1MiB"],
                ["LD_PRELOAD": library, "ORIZURU_DISK_DELAY_MS": "200"]
            ),
        ]
        var series = Series()
        for round in 0..<(isQuick ? 2 : 7) {
            for mode in round % 2 == 0 ? modes : modes.reversed() {
                // Memory for a fraction of the tiles: the others are asked for again, from disk or by rendering.
                let server = try ServerProcess(
                    "orizuru",
                    ["serve", slides, "--listen", "127.0.0.1:0", "--memory", "8MiB"] + mode.options,
                    environment: mode.environment
                )
                let port = try server.waitUntilListening()
                let seconds = isQuick ? 3 : 6
                let cold = try OSThread(name: "cold") {
                    guard let client = try? HTTPClient(port: port) else { return }
                    // Twelve tiles a second of other families each, all of the slides' again and again.
                    for step in 0..<seconds * 12 {
                        let path = CopiedSlides.path(family: (step * 7 + round * 50) % 108)
                        guard (try? client.request(path)) != nil, (try? client.readAnswer()) != nil else { return }
                        usleep(83_000)
                    }
                }
                let times = try Self.hits(port, seconds: seconds)
                cold.join()
                series.add("p99 " + mode.name, times[times.count * 99 / 100])
                if mode.name == "stalled" {
                    let text = try HTTPClient.get(port: port, "/metrics").text
                    let dropped = Self.value(of: "orizuru_write_behind_total{tier=\"disk\",outcome=\"overflow\"}", text)
                    guard dropped > 0 else { fatal("write-behind was not saturated") }
                    series.add("dropped", dropped)
                    series.add("late", Self.value(of: "orizuru_tier_expired_total", text))
                }
                server.signal(SIGTERM)
                _ = server.waitForExit()
            }
        }
        let none = series.median("p99 none")
        for mode in ["none", "disk", "stalled"] { figures["hit_p99_ms_\(mode)"] = series.median("p99 " + mode) }
        figures["stalled_writes_dropped"] = series.median("dropped")
        figures["stalled_requests_sent_on"] = series.median("late")
        for mode in ["disk", "stalled"] {
            let bar = 2 * none + 1
            let figure = series.median("p99 " + mode)
            print("  p99 of hits, \(mode): \(figure <= bar ? "holds" : "MISSED"), \(figure) ms for \(bar) ms")
        }
    }

    /// Seconds from SIGTERM to the end of a server whose tiles are coming back to memory from a disk that stands still: each
    /// call takes 200 ms.
    mutating func ending() throws {
        let slides = try madeSlides()
        let library = ServerProcess.productsFolder + "/libdelayed-disk.so"
        let arguments = ["serve", slides, "--listen", "127.0.0.1:0", "--cache-dir", folder.path("ending-disk")]
        let first = try ServerProcess("orizuru", arguments)
        let port = try first.waitUntilListening()
        for family in 0..<36 {
            guard try HTTPClient.get(port: port, CopiedSlides.path(family: family)).status == 200 else {
                fatal("a tile was not served")
            }
        }
        first.signal(SIGTERM)
        _ = first.waitForExit()
        var series = Series()
        for _ in 0..<(isQuick ? 2 : 7) {
            let server = try ServerProcess(
                "orizuru",
                arguments,
                environment: ["LD_PRELOAD": library, "ORIZURU_DISK_DELAY_MS": "200"]
            )
            let port = try server.waitUntilListening()
            let isRestoring = try eventually(within: .seconds(20)) {
                Self.value(of: "orizuru_restore_tiles_left", try HTTPClient.get(port: port, "/metrics").text) > 0
            }
            guard isRestoring else { fatal("no tile came back") }
            let start = DispatchTime.now().uptimeNanoseconds
            server.signal(SIGTERM)
            guard server.waitForExit() == 0 else { fatal("it did not end in order") }
            series.add("ending", Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
        }
        figures["ending_while_restoring_seconds"] = series.median("ending")
    }

    /// The value of a series, as a scrape tells it; 0 where there is none.
    private static func value(of series: String, _ scrape: String) -> Double {
        let line = scrape.split(separator: "\n").first { $0.hasPrefix(series + " ") }
        return line.flatMap { Double($0.dropFirst(series.count + 1)) } ?? 0
    }

    /// Milliseconds of hits at 500 a second, ascending; each is timed from when it was due.
    private static func hits(_ port: UInt16, seconds: Int) throws -> [Double] {
        let client = try HTTPClient(port: port)
        defer { client.close() }
        let path = "/dzi/s0_files/9/0_0.jpg"
        for _ in 0..<20 {
            try client.request(path)
            _ = try client.readAnswer()
        }
        var times: [Double] = []
        let start = DispatchTime.now().uptimeNanoseconds
        for step in 0..<seconds * 500 {
            let due = start + UInt64(step) * 2_000_000
            let now = DispatchTime.now().uptimeNanoseconds
            if now < due { usleep(UInt32((due - now) / 1000)) }
            try client.request(path)
            guard try client.readAnswer().status == 200 else { fatal("a hit failed") }
            times.append(Double(DispatchTime.now().uptimeNanoseconds - due) / 1e6)
        }
        return times.sorted()
    }
}
#endif
