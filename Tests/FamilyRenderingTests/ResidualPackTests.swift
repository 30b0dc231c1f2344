// SPDX-License-Identifier: Apache-2.0

import CPlatform
import FamilyRendering
import TestSupport
import Testing
import TileModel

@Suite("Residual packs")
struct ResidualPackTests {
    /// A material for a whole family of 4 x 4 tiles.
    private func material() throws -> FamilyMaterial {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 64, height: 64), tileSize: 16, overlap: 0))
        let material = FamilyMaterial()
        let parent = TileCoordinate(level: pyramid.maxLevel - 2, x: 0, y: 0)
        material.begin(family: Family(parent: parent, in: pyramid), pyramid: pyramid)
        return material
    }

    private func residual(_ material: FamilyMaterial, _ member: Int) -> [UInt8]? {
        guard case .residual(let range) = material.part(ofMember: member) else { return nil }
        return unsafe [UInt8](material.bytes(range))
    }

    /// The uncompressed pack of a file that has literals only.
    private func uncompressed(_ file: [UInt8]) throws -> [UInt8] {
        let size = Int(file[0]) | Int(file[1]) << 8 | Int(file[2]) << 16
        return try LZ4BlockTests.decompress(Array(file[4...]), count: size)
    }

    private func compressed(_ pack: [UInt8]) -> [UInt8] {
        let count = pack.count
        return [0, 8, 16, 24].map { UInt8(count >> $0 & 255) } + LZ4Block.literals(pack)
    }

    @Test("what is written is read")
    func roundTrip() throws {
        var writer = ResidualPack.Writer()
        #expect(writer.isEmpty)
        for member in (1...20).reversed() where member != 7 {
            writer.add(member: member, residual: [UInt8](repeating: UInt8(member), count: 10 + member))
        }
        writer.add(kind: 9, index: 200, bytes: [1, 2, 3])
        let file = try writer.file()
        let material = try material()
        try material.addPack(material.append(file))
        for member in 1...20 {
            let expected = member == 7 ? nil : [UInt8](repeating: UInt8(member), count: 10 + member)
            #expect(residual(material, member) == expected)
        }
    }

    @Test("the writer's bytes are the format's: header, index order and offsets")
    func layout() throws {
        var writer = ResidualPack.Writer()
        writer.add(member: 6, residual: [6, 6])
        writer.add(member: 2, residual: [2])
        let pack = try uncompressed(writer.file())
        let header: [UInt8] = Array("ORIG".utf8) + [1, 0, 0, 0, 3, 0, 0, 0, 24, 0, 0, 0, 72, 0, 0, 0, 0, 0, 0, 0]
        let child: [UInt8] = [1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        let grandchild: [UInt8] = [0, 1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
        let checksum: [UInt8] = [255, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]
        let covered = header + child + grandchild + checksum + [2, 6, 6]
        let crc = unsafe covered.withUnsafeBytes { unsafe platform_crc32c(0, $0.baseAddress, $0.count) }
        #expect(pack == covered + [0, 8, 16, 24].map { UInt8(crc >> $0 & 255) })
    }

    @Test("one flipped bit anywhere behind the size is refused, and nothing of the pack is set")
    func checksum() throws {
        var writer = ResidualPack.Writer()
        for member in 1...20 { writer.add(member: member, residual: [UInt8](repeating: 7, count: 40)) }
        let pack = try uncompressed(writer.file())
        let material = try material()
        try material.addPack(material.append(compressed(pack)))
        #expect(residual(material, 20)?.count == 40)
        guard let family = material.family, let pyramid = material.pyramid else { return }
        for at in stride(from: 24 + 21 * 16, to: pack.count, by: 3) {
            var damaged = pack
            damaged[at] ^= 1 << UInt8(at & 7)
            material.begin(family: family, pyramid: pyramid)
            #expect(throws: PackError.self, "\(at)") { try material.addPack(material.append(compressed(damaged))) }
            #expect((1...20).allSatisfy { material.part(ofMember: $0) == .missing }, "\(at)")
        }
        let bare = try writer.file(hasChecksum: false)
        material.begin(family: family, pyramid: pyramid)
        try material.addPack(material.append(bare))
        #expect(residual(material, 20)?.count == 40, "packs of other writers have none")
    }

    @Test("chroma entries are read back, forgotten with the family, and refused where they cannot be")
    func chroma() throws {
        var writer = ResidualPack.Writer()
        writer.add(member: 3, residual: [3])
        let weights = (1...20).map { ChromaWeights(blue: Int8($0), red: Int8(-$0)) }
        writer.add(weights: weights)
        writer.add(child: 3, chromaResidual: [1, 2, 3])
        let material = try material()
        try material.addPack(material.append(writer.file()))
        #expect(material.correctsChroma(depth: 1) && material.correctsChroma(depth: 2))
        #expect((1...20).map { material.weights(ofMember: $0) } == weights)
        let place = try #require(material.chromaResidual(ofChild: 3))
        #expect(unsafe [UInt8](material.bytes(place)) == [1, 2, 3])
        #expect(material.chromaResidual(ofChild: 2) == nil)
        guard let family = material.family, let pyramid = material.pyramid else { return }
        material.begin(family: family, pyramid: pyramid)
        #expect(!material.correctsChroma && material.weights(ofMember: 4) == .none)
        #expect(material.chromaResidual(ofChild: 3) == nil)
        for (kind, index, count) in [(ResidualPack.Kind.chromaWeights, 0, 39), (.init(0xC1), 4, 3)] {
            var wrong = ResidualPack.Writer()
            wrong.add(member: 3, residual: [3])
            wrong.add(kind: kind, index: UInt8(index), bytes: [UInt8](repeating: 0, count: count))
            #expect(throws: PackError.self) { try material.addPack(material.append(wrong.file())) }
            #expect(material.part(ofMember: 3) == .missing)
        }
    }

    @Test("a pack overrides what was set before, and leaves the rest")
    func overrides() throws {
        let material = try material()
        material.set(member: 1, plain: material.append([1]))
        material.set(member: 2, plain: material.append([2]))
        var writer = ResidualPack.Writer()
        writer.add(member: 1, residual: [9])
        try material.addPack(material.append(writer.file()))
        #expect(residual(material, 1) == [9])
        #expect(material.part(ofMember: 2) == .plain(1..<2))
        #expect(material.part(ofMember: 3) == .missing)
    }

    @Test("the older magic is accepted, another one and other versions are not")
    func magics() throws {
        var writer = ResidualPack.Writer()
        writer.add(member: 1, residual: [9])
        let pack = try uncompressed(writer.file(hasChecksum: false))
        let older = Array("RRIP".utf8) + pack[4...]
        let material = try material()
        try material.addPack(material.append(compressed(older)))
        #expect(residual(material, 1) == [9])
        #expect(throws: PackError.wrongMagic(what: "residual pack")) {
            try material.addPack(material.append(compressed(Array("NOPE".utf8) + pack[4...])))
        }
        var second = pack
        second[4] = 2
        #expect(throws: PackError.unknownVersion(what: "residual pack", version: 2)) {
            try material.addPack(material.append(compressed(second)))
        }
    }

    @Test("residuals that no reader would take are an error of the writer's")
    func tooLarge() {
        var writer = ResidualPack.Writer()
        let half = [UInt8](repeating: 7, count: ResidualPack.maxUncompressedBytes / 2)
        for member in 1...2 { writer.add(member: member, residual: half) }
        let error = #expect(throws: PackError.self) { try writer.file() }
        #expect(error?.description.contains("smaller tiles") == true)
    }

    @Test("more entries than there can be are refused before any is read")
    func manyEntries() throws {
        var writer = ResidualPack.Writer()
        writer.add(member: 1, residual: [9])
        var pack = try uncompressed(writer.file(hasChecksum: false))
        let count = 65_537
        func bytes(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        pack.replaceSubrange(8..<12, with: bytes(count))
        pack += [UInt8](repeating: 0, count: count * 16)
        pack.replaceSubrange(16..<20, with: bytes(24 + count * 16))
        let material = try material()
        #expect(throws: PackError.self) { try material.addPack(material.append(compressed(pack))) }
    }

    @Test("lying counts, offsets, lengths and indices are refused and set nothing")
    func lies() throws {
        var writer = ResidualPack.Writer()
        writer.add(member: 1, residual: [1, 1, 1])
        writer.add(member: 5, residual: [5, 5])
        // Without a checksum, which would find them all.
        let pack = try uncompressed(writer.file(hasChecksum: false))
        let material = try material()
        let lies: [(offset: Int, bytes: [UInt8])] = [
            (8, [0xFF, 0xFF, 0xFF, 0xFF]), (8, [3, 0, 0, 0]), (12, [0, 0, 0, 0]), (12, [0xFF, 0xFF, 0xFF, 0xFF]),
            (16, [0, 0, 0, 0]), (16, [0xFF, 0xFF, 0xFF, 0x7F]), (44, [0xFF, 0xFF, 0xFF, 0xFF]), (48, [6, 0, 0, 0]),
            (48, [0xFF, 0xFF, 0xFF, 0xFF]), (41, [16, 0, 0, 0]), (25, [4, 0, 0, 0]),
        ]
        for lie in lies {
            var damaged = pack
            damaged.replaceSubrange(lie.offset..<(lie.offset + 4), with: lie.bytes)
            #expect(throws: PackError.self, "\(lie)") { try material.addPack(material.append(compressed(damaged))) }
            #expect((1...20).allSatisfy { material.part(ofMember: $0) == .missing }, "\(lie)")
        }
    }

    @Test("an implausible size is refused before memory is taken for it")
    func sizes() throws {
        let material = try material()
        let block = LZ4Block.literals([UInt8](repeating: 0, count: 2000))
        let capacity = material.capacity
        for declared in [0, 23, ResidualPack.maxUncompressedBytes + 1, 0xFFFF_FFFF, (block.count) * 255 + 1] {
            let file = [0, 8, 16, 24].map { UInt8(declared >> $0 & 255) } + block
            #expect(throws: PackError.self, "\(declared)") { try material.addPack(material.append(file)) }
        }
        #expect(material.capacity <= max(capacity, 1 << 16))
        for count in 0..<5 {
            #expect(throws: PackError.self) {
                try material.addPack(material.append([UInt8](repeating: 1, count: count)))
            }
        }
    }

    @Test("members that the family does not have are ignored")
    func beyondTheEdge() throws {
        let pyramid = try #require(Pyramid(deepZoom: GridSize(width: 20, height: 5), tileSize: 16, overlap: 0))
        let family = Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: 0, y: 0), in: pyramid)
        let material = FamilyMaterial()
        material.begin(family: family, pyramid: pyramid)
        var writer = ResidualPack.Writer()
        for member in 1...20 { writer.add(member: member, residual: [UInt8(member)]) }
        try material.addPack(material.append(writer.file()))
        for member in 1...20 {
            #expect((material.part(ofMember: member) != .missing) == family.contains(member: member))
        }
    }

    @Test("bit-flipped and truncated real packs are refused or read, never a trap, with bounded memory")
    func fuzz() throws {
        let seed = Seed.ofThisRun
        print("pack fuzz: \(seed)")
        var writer = ResidualPack.Writer()
        for member in 1...20 {
            writer.add(member: member, residual: (0..<(20 + member)).map { UInt8($0 * member & 255) })
        }
        let files = try [writer.file(), writer.file(hasChecksum: false)]
        let material = try material()
        guard let family = material.family, let pyramid = material.pyramid else { return }
        for round in 0..<3000 {
            var generator = seed.generator(stream: round)
            var damaged = files[round & 1]
            if round % 3 == 0 { damaged.removeLast(Int.random(in: 0...damaged.count, using: &generator)) }
            for _ in 0..<Int.random(in: 0...4, using: &generator) where !damaged.isEmpty {
                let limit = Bool.random(using: &generator) ? min(damaged.count, 360) : damaged.count
                damaged[Int.random(in: 0..<limit, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            }
            material.begin(family: family, pyramid: pyramid)
            _ = try? material.addPack(material.append(damaged))
            for member in 1...20 {
                if case .residual(let range) = material.part(ofMember: member) {
                    // Readable: inside the arena.
                    #expect(unsafe material.bytes(range).count == range.count)
                }
            }
            #expect(material.capacity <= ResidualPack.maxUncompressedBytes + (1 << 20))
        }
    }

    @Test("an arena that one huge pack grew is given back at the next family")
    func arenaShrinks() throws {
        let material = try material()
        guard let family = material.family, let pyramid = material.pyramid else { return }
        _ = unsafe material.appendBytes(count: 40 << 20) { _ in 1 }
        #expect(material.capacity >= 40 << 20)
        material.begin(family: family, pyramid: pyramid)
        #expect(material.capacity == 0)
    }

    @Test("bytes keep their place while the arena grows")
    func arenaGrows() throws {
        let material = try material()
        var ranges: [(Range<Int>, UInt8)] = []
        for value in 0..<100 {
            let bytes = [UInt8](repeating: UInt8(value), count: value * 97)
            ranges.append((material.append(bytes), UInt8(value)))
        }
        for (range, value) in ranges {
            #expect(unsafe material.bytes(range).allSatisfy { $0 == value })
        }
        let short = unsafe material.appendBytes(count: 100) { _ in 30 }
        #expect(short.count == 30)
        #expect(material.append([1]).lowerBound == short.upperBound)
    }
}
