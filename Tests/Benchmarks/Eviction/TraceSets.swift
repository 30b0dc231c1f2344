// SPDX-License-Identifier: Apache-2.0

/// The parameters of the generated traces: one set for choosing the policy's numbers, another for the report. They share
/// neither seeds nor numbers of slides and users. In the report's, a hundredth of the distinct bytes is never less than
/// the smallest budget that the server takes, 4 MiB.
enum TraceSets {
    /// What the run says of the split.
    static func description(isTuning: Bool, seed: UInt64) -> String {
        func names(_ sessions: [SessionParameters]) -> String { sessions.map(\.name).joined(separator: "; ") }
        func names(_ crowds: [Crowd]) -> String {
            crowds.map { "recorded crowd of \($0.slides) slides, \($0.users) users" }.joined(separator: "; ")
        }
        return """
            The policy's numbers were chosen on seed \(tuningSeed): \(names(tuning(seed: tuningSeed)));
              \(names(tuningCrowds)).
            The report is of seed \(reportSeed): \(names(report(seed: reportSeed)));
              \(names(reportCrowds)).
            This run: the \(isTuning ? "tuning" : "report's") traces, seed \(seed).
            """
    }

    /// How many people play the recorded sessions, how often, on how many slides.
    struct Crowd {
        let slides: Int
        let users: Int
        let plays: Int
    }

    static let tuningCrowds = [
        Crowd(slides: 50, users: 30, plays: 1200), Crowd(slides: 60, users: 45, plays: 1500),
    ]
    static let reportCrowds = [Crowd(slides: 75, users: 35, plays: 1700)]

    static let tuningSeed: UInt64 = 1
    static let reportSeed: UInt64 = 424_200

    static func tuning(seed: UInt64) -> [SessionParameters] {
        [
            SessionParameters(
                name: "class",
                slides: 4,
                users: 60,
                requests: 200_000,
                slideSkew: 1.2,
                hotspots: 8,
                hotspotShare: 0.7,
                prewarm: 0.02,
                seed: seed
            ),
            SessionParameters(name: "lab", slides: 24, users: 24, requests: 200_000, prewarm: 0.05, seed: seed + 1),
            SessionParameters(
                name: "clinic",
                slides: 80,
                users: 50,
                requests: 250_000,
                slideSkew: 0.4,
                hotspotShare: 0.3,
                side: 64...256,
                prewarm: 0.03,
                seed: seed + 2
            ),
            SessionParameters(
                name: "map",
                slides: 1,
                users: 80,
                requests: 200_000,
                hotspots: 200,
                hotspotShare: 0.8,
                side: 1024...1024,
                hasFamilies: false,
                prewarm: 0.3,
                seed: seed + 3
            ),
            SessionParameters(
                name: "lecture: 1 slide, 200 users",
                slides: 1,
                users: 200,
                requests: 300_000,
                hotspots: 15,
                hotspotShare: 0.6,
                side: 320...320,
                seed: seed + 7000
            ),
            SessionParameters(
                name: "course: 10 slides, 90 users",
                slides: 10,
                users: 90,
                requests: 350_000,
                slideSkew: 1,
                hotspots: 10,
                hotspotShare: 0.8,
                prewarm: 0.01,
                seed: seed + 7001
            ),
            SessionParameters(
                name: "ward: 12 slides, 16 users",
                slides: 12,
                users: 16,
                requests: 180_000,
                slideSkew: 0.6,
                hotspots: 20,
                hotspotShare: 0.4,
                side: 128...400,
                prewarm: 0.04,
                seed: seed + 7002
            ),
            SessionParameters(
                name: "crawled: 30 slides, 60 users",
                slides: 30,
                users: 60,
                requests: 220_000,
                slideSkew: 0.9,
                hotspotShare: 0.6,
                prewarm: 0.01,
                crawler: 0.2,
                seed: seed + 7003
            ),
            SessionParameters(
                name: "archive: 150 slides, 40 users",
                slides: 150,
                users: 40,
                requests: 220_000,
                slideSkew: 0.2,
                hotspotShare: 0.2,
                side: 64...200,
                prewarm: 0.02,
                seed: seed + 7004
            ),
            SessionParameters(
                name: "town: a map, 150 users",
                slides: 1,
                users: 150,
                requests: 250_000,
                hotspots: 60,
                hotspotShare: 0.7,
                side: 512...512,
                hasFamilies: false,
                crawler: 0.1,
                seed: seed + 7005
            ),
            SessionParameters(
                name: "country: a map, 60 users",
                slides: 1,
                users: 60,
                requests: 250_000,
                hotspots: 500,
                hotspotShare: 0.85,
                side: 4096...4096,
                hasFamilies: false,
                prewarm: 0.25,
                seed: seed + 7006
            ),
        ]
    }

    static func report(seed: UInt64) -> [SessionParameters] {
        [
            SessionParameters(
                name: "seminar: 3 slides, 140 users",
                slides: 3,
                users: 140,
                requests: 300_000,
                slideSkew: 0.7,
                hotspots: 18,
                hotspotShare: 0.65,
                side: 256...400,
                prewarm: 0.01,
                seed: seed
            ),
            SessionParameters(
                name: "faculty: 16 slides, 110 users",
                slides: 16,
                users: 110,
                requests: 350_000,
                slideSkew: 1.1,
                hotspots: 6,
                hotspotShare: 0.75,
                seed: seed + 1
            ),
            SessionParameters(
                name: "board: 8 slides, 12 users",
                slides: 8,
                users: 12,
                requests: 180_000,
                slideSkew: 0.3,
                hotspots: 25,
                hotspotShare: 0.35,
                side: 160...360,
                prewarm: 0.06,
                seed: seed + 2
            ),
            SessionParameters(
                name: "mirrored: 40 slides, 70 users",
                slides: 40,
                users: 70,
                requests: 240_000,
                slideSkew: 0.7,
                prewarm: 0.005,
                crawler: 0.25,
                seed: seed + 3
            ),
            SessionParameters(
                name: "biobank: 220 slides, 55 users",
                slides: 220,
                users: 55,
                requests: 240_000,
                slideSkew: 0.1,
                hotspotShare: 0.25,
                side: 72...180,
                prewarm: 0.03,
                seed: seed + 4
            ),
            SessionParameters(
                name: "city: a map, 110 users",
                slides: 1,
                users: 110,
                requests: 250_000,
                hotspots: 90,
                hotspotShare: 0.65,
                side: 768...768,
                hasFamilies: false,
                crawler: 0.15,
                seed: seed + 5
            ),
            SessionParameters(
                name: "continent: a map, 75 users",
                slides: 1,
                users: 75,
                requests: 250_000,
                hotspots: 350,
                hotspotShare: 0.8,
                side: 3072...3072,
                hasFamilies: false,
                prewarm: 0.2,
                seed: seed + 6
            ),
        ]
    }

    /// A trace, and where its slides have families the same with whole families made on a miss.
    static func traces(_ parameters: [SessionParameters]) -> [Trace] {
        parameters.flatMap { parameters in
            let trace = SessionGenerator.trace(parameters)
            return parameters.hasFamilies ? [trace, trace.insertingFamilies()] : [trace]
        }
    }
}

extension Trace {
    /// The same requests, with each miss making the whole family.
    func insertingFamilies() -> Trace {
        var copy = self
        copy.name += ", families"
        copy.insertsFamilies = true
        return copy
    }
}
