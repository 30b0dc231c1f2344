// SPDX-License-Identifier: Apache-2.0

import Foundation
import LockFree
import TestSupport
import Testing
import TileModel

@Suite("A server with a disk", .serialized)
struct DiskTierEndToEndTests {
    /// The tiles of the two finest levels of the sample slide: those that are rendered.
    private static let rendered: [String] = {
        guard let pyramid = Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 0) else {
            return []
        }
        return pyramid.allTiles.filter { $0.level >= 11 }.map { "/dzi/tissue_files/\($0.level)/\($0.x)_\($0.y).jpg" }
    }()

    /// For a machine that is busy with other tests: nobody is sent to be rendered because an I/O thread came late.
    private static let patient = ["--disk-patience", "30s"]

    /// What a server without a disk answers.
    private static func truth() throws -> [String: [UInt8]] { try truthOnce.get() }

    private static let truthOnce = Result { () throws -> [String: [UInt8]] in
        let server = try RunningServer([sampleFolder])
        return try Dictionary(uniqueKeysWithValues: rendered.map { ($0, try server.get($0).body) })
    }

    /// Waits until the tiles that were rendered are on disk: writing is behind.
    private static func waitUntilWritten(_ server: RunningServer, tiles: Int) throws {
        if try eventually({ try server.metric("orizuru_disk_tiles") >= Double(tiles) }) { return }
        Issue.record("\(try server.metric("orizuru_disk_tiles")) of \(tiles) tiles came to the disk")
    }

    @Test(
        "after a restart every rendered tile comes from disk or memory, with its own bytes and tag, and none is rendered"
    )
    func restart() throws {
        let folder = try TemporaryDirectory()
        let options = Self.patient + ["--cache-dir", folder.path("tiles")]
        let truth = try Self.truth()
        var tags: [String: String] = [:]
        do {
            let server = try RunningServer([sampleFolder], options)
            for url in Self.rendered {
                let answer = try server.get(url)
                #expect(answer.status == 200 && answer.body == truth[url])
                tags[url] = answer["etag"]
            }
            try Self.waitUntilWritten(server, tiles: Self.rendered.count)
            #expect(try server.metric("orizuru_write_behind_total{tier=\"disk\",outcome=\"stored\"}") > 0)
            server.process.signal(SIGTERM)
            #expect(server.process.waitForExit() == 0)
        }
        // Little memory, so that most come from disk.
        let server = try RunningServer([sampleFolder], options + ["--memory", "4MiB"])
        var tiers: [String: Int] = [:]
        for url in Self.rendered {
            let answer = try server.get(url)
            #expect(answer.status == 200 && answer.body == truth[url] && answer["etag"] == tags[url])
            tiers[answer["cache-status"] ?? "", default: 0] += 1
        }
        #expect(tiers["orizuru; hit; detail=disk", default: 0] > 0, "\(tiers)")
        #expect(tiers.keys.allSatisfy { $0.hasPrefix("orizuru; hit") }, "\(tiers)")
        #expect(try server.metric("orizuru_family_renders_total") == 0)
        let counted = try server.metric("orizuru_requests_total{tileset=\"tissue\",layer=\"disk\",status=\"200\"}")
        #expect(Int(counted) == tiers["orizuru; hit; detail=disk"])
        #expect(try server.metric("orizuru_tier_seconds_count{tier=\"disk\",operation=\"get\"}") >= counted)
        // The second request is for memory.
        let url = try #require(Self.rendered.last)
        #expect(try server.get(url)["cache-status"]?.contains("disk") == false)
    }

    @Test("another quality, and a changed slide, find nothing of the old on disk")
    func editions() throws {
        let folder = try TemporaryDirectory()
        let slide = try folder.copy(URL(fileURLWithPath: sampleFolder + "/tissue"), to: "slides/tissue")
        let options = Self.patient + ["--cache-dir", folder.path("tiles")]
        let url = Self.rendered[5]
        let first: HTTPAnswer
        do {
            let server = try RunningServer([slide], options)
            first = try server.get(url)
            try Self.waitUntilWritten(server, tiles: 1)
            server.process.signal(SIGTERM)
            _ = server.process.waitForExit()
        }
        do {
            let server = try RunningServer([slide], options + ["--quality", "60"])
            let other = try server.get(url)
            #expect(other["cache-status"] == "orizuru; fwd=miss; detail=render" && other.body != first.body)
            #expect(other["etag"] != first["etag"])
        }
        let description = slide + "/baseline_pyramid.dzi"
        try FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: description)
        let server = try RunningServer([slide], options)
        let changed = try server.get(url)
        #expect(changed["cache-status"] == "orizuru; fwd=miss; detail=render" && changed.body == first.body)
        #expect(changed["etag"] != first["etag"])
    }

    @Test("killed again and again while it writes and serves, the next one serves no wrong tile")
    func kills() throws {
        let folder = try TemporaryDirectory()
        let options = Self.patient + ["--cache-dir", folder.path("tiles"), "--memory", "4MiB"]
        let truth = try Self.truth()
        var fromDisk = 0
        for round in 0..<6 {
            let server = try RunningServer([sampleFolder], options)
            for (index, url) in Self.rendered.enumerated() where index % 3 == round % 3 || index < round * 20 {
                let answer = try server.get(url)
                #expect(answer.status == 200 && answer.body == truth[url], "round \(round): \(url)")
                if answer["cache-status"]?.contains("disk") == true { fromDisk += 1 }
            }
            // Before anything is written, or in the middle of it.
            if round % 2 == 1 { #expect(try eventually { try server.metric("orizuru_disk_tiles") > 0 }) }
            server.process.signal(SIGKILL)
            _ = server.process.waitForExit()
        }
        #expect(fromDisk > 0)
    }

    @Test("a second server is refused the folder by name; with the default folder it serves without one and says so")
    func secondServer() throws {
        let folder = try TemporaryDirectory()
        let tiles = folder.path("orizuru")
        let first = try RunningServer([sampleFolder], ["--cache-dir", tiles])
        let second = try ServerProcess(
            "orizuru",
            ["serve", sampleFolder, "--listen", "127.0.0.1:0", "--cache-dir", tiles]
        )
        #expect(second.waitForExit() == 1)
        #expect(second.errors.contains(tiles) && second.errors.contains("--cache-dir"))
        let third = try ServerProcess(
            "orizuru",
            ["serve", sampleFolder, "--listen", "127.0.0.1:0"],
            environment: ["XDG_CACHE_HOME": folder.path]
        )
        let port = try third.waitUntilListening()
        #expect(try HTTPClient.get(port: port, Self.rendered[0]).status == 200)
        #expect(third.errors.contains("serving without a disk tier"))
        #expect(try first.get(Self.rendered[0]).status == 200)
    }

    @Test("the default folder lies below the user's cache folder, and --no-disk-cache leaves it alone")
    func defaultFolder() throws {
        let folder = try TemporaryDirectory()
        let environment = ["XDG_CACHE_HOME": folder.path]
        let none = try ServerProcess(
            "orizuru",
            ["serve", sampleFolder, "--listen", "127.0.0.1:0", "--no-disk-cache"],
            environment: environment
        )
        #expect(try HTTPClient.get(port: try none.waitUntilListening(), Self.rendered[0]).status == 200)
        #expect(!FileManager.default.fileExists(atPath: folder.path("orizuru")))
        let some = try ServerProcess(
            "orizuru",
            ["serve", sampleFolder, "--listen", "127.0.0.1:0"],
            environment: environment
        )
        _ = try some.waitUntilListening()
        #expect(FileManager.default.fileExists(atPath: folder.path("orizuru/lock")))
        let both = try ServerProcess("orizuru", ["serve", sampleFolder, "--no-disk-cache", "--cache-dir", "x"])
        #expect(both.waitForExit() == 2 && both.errors.contains("contradict"))
    }

    @Test("what people looked at is in memory again, in the background, stored tiles as well")
    func warmRestart() throws {
        let folder = try TemporaryDirectory()
        let options = Self.patient + ["--cache-dir", folder.path("tiles")]
        let urls = Array(Self.rendered.prefix(60)) + ["/dzi/tissue_files/9/0_0.jpg", "/dzi/tissue_files/10/1_1.jpg"]
        do {
            let server = try RunningServer([sampleFolder], options)
            for url in urls + urls { #expect(try server.get(url).status == 200) }
            try Self.waitUntilWritten(server, tiles: 60)
            server.process.signal(SIGTERM)
            #expect(server.process.waitForExit() == 0)
        }
        let server = try RunningServer([sampleFolder], options)
        #expect(try eventually { try server.metric("orizuru_restored_tiles_total") == Double(urls.count) })
        #expect(try eventually { try Self.isRestored(server) })
        for url in urls {
            #expect(try server.get(url)["cache-status"] == "orizuru; hit; detail=hot", "\(url)")
        }
        #expect(try server.metric("orizuru_family_renders_total") == 0)
    }

    @Test("by the rule of the second request, what was asked for once is not on disk, and what was asked for again is")
    func secondRequest() throws {
        let visited = Array(Self.rendered.prefix(40))
        let again = [visited[3], visited[17]]
        // At its end a server writes for half a second, which may be too short on a machine that is busy: then once more.
        for attempt in 1...8 {
            let folder = try TemporaryDirectory()
            let options = Self.patient + ["--cache-dir", folder.path("tiles"), "--disk-admission", "second-request"]
            do {
                // Memory holds all of it: the second request finds the tile there, and the disk learns of it at the end.
                let server = try RunningServer([sampleFolder], options)
                for url in visited + again { #expect(try server.get(url).status == 200) }
                #expect(try server.metric("orizuru_disk_tiles") == 0)
                server.process.signal(SIGTERM)
                #expect(server.process.waitForExit() == 0)
            }
            let server = try RunningServer([sampleFolder], options)
            #expect(try eventually { try server.metric("orizuru_disk_segments_to_load") == 0 })
            let kept = try server.metric("orizuru_disk_tiles")
            if kept < Double(again.count), attempt < 8 { continue }
            #expect(kept == Double(again.count))
            for url in again {
                #expect(try server.get(url)["cache-status"]?.hasPrefix("orizuru; hit") == true, "\(url)")
            }
            #expect(try server.get(visited[5])["cache-status"] == "orizuru; fwd=miss; detail=render")
            break
        }
    }

    @Test(
        "on a disk that is full everything is served and the metrics tell; when there is room it is used",
        .enabled(if: SmallMount.isPossible, "needs root, to mount a small tmpfs")
    )
    func fullDisk() throws {
        let mount = try SmallMount(bytes: 12 << 20)
        let filler = mount.path + "/other"
        try Data(repeating: 1, count: 11 << 20).write(to: URL(fileURLWithPath: filler))
        let server = try RunningServer(
            [sampleFolder],
            Self.patient + ["--cache-dir", mount.path + "/tiles", "--cache-size", "64MiB", "--memory", "4MiB"]
        )
        let truth = try Self.truth()
        for url in Self.rendered.prefix(60) { #expect(try server.get(url).body == truth[url], "\(url)") }
        #expect(try eventually { try server.metric("orizuru_disk_refused_total{reason=\"full\"}") > 0 })
        try FileManager.default.removeItem(atPath: filler)
        // Memory may hold all of the above: what is rendered for the first time is written. The disk is tried once a second.
        var next = Self.rendered.makeIterator()
        let isSo = try eventually {
            if let url = next.next()?.replacing(".jpg", with: ".png") {
                #expect(try server.get(url).status == 200, "\(url)")
                usleep(50_000)
            }
            return try server.metric("orizuru_disk_tiles") > 0
        }
        #expect(isSo)
    }

    @Test("SIGTERM while tiles come back, beside a disk that stands still, ends within a second or so")
    func terminationWhileRestoring() throws {
        let folder = try TemporaryDirectory()
        let options = Self.patient + ["--cache-dir", folder.path("tiles")]
        do {
            let server = try RunningServer([sampleFolder], options)
            for url in Self.rendered { #expect(try server.get(url).status == 200) }
            try Self.waitUntilWritten(server, tiles: Self.rendered.count)
            server.process.signal(SIGTERM)
            _ = server.process.waitForExit()
        }
        // Slow enough that tiles are still coming back when the metrics are asked, however busy the machine is.
        let server = try RunningServer([sampleFolder], options, environment: Self.delayed(milliseconds: 700))
        // The thread is of the lowest priority: it may take a moment to begin.
        #expect(try eventually { try server.metric("orizuru_restore_tiles_left") > 0 })
        server.process.signal(SIGTERM)
        // The bar is a second; the rest is for a machine that is busy with other tests.
        #expect(server.process.waitForExit(timeout: 20) == 0)
        // The list of the last run is kept: this one had not yet read it.
        let again = try RunningServer([sampleFolder], options)
        #expect(try eventually { try again.metric("orizuru_restored_tiles_total") > 100 })
    }

    @Test("beside a disk that stands still, or fails every call, every tile is served right")
    func badDisk() throws {
        let folder = try TemporaryDirectory()
        let options = ["--cache-dir", folder.path("tiles"), "--memory", "4MiB"]
        let truth = try Self.truth()
        do {
            let server = try RunningServer([sampleFolder], options)
            for url in Self.rendered { _ = try server.get(url) }
            try Self.waitUntilWritten(server, tiles: Self.rendered.count)
            server.process.signal(SIGTERM)
            _ = server.process.waitForExit()
        }
        try FileManager.default.removeItem(atPath: folder.path("tiles/hot-tiles"))
        do {
            let server = try RunningServer([sampleFolder], options, environment: Self.delayed(milliseconds: 200))
            for url in Self.rendered.prefix(40) { #expect(try server.get(url).body == truth[url]) }
            #expect(try server.metric("orizuru_tier_expired_total") > 0, "who waited too long was sent on")
            #expect(try server.metric("orizuru_breaker_changes_total{tier=\"disk-pace\",to=\"open\"}") > 0)
        }
        var environment = Self.delayed(milliseconds: 0)
        environment["ORIZURU_DISK_ERROR"] = "1"
        environment["ORIZURU_DISK_DELAY_MS"] = nil
        let server = try RunningServer([sampleFolder], options, environment: environment)
        for url in Self.rendered.prefix(40) { #expect(try server.get(url).body == truth[url]) }
        #expect(try server.metric("orizuru_disk_errors_total{operation=\"read\"}") > 0)
    }

    /// Whether what people looked at is in memory again. Nothing is left before the list was read, too.
    private static func isRestored(_ server: RunningServer) throws -> Bool {
        try server.metric("orizuru_restored_tiles_total") > 0 && server.metric("orizuru_restore_tiles_left") == 0
    }

    /// A preloaded library that holds up every call to a segment.
    private static func delayed(milliseconds: Int) -> [String: String] {
        [
            "LD_PRELOAD": ServerProcess.productsFolder + "/libdelayed-disk.so",
            "ORIZURU_DISK_DELAY_MS": "\(milliseconds)",
        ]
    }

    @Test(
        "replaying a viewer's session after a restart renders nothing: 99 of 100 answers, by every recorded viewer",
        .enabled(if: SharedData.isPresent, SharedData.reason)
    )
    func replay() throws {
        for name in ["osd-explore-15ms", "leaflet-explore-15ms", "maplibre-explore-15ms"] {
            let folder = try TemporaryDirectory()
            let options = Self.patient + ["--cache-dir", folder.path("tiles")]
            let urls = try Self.session(name)
            #expect(urls.count > 100)
            var wanted = 0
            var written = 0.0
            do {
                let server = try RunningServer([sampleFolder], options)
                for url in urls where try server.get(url).status == 200 { wanted += 1 }
                // What was rendered last is written a second later, or within half a second at the end.
                let isWritten = try eventually {
                    let before = written
                    written = try server.metric("orizuru_disk_tiles")
                    let waiting = try server.metric("orizuru_write_behind_bytes{tier=\"disk\"}")
                    return written > 0 && waiting == 0 && written == before
                }
                #expect(isWritten)
                server.process.signal(SIGTERM)
                #expect(server.process.waitForExit() == 0)
            }
            #expect(wanted > 100, "\(name)")
            let server = try RunningServer([sampleFolder], options)
            // The stored tiles are in no disk tier: they come back to memory, in the background.
            #expect(try eventually { try Self.isRestored(server) })
            var rendered = 0
            for url in urls {
                let answer = try server.get(url)
                if answer["cache-status"]?.contains("render") == true { rendered += 1 }
            }
            #expect(rendered * 100 <= urls.count, "\(name): \(rendered) of \(urls.count) were rendered")
            #expect(try server.metric("orizuru_family_renders_total") <= 1)
        }
    }

    /// The tiles of a recorded session, brought onto the sample slide: the same walk through the levels, from the top.
    private static func session(_ name: String) throws -> [String] {
        struct Line: Decodable {
            let level: Int
            let x: Int
            let y: Int
        }
        let text = try String(contentsOf: SharedData.url("traces/\(name).jsonl"), encoding: .utf8)
        let lines = try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        let deepest = lines.map(\.level).max() ?? 0
        guard let pyramid = Pyramid(deepZoom: GridSize(width: 2900, height: 2150), tileSize: 256, overlap: 0) else {
            return []
        }
        return lines.compactMap { line in
            let level = max(line.level - deepest + pyramid.maxLevel, 0)
            let grid = pyramid.grid(ofLevel: level)
            return "/dzi/tissue_files/\(level)/\(line.x % grid.width)_\(line.y % grid.height).jpg"
        }
    }
}
