// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// Which families will probably be asked for next, by the tiles that were.
///
/// It follows viewports, not connections: a browser asks over six, a proxy mixes those of many, and a tile says by its
/// place whose it is. Requests are told to it where they reach the miss path, and where a tile that was made ahead is used
/// for the first time; a hit on anything else tells nothing new.
///
/// **What it costs is bounded.** Every family that is expected and not used within two minutes is paid for by four that
/// were used: so what is rendered for nobody stays near a quarter of what is used, whoever asks (a crawler, or somebody
/// who jumps about, soon gets no look-ahead at all). Memory: 64 viewports and 512 families, whatever happens.
///
/// A pure value, guarded by its owner's lock; times are nanoseconds of the caller's. Complexity: linear in the
/// viewports for each request.
package struct Predictor: Sendable {
    /// One family that is expected.
    package struct Prediction: Hashable, Sendable {
        package let ordinal: UInt32
        package let parent: TileCoordinate
        /// The tile of it that is expected first; not the parent.
        package let tile: TileCoordinate
    }

    /// What it has to know of a tileset: the level of the parents, and the pyramid, which says what exists.
    package struct Ground: Hashable, Sendable {
        package let ordinal: UInt32
        package let parentLevel: Int
        package let pyramid: Pyramid

        package init(ordinal: UInt32, parentLevel: Int, pyramid: Pyramid) {
            precondition(parentLevel + 2 <= pyramid.maxLevel, "parents at \(parentLevel) of \(pyramid.maxLevel)")
            self.ordinal = ordinal
            self.parentLevel = parentLevel
            self.pyramid = pyramid
        }
    }

    /// Counts that metrics show; they only grow.
    package struct Counts: Hashable, Sendable {
        /// Families that were expected.
        package var expected = 0
        /// Of them, those of which somebody asked for a tile.
        package var used = 0
        /// Of them, those of which nobody did in time.
        package var wasted = 0
        package init() {}
    }

    private struct FamilyName: Hashable {
        let ordinal: UInt32
        let parent: TileCoordinate
    }

    private struct Track {
        let ground: Ground
        var viewport: Viewport
    }

    private var tracks: [Track] = []
    /// What became of the families that were seen lately: expected and not used yet, or used.
    private var isUsed: [FamilyName: Bool] = [:]
    /// The same in the order in which they were first seen, oldest first from `oldest` on.
    private var order: [(name: FamilyName, time: Int)] = []
    private var oldest = 0
    private var credit = Predictor.firstCredit
    package private(set) var counts = Counts()

    private static var trackLimit: Int { 64 }
    private static var familyLimit: Int { 512 }
    /// A family that nobody asked for after this time was expected for nothing.
    private static var patience: Int { 120_000_000_000 }
    /// A viewport that asked for nothing for so long is another one when it comes back.
    private static var forgetTime: Int { 60_000_000_000 }
    /// Beyond this distance a request is another viewer's.
    private static var reach: Double { 1.6 }
    /// The most families that one request makes expected: a large screen at the children's level.
    private static var most: Int { 48 }
    private static var firstCredit: Int { 48 }
    private static var mostCredit: Int { 128 }
    private static var wasteCost: Int { 4 }
    /// How much of a tile the expected box must cover, so that a hair's breadth expects no family.
    private static var least: Double { 0.25 }
    /// How long a viewer must be quiet to be at rest.
    package static var restTime: Int { 1_000_000_000 }

    package init() {}

    /// Somebody asked for a tile. Which families to make ready, the likeliest first; none that was named lately.
    package mutating func see(_ tile: TileCoordinate, on ground: Ground, at time: Int) -> [Prediction] {
        expire(at: time)
        if tile.level > ground.parentLevel {
            use(FamilyName(ordinal: ground.ordinal, parent: tile.ancestor(tile.level - ground.parentLevel)), at: time)
        }
        let expectations = follow(tile, on: ground, at: time)
        guard credit > 0, tile.level > ground.parentLevel else { return [] }
        var predictions: [Prediction] = []
        for expectation in expectations {
            let depth = tile.level - ground.parentLevel
            predictions += families(expectation.box, depth: depth, nearest: expectation.nearest, on: ground)
        }
        return expect(predictions, at: time)
    }

    /// What viewers who rest at the parents' level will probably ask for: they look at the middle before they zoom in.
    package mutating func rest(at time: Int) -> [Prediction] {
        var predictions: [Prediction] = []
        for index in tracks.indices {
            let (ground, viewport) = (tracks[index].ground, tracks[index].viewport)
            guard viewport.level == ground.parentLevel, time - viewport.lastSeen >= Self.restTime,
                let box = tracks[index].viewport.rest()
            else { continue }
            let children = box.scaled(bySteps: 1)
            let middle = TileCoordinate(
                level: ground.parentLevel + 1,
                x: Int(max(children.centre.x, 0)),
                y: Int(max(children.centre.y, 0))
            )
            predictions += families(children, depth: 1, nearest: middle, on: ground)
        }
        return credit > 0 ? expect(predictions, at: time) : []
    }

    /// When `rest` will next have something to say if nobody asks for anything; nil where never.
    package var nextRest: Int? {
        tracks.filter { $0.viewport.level == $0.ground.parentLevel && $0.viewport.mayRest }
            .map { $0.viewport.lastSeen + Self.restTime }.min()
    }

    // MARK: Viewports

    private mutating func follow(_ tile: TileCoordinate, on ground: Ground, at time: Int) -> [Viewport.Expectation] {
        var nearest: (index: Int, distance: Double)?
        for (index, track) in tracks.enumerated()
        where track.ground.ordinal == ground.ordinal && time - track.viewport.lastSeen < Self.forgetTime {
            let distance = track.viewport.distance(to: tile)
            if distance < min(Self.reach, nearest?.distance ?? .infinity) { nearest = (index, distance) }
        }
        if let nearest { return tracks[nearest.index].viewport.see(tile, at: time) }
        let track = Track(ground: ground, viewport: Viewport(tile, at: time))
        if tracks.count < Self.trackLimit {
            tracks.append(track)
        } else if let stalest = tracks.indices.min(by: { tracks[$0].viewport.lastSeen < tracks[$1].viewport.lastSeen })
        {
            tracks[stalest] = track
        }
        return []
    }

    /// The families of which a box at the level `depth` below the parents covers enough, the nearest to a tile first.
    private func families(
        _ box: TileBox,
        depth: Int,
        nearest tile: TileCoordinate,
        on ground: Ground
    ) -> [Prediction] {
        let side = Double(1 << depth)
        let grid = ground.pyramid.grid(ofLevel: ground.parentLevel)
        func cells(_ start: Double, _ end: Double, _ count: Int) -> Range<Int> {
            let first = max(((start + Self.least) / side).rounded(.down), 0)
            let last = min(((end - Self.least) / side).rounded(.up), Double(count))
            return first < last ? Int(first)..<Int(last) : 0..<0
        }
        var found: [(distance: Double, prediction: Prediction)] = []
        for y in cells(box.top, box.bottom, grid.height) {
            for x in cells(box.left, box.right, grid.width) {
                let parent = TileCoordinate(level: ground.parentLevel, x: x, y: y)
                let first = Self.member(of: parent, depth: depth, nearest: tile)
                guard ground.pyramid.contains(first) else { continue }
                let (dx, dy) = (
                    (Double(x) + 0.5) * side - Double(tile.x) - 0.5, (Double(y) + 0.5) * side - Double(tile.y) - 0.5
                )
                let prediction = Prediction(ordinal: ground.ordinal, parent: parent, tile: first)
                found.append((dx * dx + dy * dy, prediction))
            }
        }
        return found.sorted { $0.distance < $1.distance }.map(\.prediction)
    }

    /// The tile of a family, `depth` below its parent, that is nearest to another.
    private static func member(of parent: TileCoordinate, depth: Int, nearest tile: TileCoordinate) -> TileCoordinate {
        func clamp(_ value: Int, _ cell: Int) -> Int { min(max(value, cell << depth), (cell + 1) << depth - 1) }
        return TileCoordinate(level: parent.level + depth, x: clamp(tile.x, parent.x), y: clamp(tile.y, parent.y))
    }

    // MARK: Accounts

    private mutating func use(_ name: FamilyName, at time: Int) {
        switch isUsed[name] {
        case true?: return
        case false?: counts.used += 1
        case nil: note(name, at: time)
        }
        isUsed[name] = true
        credit = min(credit + 1, Self.mostCredit)
    }

    private mutating func expect(_ predictions: [Prediction], at time: Int) -> [Prediction] {
        var fresh: [Prediction] = []
        for prediction in predictions where fresh.count < Self.most {
            let name = FamilyName(ordinal: prediction.ordinal, parent: prediction.parent)
            guard isUsed[name] == nil else { continue }
            note(name, at: time)
            isUsed[name] = false
            counts.expected += 1
            fresh.append(prediction)
        }
        return fresh
    }

    private mutating func note(_ name: FamilyName, at time: Int) {
        while order.count - oldest >= Self.familyLimit { forgetOldest() }
        order.append((name, time))
    }

    private mutating func expire(at time: Int) {
        while oldest < order.count, time - order[oldest].time > Self.patience { forgetOldest() }
    }

    private mutating func forgetOldest() {
        if isUsed.removeValue(forKey: order[oldest].name) == false {
            counts.wasted += 1
            credit = max(credit - Self.wasteCost, -Self.firstCredit)
        }
        oldest += 1
        if oldest >= Self.familyLimit {
            order.removeFirst(oldest)
            oldest = 0
        }
    }
}
