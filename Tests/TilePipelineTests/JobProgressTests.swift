// SPDX-License-Identifier: Apache-2.0

import Testing
import TileModel
import TilePipeline

@Suite("What a worker makes next")
struct JobProgressTests {
    static let whole = MemberForms((0..<Family.memberCount).map { MemberForm(member: $0, isPadded: false) })

    static func form(_ member: Int, padded: Bool = false) -> MemberForm { MemberForm(member: member, isPadded: padded) }

    @Test("awaited tiles come in the order in which they were asked for")
    func awaitedOrder() {
        var progress = JobProgress(possible: Self.whole)
        for member in [17, 3, 9] { _ = progress.want(Self.form(member)) }
        let claims: [JobProgress.Claim] = [.anything, .anything, .awaited, .awaited]
        let claimed = claims.map { progress.claimNext($0)?.member }
        #expect(claimed == [17, 3, 9, nil])
    }

    @Test("two workers never make the same tile")
    func claimsAreExclusive() {
        var progress = JobProgress(possible: Self.whole)
        _ = progress.want(Self.form(5))
        var claimed: [MemberForm] = []
        while let form = progress.claimNext(.anything) { claimed.append(form) }
        #expect(Set(claimed).count == claimed.count)
        #expect(claimed.count == 20)
        #expect(!claimed.contains(Self.form(0)), "the parent is stored, not made")
    }

    @Test(
        "two workers at a family that a pre-warm waits for share its children, and each makes the quarters of its own"
    )
    func twoWorkers() {
        var progress = JobProgress(possible: Self.whole)
        progress.requireAll()
        var made: [[Int]] = [[], []]
        var last: [MemberForm?] = [nil, nil]
        for _ in 0..<11 {
            for worker in 0..<2 {
                guard let form = progress.claimNext(.anything, after: last[worker]) else { continue }
                made[worker].append(form.member)
                last[worker] = form
                progress.finish(form)
            }
        }
        #expect(made.joined().sorted() == Array(0..<Family.memberCount))
        let children = made.map { Set($0.compactMap(Family.child(ofMember:))) }
        // They are even but for the parent: in the end one may take over what is left of the other's last child.
        #expect(children.map(\.count).reduce(0, +) <= 5)
    }

    @Test("a member's child is the one whose rectangle it lies in")
    func children() throws {
        let size = GridSize(width: 1024, height: 1024)
        let pyramid = try #require(Pyramid(deepZoom: size, tileSize: 256, overlap: 0))
        let family = Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: 0, y: 0), in: pyramid)
        #expect(Family.child(ofMember: 0) == nil)
        for member in 5..<Family.memberCount {
            let tile = family.coordinate(ofMember: member)
            let above = TileCoordinate(level: tile.level - 1, x: tile.x / 2, y: tile.y / 2)
            #expect(Family.child(ofMember: member) == family.member(at: above))
        }
        for member in 1...4 { #expect(Family.child(ofMember: member) == member) }
    }

    @Test("an expected tile is the first of the siblings, unless somebody asked for another before")
    func expected() {
        var progress = JobProgress(possible: Self.whole)
        progress.expect(Self.form(14))
        #expect(progress.isUnwanted && progress.remainingSiblings == 20)
        let none = progress.claimNext(.awaited)
        #expect(none == nil)
        let first = progress.claimNext(.anything)
        #expect(first == Self.form(14))
        var asked = JobProgress(possible: Self.whole)
        _ = asked.want(Self.form(5))
        asked.expect(Self.form(20))
        let order = (0..<2).compactMap { _ in asked.claimNext(.anything)?.member }
        #expect(order.first == 5 && order.last != 20)
    }

    @Test("siblings of the awaited tile's level come first, the nearest first")
    func siblingsByDistance() {
        var progress = JobProgress(possible: Self.whole)
        _ = progress.want(Self.form(5))
        _ = progress.claimNext(.awaited)
        let next = (0..<3).compactMap { _ in progress.claimNext(.anything)?.member }
        #expect(Set(next) == [6, 9, 10])
    }

    @Test("nothing but what is awaited is made while others wait")
    func noSiblings() {
        var progress = JobProgress(possible: Self.whole)
        _ = progress.want(Self.form(5))
        progress.requireAll()
        _ = progress.claimNext(.awaited)
        let next = progress.claimNext(.awaited)
        #expect(next == nil)
    }

    @Test("a pre-warm is complete when every form is made, and not before")
    func requiredAll() {
        let possible = MemberForms([Self.form(0), Self.form(1), Self.form(1, padded: true), Self.form(5)])
        var progress = JobProgress(possible: possible)
        progress.requireAll()
        var made = 0
        while let form = progress.claimNext(.anything) {
            #expect(!progress.isComplete)
            progress.finish(form)
            made += 1
        }
        #expect(made == 4)
        #expect(progress.isComplete)
        #expect(progress.isUnwanted)
    }

    @Test("a tile that was made and asked for again is made again")
    func wantedAgain() {
        var progress = JobProgress(possible: Self.whole)
        _ = progress.want(Self.form(5))
        if let form = progress.claimNext(.awaited) { progress.finish(form) }
        #expect(progress.isUnwanted)
        _ = progress.want(Self.form(5))
        let madeAgain = progress.claimNext(.awaited)
        #expect(madeAgain == Self.form(5))
    }

    @Test("a tile that nobody waits for any more is not claimed")
    func unwanted() {
        var progress = JobProgress(possible: Self.whole)
        _ = progress.want(Self.form(5))
        _ = progress.want(Self.form(6))
        progress.unwant(Self.form(5))
        let claimed = progress.claimNext(.awaited)
        #expect(claimed == Self.form(6))
    }

    @Test("a form that the job cannot make is refused")
    func impossible() {
        var progress = JobProgress(possible: MemberForms([Self.form(0)]))
        let isPossible = progress.want(Self.form(3))
        #expect(!isPossible)
        #expect(progress.isUnwanted)
    }
}
