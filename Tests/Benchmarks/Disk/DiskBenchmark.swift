// SPDX-License-Identifier: Apache-2.0

#if MBTiles
import BenchmarkSupport
import DiskFaults
import DiskTier
import Foundation
import TestSupport
import TileModel

/// One run, and what it measured so far.
struct DiskBenchmark {
    let isQuick: Bool
    let folder: TemporaryDirectory
    var figures: [String: Double] = [:]
    private var slides: String?

    init(isQuick: Bool) throws {
        self.isQuick = isQuick
        folder = try TemporaryDirectory()
    }

    /// The folder of twelve slides, 108 families, made at its first use.
    mutating func madeSlides() throws -> String {
        if let slides { return slides }
        let made = try CopiedSlides.make(12, in: folder)
        slides = made
        return made
    }

    /// Nanoseconds of processor time of all threads of this process: what writes behind or checkpoints counts, too.
    private static func processorTime() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// Tiles of 5 to 25 kB, 15 kB in the mean.
    private static func realisticWrite(_ number: Int, _ noise: [UInt8]) -> (TierWrite, [TierKey]) {
        let (family, keys) = TrueTiles.family(number, of: TrueTiles.edition(1))
        var write = TierWrite(family: family)
        for key in keys {
            let count = 5000 + Int(key.mixed % 20_000)
            let start = Int(key.mixed >> 40) % (noise.count - count)
            _ = write.append(key, cost: 1000, bytes: noise[start..<start + count])
        }
        return (write, keys)
    }

    mutating func engines() throws {
        let rounds = isQuick ? 3 : 9
        let familiesPerRound = isQuick ? 60 : 150
        let getsPerRound = isQuick ? 5000 : 20_000
        var generator = Seed(1).generator()
        let noise = (0..<1_000_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let log = try LogEngine(folder.path("log"))
        let sqlite = SQLiteEngine(folder.path("tiles.sqlite"))
        let engines: [(String, any Engine)] = [("log", log), ("sqlite", sqlite)]
        var series = Series()
        var all: [(TierKey, TierFamilyKey)] = []
        var number = 0
        // The first round warms up, and is not counted.
        for round in 0...rounds {
            let writes = (0..<familiesPerRound).map { index in Self.realisticWrite(number + index, noise) }
            number += familiesPerRound
            for (name, engine) in round % 2 == 0 ? engines : engines.reversed() {
                let start = Self.processorTime()
                for (write, _) in writes { engine.insert(write) }
                let time = Double(Self.processorTime() - start) / Double(familiesPerRound) / 1000
                if round > 0 { series.add("insert " + name, time) }
            }
            for (write, keys) in writes { all += keys.map { ($0, write.family) } }
        }
        for round in 0...rounds {
            let asked = (0..<getsPerRound).map { _ in all[Int.random(in: 0..<all.count, using: &generator)] }
            for (name, engine) in round % 2 == 0 ? engines : engines.reversed() {
                let start = Self.processorTime()
                var bytes = 0
                for (key, family) in asked { bytes += engine.get(key, of: family) }
                let time = Double(Self.processorTime() - start) / Double(getsPerRound) / 1000
                if bytes < getsPerRound * 10_000 { fatal("\(name) found \(bytes) bytes") }
                if round > 0 { series.add("get " + name, time) }
            }
        }
        for operation in ["insert", "get"] {
            let ratio = series.medianRatio("\(operation) log", "\(operation) sqlite")
            figures["\(operation)_cpu_ratio_sqlite"] = ratio
            figures["\(operation)_cpu_us_log"] = series.median("\(operation) log")
            figures["\(operation)_cpu_us_sqlite"] = series.median("\(operation) sqlite")
        }
        log.tier.close()
        sqlite.close()
    }

    /// A million tiles on disk, small ones, because only their number matters to a start; then the built command on them.
    mutating func restart() throws {
        let tiles = folder.path("million")
        let configuration = DiskTierConfiguration(folder: tiles, byteBudget: 8 << 30)
        let tier = try DiskTier(configuration)
        let count = isQuick ? 100_000 : 1_000_000
        let noise = [UInt8](repeating: 0x5A, count: 600)
        for number in 0..<count / 20 {
            let (family, keys) = TrueTiles.family(number, of: TrueTiles.edition(number / 65_536))
            var write = TierWrite(family: family)
            for key in keys { _ = write.append(key, cost: 1, bytes: noise[0..<200 + Int(key.mixed % 400)]) }
            guard tier.insert(write) == .stored else { fatal("the log refused a family") }
        }
        tier.close()
        var series = Series()
        for _ in 0..<(isQuick ? 2 : 5) {
            let start = DispatchTime.now().uptimeNanoseconds
            let server = try ServerProcess(
                "orizuru",
                [
                    "serve", SharedData.packageRoot.appending(path: "tiles-sample").path, "--listen", "127.0.0.1:0",
                    "--cache-dir", tiles, "--log-level", "info", "--log-format", "json",
                ]
            )
            let port = try server.waitUntilListening()
            let answer = try HTTPClient.get(port: port, "/dzi/tissue_files/8/0_0.jpg")
            guard answer.status == 200 else { fatal("the first answer was \(answer.status)") }
            series.add("first", Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
            var loaded = 0.0
            while loaded == 0 {
                let text = try HTTPClient.get(port: port, "/metrics").text
                if text.contains("orizuru_disk_segments_to_load 0\n") {
                    guard text.contains("orizuru_disk_tiles \(count)\n") else { fatal("not all tiles were found") }
                    loaded = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
                }
            }
            series.add("index", loaded)
            server.signal(SIGTERM)
            _ = server.waitForExit()
        }
        figures["restart_first_answer_seconds"] = series.median("first")
        figures["restart_index_seconds"] = series.median("index")
    }
}
#endif
