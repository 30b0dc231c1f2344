// SPDX-License-Identifier: Apache-2.0

#if MBTiles
import BenchmarkSupport
import Foundation
import LockFree
import TestSupport

extension DiskBenchmark {
    /// p99 of hits while other clients ask for cold tiles: without a disk tier, with one, and with one whose every call takes
    /// 200 ms longer, so that write-behind is saturated and every look-up is late. Open loop, interleaved, medians.
    mutating func latency() throws {
        let sample = SharedData.packageRoot.appending(path: "tiles-sample").path
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
                    ["serve", sample, "--listen", "127.0.0.1:0", "--memory", "8MiB"] + mode.options,
                    environment: mode.environment
                )
                let port = try server.waitUntilListening()
                let steps = isQuick ? 60 : 120
                let cold = try OSThread(name: "cold") {
                    guard let client = try? HTTPClient(port: port) else { return }
                    // 20 tiles a second, the whole of the finest levels again and again.
                    for step in 0..<steps {
                        let column = step * 5 % 11
                        let row = step * 7 % 8
                        guard (try? client.request("/dzi/tissue_files/12/\(column)_\(row).jpg")) != nil,
                            (try? client.readAnswer()) != nil
                        else { return }
                        usleep(50_000)
                    }
                }
                let times = try Self.hits(port, seconds: isQuick ? 2 : 5)
                cold.join()
                series.add("p99 " + mode.name, times[times.count * 99 / 100])
                if mode.name == "stalled" {
                    let text = try HTTPClient.get(port: port, "/metrics").text
                    guard text.contains("orizuru_write_behind_total") else { fatal("nothing was written behind") }
                }
                server.signal(SIGTERM)
                _ = server.waitForExit()
            }
        }
        let none = series.median("p99 none")
        for mode in ["none", "disk", "stalled"] { figures["hit_p99_ms_\(mode)"] = series.median("p99 " + mode) }
        for mode in ["disk", "stalled"] {
            let bar = 2 * none + 1
            let figure = series.median("p99 " + mode)
            print("  p99 of hits, \(mode): \(figure <= bar ? "holds" : "MISSED"), \(figure) ms for \(bar) ms")
        }
    }

    /// Milliseconds of hits at 500 a second, ascending; each is timed from when it was due.
    private static func hits(_ port: UInt16, seconds: Int) throws -> [Double] {
        let client = try HTTPClient(port: port)
        defer { client.close() }
        let path = "/dzi/tissue_files/9/0_0.jpg"
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
