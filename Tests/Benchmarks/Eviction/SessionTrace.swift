// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import TileModel

/// What a generated trace is like.
struct SessionParameters {
    var name: String
    var slides: Int
    var users: Int
    /// Requests of viewers.
    var requests: Int
    /// Popularity of slides: the exponent of Zipf's law; 0: all alike.
    var slideSkew = 0.8
    /// Regions per slide that many people visit, and how often a visit goes to one of them.
    var hotspots = 12
    var hotspotShare = 0.5
    /// Columns of the finest level, smallest and largest.
    var side: ClosedRange<Int> = 96...320
    var hasFamilies = true
    /// Pre-warm requests (families, or tiles where there are none) per request of a viewer, and crawler requests.
    var prewarm = 0.0
    var crawler = 0.0
    /// Tiles that a viewer itself keeps.
    var viewerTiles = 250
    var seed: UInt64 = 1
}

/// Many users who pan and zoom over pyramids, each with a viewer that keeps its last tiles, and scans running through.
struct SessionGenerator {
    private let parameters: SessionParameters
    private var random: SeededGenerator
    private var trace: Trace
    private var slides: [SlideModel] = []
    private var spots: [[(u: Double, v: Double)]] = []
    private var slideShares: [Double] = []
    private var spotShares: [Double] = []
    private var objects: [TileKey: Int32] = [:]
    private var families: [TileKey: Int32] = [:]

    /// A viewer's window in tiles: 1600 by 900 pixels.
    private static let windowWidth = 6.25
    private static let windowHeight = 3.5

    private struct User {
        var slide = 0
        var u = 0.5
        var v = 0.5
        var level = 0
        var goal: (u: Double, v: Double, level: Int) = (0.5, 0.5, 0)
        var pansLeft = 0
        var visitsLeft = 0
        var nextTime = 0.0
        /// The tiles that the viewer has, oldest first; those asked for again are not moved.
        var recent: [Int32] = []
        var recentStart = 0
        var known: Set<Int32> = []
    }

    private struct Scan {
        var slide = 0
        var level = 0
        var position = 0
    }

    static func trace(_ parameters: SessionParameters) -> Trace {
        var generator = SessionGenerator(parameters)
        generator.run()
        return generator.trace
    }

    private init(_ parameters: SessionParameters) {
        self.parameters = parameters
        random = Seed(parameters.seed).generator(stream: 1)
        trace = Trace(name: parameters.name)
        for slide in 0..<parameters.slides {
            let width = Int.random(in: parameters.side, using: &random)
            let height = max(width * Int.random(in: 50...100, using: &random) / 100, 16)
            let model = SlideModel(
                width: width,
                height: height,
                hasFamilies: parameters.hasFamilies,
                seed: parameters.seed &* 1000 &+ UInt64(slide)
            )
            slides.append(model)
            spots.append((0..<parameters.hotspots).map { _ in Self.tissuePlace(model, &random) })
        }
        slideShares = Self.zipf(parameters.slides, parameters.slideSkew)
        spotShares = Self.zipf(max(parameters.hotspots, 1), 0.9)
    }

    /// The cumulative shares of Zipf's law.
    private static func zipf(_ count: Int, _ exponent: Double) -> [Double] {
        var sum = 0.0
        let partial = (1...count).map { rank in
            sum += 1 / pow(Double(rank), exponent)
            return sum
        }
        return partial.map { $0 / sum }
    }

    private static func tissuePlace(_ slide: SlideModel, _ random: inout SeededGenerator) -> (u: Double, v: Double) {
        for _ in 0..<50 {
            let place = (Double.random(in: 0.03...0.97, using: &random), Double.random(in: 0.03...0.97, using: &random))
            if slide.tissue(place.0, place.1) > 0 { return place }
        }
        return (0.5, 0.5)
    }

    private mutating func draw(_ shares: [Double]) -> Int {
        let value = Double.random(in: 0..<1, using: &random)
        return shares.firstIndex { value < $0 } ?? shares.count - 1
    }

    private mutating func run() {
        var users = (0..<parameters.users).map { _ in User() }
        for index in users.indices {
            users[index].nextTime = Double.random(in: 0..<120, using: &random)
            open(&users[index])
        }
        var prewarm = Scan(slide: parameters.slides - 1)
        var crawler = Scan(slide: parameters.slides / 2)
        var owedPrewarm = 0.0
        var owedCrawler = 0.0
        var viewerRequests = 0
        while viewerRequests < parameters.requests {
            var index = 0
            for other in users.indices where users[other].nextTime < users[index].nextTime { index = other }
            let time = users[index].nextTime
            let made = step(&users[index], time)
            viewerRequests += made
            owedPrewarm += parameters.prewarm * Double(made)
            owedCrawler += parameters.crawler * Double(made)
            while owedPrewarm >= 1 {
                scan(&prewarm, .prewarm, time)
                owedPrewarm -= 1
            }
            while owedCrawler >= 1 {
                scan(&crawler, .crawler, time)
                owedCrawler -= 1
            }
        }
    }

    private mutating func open(_ user: inout User) {
        user.slide = draw(slideShares)
        user.level = min(2, slides[user.slide].maxLevel)
        user.u = 0.5
        user.v = 0.5
        user.visitsLeft = Int.random(in: 3...20, using: &random)
        visit(&user)
    }

    /// Chooses the next region and how deep to look at it.
    private mutating func visit(_ user: inout User) {
        let slide = slides[user.slide]
        let place: (u: Double, v: Double)
        if Double.random(in: 0..<1, using: &random) < parameters.hotspotShare {
            let spot = spots[user.slide][draw(spotShares)]
            place = (spot.u, spot.v)
        } else {
            place = Self.tissuePlace(slide, &random)
        }
        let depth = [0, 0, 0, 1, 1, 2].randomElement(using: &random) ?? 0
        user.goal = (place.u, place.v, max(slide.maxLevel - depth, 1))
        user.pansLeft = Int.random(in: 2...25, using: &random)
        user.visitsLeft -= 1
    }

    /// One movement of a user; returns how many tiles the viewer asked for.
    private mutating func step(_ user: inout User, _ time: Double) -> Int {
        let slide = slides[user.slide]
        var pause = Double.random(in: 0.3...2.5, using: &random)
        if user.level < user.goal.level {
            // Towards the goal while zooming in.
            user.level += 1
            user.u += (user.goal.u - user.u) * 0.7
            user.v += (user.goal.v - user.v) * 0.7
            pause = Double.random(in: 0.15...0.8, using: &random)
        } else if user.level > user.goal.level {
            user.level -= 1
            pause = Double.random(in: 0.15...0.8, using: &random)
        } else if user.pansLeft > 0 {
            user.pansLeft -= 1
            let grid = slide.grid(user.level)
            user.u += Double.random(in: -0.7...0.7, using: &random) * Self.windowWidth / Double(grid.width)
            user.v += Double.random(in: -0.7...0.7, using: &random) * Self.windowHeight / Double(grid.height)
            user.u = min(max(user.u, 0), 1)
            user.v = min(max(user.v, 0), 1)
        } else if user.visitsLeft <= 0 {
            open(&user)
            pause = Double.random(in: 2...60, using: &random)
        } else {
            let before = user.goal.level
            visit(&user)
            // Out first, to find the way, unless it is near.
            user.level = max(min(before, user.goal.level) - Int.random(in: 1...4, using: &random), 1)
        }
        user.nextTime = time + pause
        return look(&user, slide, time)
    }

    /// The tiles of the window that the viewer does not have.
    private mutating func look(_ user: inout User, _ slide: SlideModel, _ time: Double) -> Int {
        let grid = slide.grid(user.level)
        let shift = Double(1 << (slide.maxLevel - user.level))
        let centreX = user.u * Double(slide.width) / shift
        let centreY = user.v * Double(slide.height) / shift
        let left = max(Int(centreX - Self.windowWidth / 2), 0)
        let right = min(Int(centreX + Self.windowWidth / 2), grid.width - 1)
        let top = max(Int(centreY - Self.windowHeight / 2), 0)
        let bottom = min(Int(centreY + Self.windowHeight / 2), grid.height - 1)
        guard left <= right, top <= bottom else { return 0 }
        var made = 0
        for y in top...bottom {
            for x in left...right {
                let object = object(user.slide, user.level, x, y)
                guard user.known.insert(object).inserted else { continue }
                user.recent.append(object)
                if user.recent.count - user.recentStart > parameters.viewerTiles {
                    user.known.remove(user.recent[user.recentStart])
                    user.recentStart += 1
                    if user.recentStart > 4096 {
                        user.recent.removeFirst(user.recentStart)
                        user.recentStart = 0
                    }
                }
                add(object, .viewer, time)
                made += 1
            }
        }
        return made
    }

    private mutating func add(_ object: Int32, _ kind: TraceRequest.Kind, _ time: Double) {
        trace.requests.append(TraceRequest(object: object, kind: kind, time: UInt32(time * 1000)))
    }

    /// The next request of a scan: row by row over the parents of a slide's families (or over all its tiles), then the
    /// next slide.
    private mutating func scan(_ scan: inout Scan, _ kind: TraceRequest.Kind, _ time: Double) {
        let slide = slides[scan.slide]
        let byFamily = kind == .prewarm && slide.hasFamilies
        let level = byFamily ? max(slide.maxLevel - 2, 0) : slide.maxLevel
        let grid = slide.grid(level)
        if scan.position >= grid.width * grid.height {
            scan.position = 0
            scan.slide = (scan.slide + parameters.slides - 1) % parameters.slides
            self.scan(&scan, kind, time)
            return
        }
        let object = object(scan.slide, level, scan.position % grid.width, scan.position / grid.width)
        scan.position += 1
        add(object, kind, time)
    }

    private mutating func object(_ slide: Int, _ level: Int, _ x: Int, _ y: Int) -> Int32 {
        guard
            let key = TileKey(
                ordinal: UInt32(slide),
                tile: TileCoordinate(level: level, x: x, y: y),
                variant: TileVariant(format: .jpeg)
            )
        else { return 0 }
        if let known = objects[key] { return known }
        if let parent = slides[slide].parent(level: level, x: x, y: y) {
            addFamily(slide, parent)
            if let known = objects[key] { return known }
        }
        return define(key, slide, level, x, y, family: -1)
    }

    private mutating func define(_ key: TileKey, _ slide: Int, _ level: Int, _ x: Int, _ y: Int, family: Int32) -> Int32
    {
        let object = Int32(trace.bytes.count)
        objects[key] = object
        trace.bytes.append(slides[slide].bytes(level: level, x: x, y: y))
        trace.hashes.append(key.mixed)
        trace.familyOf.append(family)
        return object
    }

    private mutating func addFamily(_ slide: Int, _ parent: (level: Int, x: Int, y: Int)) {
        let family = Int32(trace.families.count)
        var members: [Int32] = []
        for depth in 0...2 {
            let grid = slides[slide].grid(parent.level + depth)
            for row in 0..<1 << depth where parent.y << depth + row < grid.height {
                for column in 0..<1 << depth where parent.x << depth + column < grid.width {
                    let x = parent.x << depth + column
                    let y = parent.y << depth + row
                    guard
                        let key = TileKey(
                            ordinal: UInt32(slide),
                            tile: TileCoordinate(level: parent.level + depth, x: x, y: y),
                            variant: TileVariant(format: .jpeg)
                        )
                    else { continue }
                    members.append(define(key, slide, parent.level + depth, x, y, family: family))
                }
            }
        }
        trace.families.append(members)
    }
}
