// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// What one family is made from: the parent's JPEG and, for each other member, a residual or a plain JPEG.
///
/// A source fills it, a `FamilyRenderer` reads it. All bytes lie in one arena that keeps its capacity from family to
/// family, so that loading allocates nothing once warm. Owned by one worker; not thread-safe.
///
///     material.begin(family: family, pyramid: pyramid)
///     let parent = try material.appendBytes(count: size) { buffer in try file.read(into: buffer) }
///     material.setParent(parent)
///     try material.addPack(packRange)
@safe
package final class FamilyMaterial {
    /// What a member is made from.
    package enum Part: Hashable, Sendable {
        case missing
        /// A gray JPEG of luma differences, at a place in the arena.
        case residual(Range<Int>)
        /// The tile's own JPEG, at a place in the arena.
        case plain(Range<Int>)

        /// Whether it is a residual.
        package var isResidual: Bool { if case .residual = self { true } else { false } }
    }

    /// The family, or nil before the first `begin`.
    package private(set) var family: Family?
    /// The pyramid that it is of, or nil before the first `begin`.
    package private(set) var pyramid: Pyramid?
    /// Counts `begin`: a renderer sees by it that its own state is of another family.
    package private(set) var generation: UInt64 = 0

    /// Whether a pack was added that has a checksum, which held.
    package private(set) var isChecked = false

    private var arena: UnsafeMutableRawBufferPointer
    private var used = 0
    private var parts = [Part](repeating: .missing, count: Family.memberCount)
    /// Bit i is set where something that member i should be made from is damaged.
    private var damage: UInt32 = 0
    /// By member; of use only where `chromaDepths` has the member's depth.
    private var weights = [ChromaWeights](repeating: .none, count: Family.memberCount)
    /// The places of the children's chroma residuals, by member.
    private var chromaResiduals = [Range<Int>](repeating: 0..<0, count: 5)
    /// Bit d is set where a member of depth d has chroma of its own.
    private var chromaDepths: UInt8 = 0

    /// A capacity that is kept for the next family. A pack that declared more is not paid for for ever.
    private static let keptCapacity = 16 << 20

    package init() { unsafe arena = UnsafeMutableRawBufferPointer(start: nil, count: 0) }

    deinit {
        // SAFETY: allocated by `reserve`, owned by this object alone.
        unsafe arena.deallocate()
    }

    /// Forgets everything and starts with another family.
    package func begin(family: Family, pyramid: Pyramid) {
        self.family = family
        self.pyramid = pyramid
        generation &+= 1
        used = 0
        for member in parts.indices { parts[member] = .missing }
        damage = 0
        isChecked = false
        if chromaDepths != 0 {
            for member in weights.indices { weights[member] = .none }
            for child in chromaResiduals.indices { chromaResiduals[child] = 0..<0 }
            chromaDepths = 0
        }
        if unsafe arena.count > Self.keptCapacity {
            // SAFETY: ours; no range of an earlier family may be used after `begin`.
            unsafe arena.deallocate()
            unsafe arena = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
    }

    /// Makes room for `count` bytes, lets `fill` write them and say how many it wrote, and returns their place.
    ///
    /// The buffer that `fill` gets has exactly `count` bytes and is valid only inside it; `fill` must not touch this
    /// material. What it throws leaves the material as it was.
    package func appendBytes<Failure: Error>(
        count: Int,
        _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Range<Int> {
        precondition(count >= 0, "appending \(count) bytes")
        reserve(count)
        // SAFETY: `reserve` made the arena at least used + count long.
        let filled = try unsafe fill(UnsafeMutableRawBufferPointer(rebasing: arena[used..<(used + count)]))
        precondition((0...count).contains(filled), "\(filled) bytes filled of \(count)")
        defer { used += filled }
        return used..<(used + filled)
    }

    /// Copies bytes into the arena and returns their place.
    package func append(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        unsafe appendBytes(count: bytes.count) { buffer in
            unsafe buffer.copyMemory(from: bytes)
            return bytes.count
        }
    }

    /// Copies bytes into the arena and returns their place.
    package func append(_ bytes: [UInt8]) -> Range<Int> {
        unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    /// The parent's stored JPEG.
    package func setParent(_ range: Range<Int>) { set(member: 0, to: .plain(range)) }

    /// A member's residual, 1...20.
    package func set(member: Int, residual range: Range<Int>) {
        precondition(member != 0, "a parent has no residual")
        set(member: member, to: .residual(range))
    }

    /// A member's own JPEG.
    package func set(member: Int, plain range: Range<Int>) { set(member: member, to: .plain(range)) }

    private func set(member: Int, to part: Part) {
        precondition((0..<Family.memberCount).contains(member), "no member \(member)")
        switch part {
        case .residual(let range), .plain(let range):
            precondition(range.lowerBound >= 0 && range.upperBound <= used, "\(range) is not in the arena")
            parts[member] = range.isEmpty ? .missing : part
        case .missing: parts[member] = .missing
        }
    }

    /// Notes that what a member should be made from is damaged: whatever stands in for it is not what its source means,
    /// and where nothing does, that is a fault and not a hole.
    package func noteDamage(ofMember member: Int) {
        precondition((0..<Family.memberCount).contains(member), "no member \(member)")
        damage |= 1 << UInt32(member)
    }

    /// Whether damage was noted for a member.
    package func isDamaged(member: Int) -> Bool { damage & (1 << UInt32(member)) != 0 }

    /// A number that is 0 where a member is rendered as its source means it: from residuals alone, none of them damaged.
    /// Otherwise a hash of what stands in for what, to tell such a tile from the true one.
    package func deviation(ofMember member: Int) -> UInt64 {
        guard let family else { preconditionFailure("no family") }
        // A grandchild is predicted from all children: their mosaic is doubled.
        let used = Family.depth(ofMember: member) == 2 ? [1, 2, 3, 4, member] : [member]
        let isTrue = used.allSatisfy { member in
            !family.contains(member: member) || (parts[member].isResidual && !isDamaged(member: member))
        }
        guard !isTrue else { return 0 }
        var hash = StableHash()
        for member in used {
            hash.combine(parts[member].isResidual ? 1 : parts[member] == .missing ? 2 : 3)
            hash.combine(isDamaged(member: member) ? 1 : 0)
        }
        return hash.value
    }

    /// What a member is made from; the parent is `.plain` or `.missing`.
    package func part(ofMember member: Int) -> Part {
        precondition((0..<Family.memberCount).contains(member), "no member \(member)")
        return parts[member]
    }

    /// The bytes at a place, valid until the next `append`, `addPack` or `begin`.
    package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= used, "\(range) is not in the arena")
        // SAFETY: inside the arena by the precondition.
        return unsafe UnsafeRawBufferPointer(rebasing: arena[range])
    }

    /// Decompresses a pack file that lies in the arena, and sets the residual of each member that it holds. Members
    /// that the family does not have, and kinds that are not known, are ignored. Where the pack is refused, nothing of
    /// it is set.
    package func addPack(_ file: Range<Int>) throws(PackError) {
        guard let family else { preconditionFailure("a pack before a family") }
        let size = try unsafe ResidualPack.uncompressedSize(of: bytes(file))
        reserve(size)
        // SAFETY: the target lies behind all used bytes, so the two do not overlap; `reserve` made room for it.
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: arena[used..<(used + size)])
        try unsafe ResidualPack.decompress(bytes(file), into: target)
        let pack = UnsafeRawBufferPointer(target)
        // Twice: the first pass finds every fault, so that the second sets all or nothing.
        let hasChecksum = try unsafe ResidualPack.verifyChecksum(of: pack)
        try unsafe ResidualPack.forEachEntry(of: pack) { entry throws(PackError) in
            _ = (try entry.member(), try entry.chromaChild())
            guard entry.kind != ResidualPack.Kind.chromaWeights || entry.range.count == ResidualPack.weightBytes else {
                throw .outOfBounds(
                    what: "an entry of \(entry.range.count) bytes for \(ResidualPack.weightBytes) weights"
                )
            }
        }
        let start = used
        try unsafe ResidualPack.forEachEntry(of: pack) { entry throws(PackError) in
            let place = (start + entry.range.lowerBound)..<(start + entry.range.upperBound)
            if let member = try entry.member() {
                if family.contains(member: member) { parts[member] = .residual(place) }
            } else if let child = try entry.chromaChild() {
                if family.contains(member: child) { setChromaResidual(ofChild: child, uncheckedTo: place) }
            } else if entry.kind == ResidualPack.Kind.chromaWeights {
                for member in family.members where member > 0 {
                    // SAFETY: the entry has two bytes for each of 20 members: the first pass has checked it.
                    let at = entry.range.lowerBound + 2 * (member - 1)
                    let (blue, red) = unsafe (Int8(bitPattern: pack[at]), Int8(bitPattern: pack[at + 1]))
                    set(member: member, weights: ChromaWeights(blue: blue, red: red))
                }
            }
        }
        used += size
        isChecked = hasChecksum
    }

    // MARK: Chroma

    /// How much a member's chroma follows its residual; 1...20.
    package func set(member: Int, weights new: ChromaWeights) {
        precondition((1..<Family.memberCount).contains(member), "no chroma weights for member \(member)")
        weights[member] = new
        if new != .none { chromaDepths |= 1 << UInt8(Family.depth(ofMember: member)) }
    }

    /// A child's chroma residual, 1...4.
    package func setChromaResidual(ofChild child: Int, to range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= used, "\(range) is not in the arena")
        setChromaResidual(ofChild: child, uncheckedTo: range)
    }

    private func setChromaResidual(ofChild child: Int, uncheckedTo range: Range<Int>) {
        precondition((1...4).contains(child), "no child \(child)")
        chromaResiduals[child] = range
        if !range.isEmpty { chromaDepths |= 2 }
    }

    /// Whether the chroma of members of a depth, 1 or 2, is more than their parent's.
    package func correctsChroma(depth: Int) -> Bool { chromaDepths & (1 << UInt8(depth)) != 0 }

    /// Whether any member's chroma is more than the parent's.
    package var correctsChroma: Bool { chromaDepths != 0 }

    /// The bytes of what says something of chroma.
    package var chromaBytes: Int {
        chromaResiduals.reduce(weights.contains { $0 != .none } ? ResidualPack.weightBytes : 0) { $0 + $1.count }
    }

    /// How much a member's chroma follows its residual.
    package func weights(ofMember member: Int) -> ChromaWeights { weights[member] }

    /// Where the chroma residual of a child, 1...4, lies; nil where it has none.
    package func chromaResidual(ofChild child: Int) -> Range<Int>? {
        chromaResiduals[child].isEmpty ? nil : chromaResiduals[child]
    }

    /// The same, for a pack file that lies elsewhere.
    package func addPack(_ file: UnsafeRawBufferPointer) throws(PackError) {
        try addPack(unsafe append(file))
    }

    /// The bytes that the arena holds on to.
    package var capacity: Int { unsafe arena.count }

    /// Makes the arena long enough for `count` more bytes. Doubles, so that appending is linear on the whole.
    private func reserve(_ count: Int) {
        let needed = used + count
        guard unsafe needed > arena.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: unsafe max(needed, min(arena.count * 2, Self.keptCapacity), 64 << 10),
            alignment: 64
        )
        // SAFETY: the new arena is larger than the used part of the old one, which is ours to free.
        unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: arena[..<used]))
        unsafe arena.deallocate()
        unsafe arena = unsafe larger
    }
}
