// SPDX-License-Identifier: Apache-2.0

import Foundation
import JSONText
import TestSupport
import TileModel

/// The requests of real viewers over a pyramid of 64 by 64 tiles: one JSON object a line with t (seconds), level, x, y and,
/// where the client gave up, canceled.
struct RecordedSession {
    struct Request {
        let time: Double
        let level: Int
        let x: Int
        let y: Int
        let bytes: Int
    }

    let name: String
    let requests: [Request]

    /// The sessions of the shared data; empty where it is absent.
    static func all() throws -> [RecordedSession] {
        guard let folder = SharedData.folder?.appending(path: "traces") else { return [] }
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "jsonl" }
            .sorted { $0.path < $1.path }
        return try files.map { try RecordedSession($0) }
    }

    private init(_ file: URL) throws {
        name = file.deletingPathExtension().lastPathComponent
        // OpenSeadragon's levels are Deep Zoom's: 14 is the finest, 8 the coarsest of one tile.
        let coarsest = name.hasPrefix("osd") ? 8 : 0
        requests = try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")).compactMap { line in
            let node = try JSONReader.read([UInt8](line), dialect: .json)
            guard let level = node["level"]?.integer, let x = node["x"]?.integer, let y = node["y"]?.integer,
                let time = node["t"]?.double, (coarsest...coarsest + 6).contains(level),
                (0..<64).contains(x), (0..<64).contains(y)
            else { return nil }
            return Request(time: time, level: level - coarsest, x: x, y: y, bytes: node["bytes"]?.integer ?? 0)
        }
    }

    /// The session as it was, as a trace.
    func trace() -> Trace {
        var crowd = RecordedCrowd(name: name, slides: 1, seed: 1)
        crowd.play(self, slide: 0, turn: 0, from: 0)
        return crowd.trace
    }
}

extension JSONNode {
    fileprivate var double: Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}

/// Many people who look at slides the way the recorded ones did: each plays one of the sessions, turned or mirrored, on some
/// slide, then another.
struct RecordedCrowd {
    private(set) var trace: Trace
    private let models: [SlideModel]
    private var objects: [TileKey: Int32] = [:]

    init(name: String, slides: Int, seed: UInt64) {
        trace = Trace(name: name)
        models = (0..<slides).map {
            SlideModel(width: 64, height: 64, hasFamilies: true, seed: seed &* 1000 &+ UInt64($0))
        }
    }

    static func trace(_ sessions: [RecordedSession], _ parameters: TraceSets.Crowd, seed: UInt64) -> Trace {
        let slides = parameters.slides
        let users = parameters.users
        var crowd = RecordedCrowd(name: "recorded: \(slides) slides, \(users) users", slides: slides, seed: seed)
        var random = Seed(seed).generator(stream: 2)
        var free = (0..<users).map { _ in Double.random(in: 0..<60, using: &random) }
        for _ in 0..<parameters.plays {
            guard let session = sessions.randomElement(using: &random),
                let user = free.indices.min(by: { free[$0] < free[$1] })
            else { break }
            // The first slide is the most popular.
            let slide = min(Int.random(in: 0..<slides, using: &random), Int.random(in: 0..<slides, using: &random))
            crowd.play(session, slide: slide, turn: Int.random(in: 0..<8, using: &random), from: free[user])
            free[user] += (session.requests.last?.time ?? 0) + Double.random(in: 5..<60, using: &random)
        }
        crowd.trace.requests.sort { $0.time < $1.time }
        return crowd.trace
    }

    /// Adds a session from a time on. `turn`: one of the square's eight symmetries.
    fileprivate mutating func play(_ session: RecordedSession, slide: Int, turn: Int, from start: Double) {
        for request in session.requests {
            let last = (1 << request.level) - 1
            var x = turn & 1 == 0 ? request.x : last - request.x
            var y = turn & 2 == 0 ? request.y : last - request.y
            if turn & 4 != 0 { swap(&x, &y) }
            guard let object = object(slide, request.level, x, y, bytes: turn == 0 ? request.bytes : 0) else {
                continue
            }
            let time = UInt32((start + request.time) * 1000)
            trace.requests.append(TraceRequest(object: object, kind: .viewer, time: time))
        }
    }

    private mutating func object(_ slide: Int, _ level: Int, _ x: Int, _ y: Int, bytes: Int) -> Int32? {
        guard let key = Self.key(slide, level, x, y) else { return nil }
        if let known = objects[key] { return known }
        guard let parent = models[slide].parent(level: level, x: x, y: y) else {
            return define(key, slide, level, x, y, bytes: bytes, family: -1)
        }
        let family = Int32(trace.families.count)
        var members: [Int32] = []
        for depth in 0...2 {
            for row in 0..<1 << depth {
                for column in 0..<1 << depth {
                    let place = (level: parent.level + depth, x: parent.x << depth + column, y: parent.y << depth + row)
                    guard let key = Self.key(slide, place.level, place.x, place.y) else { continue }
                    members.append(define(key, slide, place.level, place.x, place.y, bytes: 0, family: family))
                }
            }
        }
        trace.families.append(members)
        return objects[key]
    }

    private static func key(_ slide: Int, _ level: Int, _ x: Int, _ y: Int) -> TileKey? {
        TileKey(
            ordinal: UInt32(slide),
            tile: TileCoordinate(level: level, x: x, y: y),
            variant: TileVariant(format: .jpeg)
        )
    }

    private mutating func define(
        _ key: TileKey,
        _ slide: Int,
        _ level: Int,
        _ x: Int,
        _ y: Int,
        bytes: Int,
        family: Int32
    ) -> Int32 {
        let object = Int32(trace.bytes.count)
        objects[key] = object
        trace.bytes.append(bytes > 0 ? Int32(bytes + 400) : models[slide].bytes(level: level, x: x, y: y))
        trace.hashes.append(key.mixed)
        trace.familyOf.append(family)
        return object
    }
}
