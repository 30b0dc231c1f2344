// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TestSupport
import TileModel

/// A family of random geometry and contents, cut off at the picture's edge more often than not.
struct RandomFamily: CustomStringConvertible {
    let pyramid: Pyramid
    let family: Family
    /// The bytes of each member's part; nil where it is missing.
    private(set) var parts: [(isResidual: Bool, jpeg: [UInt8])?]
    private let parentSubsampling: ChromaSubsampling
    /// How chroma follows residuals, by member; `.none` for all in half of the families.
    private(set) var weights = [ChromaWeights](repeating: .none, count: Family.memberCount)
    /// Chroma residuals of some children.
    private(set) var chromaResiduals: [Int: [UInt8]] = [:]

    init(_ generator: inout SeededGenerator, missing: Bool = true) throws {
        let encoder = JPEGEncoder()
        var pyramid: Pyramid?
        while pyramid.map({ $0.maxLevel < 2 }) ?? true {
            let tileSize = Int.random(in: 1...24, using: &generator)
            let size = GridSize(
                width: Int.random(in: 1...(8 * tileSize), using: &generator),
                height: Int.random(in: 1...(8 * tileSize), using: &generator)
            )
            pyramid = Pyramid(deepZoom: size, tileSize: tileSize, overlap: 0)
        }
        guard let pyramid else { throw RenderTestFailure("no pyramid") }
        self.pyramid = pyramid
        let grid = pyramid.grid(ofLevel: pyramid.maxLevel - 2)
        let parent = TileCoordinate(
            level: pyramid.maxLevel - 2,
            x: Int.random(in: 0..<grid.width, using: &generator),
            y: Int.random(in: 0..<grid.height, using: &generator)
        )
        family = Family(parent: parent, in: pyramid)
        let kinds: [ChromaSubsampling] = [.full, .full, .quarter, .halfWidth, .gray]
        parentSubsampling = kinds.randomElement(using: &generator) ?? .full
        parts = [(isResidual: Bool, jpeg: [UInt8])?](repeating: nil, count: Family.memberCount)
        for member in family.members {
            let rect = pyramid.rect(of: family.coordinate(ofMember: member))
            let isFull = Bool.random(using: &generator)
            let width = isFull ? pyramid.tileSize : rect.width
            let height = isFull ? pyramid.tileSize : rect.height
            let fate = Int.random(in: 0..<10, using: &generator)
            if member > 0, missing, fate == 0 { continue }
            let isResidual = member > 0 && fate > 2
            let subsampling: ChromaSubsampling = isResidual ? .gray : member == 0 ? parentSubsampling : .quarter
            let channels = subsampling == .gray ? 1 : 3
            var pixels: [UInt8] = []
            for index in 0..<(width * height * channels) {
                let base = isResidual ? 118 : 40 + index % (width * channels) * 3 % 150
                pixels.append(UInt8(clamping: base + Int.random(in: 0...20, using: &generator)))
            }
            let image = RasterImage(width: width, height: height, channels: channels, pixels: pixels)
            let jpeg = try encoder.encodeRaster(image, quality: 85, subsampling: subsampling)
            parts[member] = (isResidual, jpeg)
        }
        for depth in 1...2 where Bool.random(using: &generator) {
            for member in family.members where Family.depth(ofMember: member) == depth {
                guard Int.random(in: 0..<4, using: &generator) > 0 else { continue }
                weights[member] = ChromaWeights(
                    blue: Int8.random(in: -128...127, using: &generator),
                    red: Int8.random(in: -70...70, using: &generator)
                )
                guard depth == 1, Bool.random(using: &generator) else { continue }
                let rect = pyramid.rect(of: family.coordinate(ofMember: member))
                let samples = (0..<(2 * rect.width * rect.height)).map { _ in
                    UInt8.random(in: 100...156, using: &generator)
                }
                let image = RasterImage(width: rect.width, height: 2 * rect.height, channels: 1, pixels: samples)
                chromaResiduals[member] = try encoder.encodeRaster(image, quality: 80)
            }
        }
    }

    /// Whether the chroma of a depth's members is more than the parent's.
    func correctsChroma(depth: Int) -> Bool {
        family.members.contains { Family.depth(ofMember: $0) == depth && weights[$0] != .none }
            || depth == 1 && !chromaResiduals.isEmpty
    }

    /// The material; a part may be replaced on the way.
    func material(replacing member: Int? = nil, with jpeg: [UInt8] = []) -> FamilyMaterial {
        let material = FamilyMaterial()
        material.begin(family: family, pyramid: pyramid)
        for (index, part) in parts.enumerated() {
            guard let part else { continue }
            let range = material.append(index == member ? jpeg : part.jpeg)
            if index == 0 {
                material.setParent(range)
            } else if part.isResidual {
                material.set(member: index, residual: range)
            } else {
                material.set(member: index, plain: range)
            }
        }
        for member in family.members where member > 0 { material.set(member: member, weights: weights[member]) }
        for (child, jpeg) in chromaResiduals {
            material.setChromaResidual(ofChild: child, to: material.append(jpeg))
        }
        return material
    }

    var description: String {
        "family \(family.parent) of \(pyramid.size), tiles of \(pyramid.tileSize), parent \(parentSubsampling)"
    }

    /// A level's true size within the family.
    func size(depth: Int) -> GridSize { ResidualEncoder.size(of: family, in: pyramid, depth: depth) }

    /// Where a member lies within the family, at its level.
    func rect(_ member: Int) -> PixelRect {
        let depth = Family.depth(ofMember: member)
        let rect = pyramid.rect(of: family.coordinate(ofMember: member))
        let side = pyramid.tileSize << depth
        return PixelRect(
            x: rect.x - family.parent.x * side,
            y: rect.y - family.parent.y * side,
            width: rect.width,
            height: rect.height
        )
    }
}

extension Plane {
    /// The plane doubled by the plain kernel, cut to a size.
    func doubled(_ size: GridSize, _ rounding: Upsampler.Rounding) -> Plane {
        let result = Plane(width: size.width, height: size.height)
        upsampleScalar(self, x: 0, y: 0, into: result, rounding: rounding)
        return result
    }

    /// A copy of a part, larger by repetition of its last column and row where `paddedTo` says so.
    func cut(_ rect: PixelRect, paddedTo size: (width: Int, height: Int)? = nil, fill: UInt8? = nil) -> Plane {
        let result = Plane(width: size?.width ?? rect.width, height: size?.height ?? rect.height)
        for y in 0..<result.height {
            for x in 0..<result.width {
                let isInside = x < rect.width && y < rect.height
                if let fill, !isInside {
                    result[x, y] = fill
                } else {
                    result[x, y] = self[rect.x + min(x, rect.width - 1), rect.y + min(y, rect.height - 1)]
                }
            }
        }
        return result
    }
}

/// The luma of a JPEG, at its declared size.
func decodedLuma(_ jpeg: [UInt8]) throws -> Plane {
    try unsafe jpeg.withUnsafeBytes { raw in
        let decoder = JPEGDecoder()
        let header = try unsafe decoder.header(of: raw)
        let plane = Plane(width: header.width, height: header.height)
        try unsafe decoder.decodeLuma(raw, header: header, into: plane)
        return plane
    }
}
