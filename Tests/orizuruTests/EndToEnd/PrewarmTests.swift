// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Suite("The pre-warm tool against a server", .serialized)
struct PrewarmTests {
    /// The sum of all series of a metric.
    private func sum(_ server: RunningServer, _ name: String) throws -> Int {
        try server.get("/metrics").text.split(separator: "\n")
            .filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
            .reduce(0) { $0 + (Int($1.split(separator: " ").last ?? "") ?? 0) }
    }

    @Test("killed at any moments and resumed, it asks for at most one family twice for each of its workers")
    func killed() throws {
        let seed = Seed.ofThisRun
        print("kills of orizuru prewarm: \(seed)")
        var random = seed.generator()
        let directory = try TemporaryDirectory()
        let slides = 4
        let server = try RunningServer([try CopiedSlides.make(slides, in: directory)], ["--look-ahead", "off"])
        let url = "http://127.0.0.1:\(server.port)"
        let dryRun = try ServerProcess("orizuru", ["prewarm", url, "--dry-run"])
        #expect(dryRun.waitForExit() == 0, "\(dryRun.errors)")
        let words = try #require(dryRun.output.split(separator: "in all ").last).split(separator: " ")
        let total = try #require(Int(words[0]))
        let workers = 3
        let arguments = [
            "prewarm", url, "--concurrency", "\(workers)", "--resume", directory.path("resume.json"), "--progress",
            "none",
        ]
        var kills = 0
        for _ in 0..<6 {
            // From before the first request to some later one.
            let answered = try sum(server, "orizuru_requests_total") + Int.random(in: 0..<total / 8, using: &random)
            let pause = UInt32.random(in: 0..<20_000, using: &random)
            let command = try ServerProcess("orizuru", arguments)
            while try sum(server, "orizuru_requests_total") < answered, command.waitForExit(timeout: 0) == nil {}
            usleep(pause)
            command.signal(SIGKILL)
            let code = command.waitForExit()
            #expect(code == 128 + SIGKILL || code == 0, "\(command.errors)")
            if code != 0 { kills += 1 }
        }
        let last = try ServerProcess("orizuru", arguments)
        #expect(last.waitForExit(timeout: 300) == 0, "\(last.errors)")
        let asked = try sum(server, "orizuru_requests_total")
        let rendered = try sum(server, "orizuru_family_renders_total")
        print(
            "\(kills) kills: \(asked) requests of \(total), \(rendered) families rendered of \(slides * CopiedSlides.familiesPerSlide)"
        )
        #expect(kills > 0)
        // An answer that nobody read any more may not be counted.
        #expect(asked >= total - kills * workers && asked <= total + kills * workers)
        // What was begun when the tool was killed is gone on with, and counts as begun again.
        let families = slides * CopiedSlides.familiesPerSlide
        #expect(rendered >= families && rendered <= families + kills * workers)
        #expect(!FileManager.default.fileExists(atPath: directory.path("resume.json")))
        // Nothing was left out.
        let again = try ServerProcess("orizuru", ["prewarm", url, "--progress", "json"])
        #expect(again.waitForExit(timeout: 300) == 0 && again.output.contains("\"misses\":0"), "\(again.output)")
    }

    @Test("a viewer's cold tile goes before all pre-warm work that waits")
    func viewersFirst() throws {
        let directory = try TemporaryDirectory()
        let slides = try CopiedSlides.make(8, in: directory)
        let server = try RunningServer([slides], ["--look-ahead", "off", "--workers", "1"])
        let command = try ServerProcess(
            "orizuru",
            [
                "prewarm", "http://127.0.0.1:\(server.port)", "--concurrency", "64", "--levels", "10-", "--progress",
                "none",
            ]
        )
        #expect(try eventually { try sum(server, "orizuru_render_queue_depth") >= 30 })
        // The last family of the last slide, which comes last in the pre-warm.
        let path = CopiedSlides.path(family: 8 * CopiedSlides.familiesPerSlide - 1)
        let before = (try sum(server, "orizuru_render_queue_depth"), try sum(server, "orizuru_family_renders_total"))
        let answer = try server.get(path)
        let after = try sum(server, "orizuru_family_renders_total")
        #expect(answer.status == 200 && answer["cache-status"]?.contains("detail=render") == true)
        print("\(before.0) jobs waited; \(after - before.1) families were begun until the viewer had his answer")
        // Its own, the one that was under way, and what came between the questions.
        #expect(after - before.1 < before.0 / 2)
        command.signal(SIGINT)
        #expect(command.waitForExit() != nil)
    }
}
