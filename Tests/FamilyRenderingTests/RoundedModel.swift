// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TestSupport
import TileModel

/// Rounded mode as it is defined, level by level on whole planes with plain kernels, nothing lazy: the model that the
/// renderer must equal byte for byte.
struct RoundedModel {
    private let subject: RandomFamily
    private let children: Plane
    /// Chroma of the three levels, or nil for a gray parent.
    private let chroma: [(blue: Plane, red: Plane)]?

    init(_ subject: RandomFamily) throws {
        self.subject = subject
        guard let parent = subject.parts[0]?.jpeg else { throw RenderTestFailure("no parent") }
        let sizes = (0...2).map { subject.size(depth: $0) }
        let (luma, parentChroma) = try Self.planes(parent, sizes[0])
        let children = luma.doubled(sizes[1], .nearest)
        for member in 1...4 where subject.family.contains(member: member) {
            guard let part = subject.parts[member] else { continue }
            let rect = subject.rect(member)
            let decoded = try decodedLuma(part.jpeg)
            for y in 0..<rect.height {
                for x in 0..<rect.width {
                    let value = Int(decoded[x, y])
                    let predicted = Int(children[rect.x + x, rect.y + y])
                    children[rect.x + x, rect.y + y] = UInt8(
                        clamping: part.isResidual ? predicted + value - 128 : value
                    )
                }
            }
        }
        self.children = children
        chroma = parentChroma.map { parent in
            let middle = (parent.0.doubled(sizes[1], .nearest), parent.1.doubled(sizes[1], .nearest))
            Self.correct(middle, subject, 1...4)
            let fine = (middle.0.doubled(sizes[2], .nearest), middle.1.doubled(sizes[2], .nearest))
            Self.correct(fine, subject, 5...20)
            return [parent, middle, fine]
        }
    }

    /// Adds weights and chroma residuals, as they are defined, sample by sample.
    private static func correct(_ chroma: (Plane, Plane), _ subject: RandomFamily, _ members: ClosedRange<Int>) {
        for member in members where subject.family.contains(member: member) {
            guard let part = subject.parts[member], part.isResidual, let luma = try? decodedLuma(part.jpeg) else {
                continue
            }
            let rect = subject.rect(member)
            let stored = subject.chromaResiduals[member].flatMap { try? decodedLuma($0) }
            let weights = subject.weights[member]
            for (plane, weight, top) in [(chroma.0, weights.blue, 0), (chroma.1, weights.red, rect.height)] {
                for y in 0..<rect.height {
                    for x in 0..<rect.width {
                        let share = Double(weight) * (Double(luma[x, y]) - 128) / 64
                        var value = Int(plane[rect.x + x, rect.y + y]) + Int((share + 0.5).rounded(.down))
                        value = min(max(value, 0), 255)
                        if let stored { value = min(max(value + Int(stored[x, top + y]) - 128, 0), 255) }
                        plane[rect.x + x, rect.y + y] = UInt8(value)
                    }
                }
            }
        }
    }

    /// A parent's planes at its true size, chroma enlarged.
    private static func planes(_ jpeg: [UInt8], _ size: GridSize) throws -> (Plane, (Plane, Plane)?) {
        try unsafe jpeg.withUnsafeBytes { raw in
            let decoder = JPEGDecoder()
            let header = try unsafe decoder.header(of: raw)
            let subsampling = header.subsampling
            let lumaSize = subsampling.lumaPlaneSize(width: header.width, height: header.height)
            let chromaSize = subsampling.chromaPlaneSize(width: header.width, height: header.height)
            let luma = Plane(width: lumaSize.width, height: lumaSize.height)
            let blue = Plane(width: chromaSize.width, height: chromaSize.height)
            let red = Plane(width: chromaSize.width, height: chromaSize.height)
            try unsafe decoder.decodePlanes(raw, header: header, luma: luma, blue: blue, red: red)
            let visible = luma.cut(PixelRect(x: 0, y: 0, width: size.width, height: size.height))
            if subsampling == .gray { return (visible, nil) }
            let seen = subsampling.chromaPlaneSize(width: size.width, height: size.height)
            func enlarged(_ plane: Plane) -> Plane {
                let part = plane.cut(PixelRect(x: 0, y: 0, width: seen.width, height: seen.height))
                switch subsampling {
                case .quarter: return part.doubled(size, .nearest)
                case .halfWidth:
                    let wide = Plane(width: 2 * seen.width, height: seen.height)
                    doubleColumns(part, into: wide)
                    return wide.cut(PixelRect(x: 0, y: 0, width: size.width, height: size.height))
                default: return part
                }
            }
            return (visible, (enlarged(blue), enlarged(red)))
        }
    }

    /// The JPEG of a member that has a residual.
    func tile(_ member: Int, padded: Bool, quality: Int) throws -> [UInt8] {
        let rect = subject.rect(member)
        let side = subject.pyramid.tileSize
        let isChild = Family.depth(ofMember: member) == 1
        guard let residual = subject.parts[member]?.jpeg else { throw RenderTestFailure("no residual") }
        var luma = children
        if !isChild {
            luma = children.doubled(subject.size(depth: 2), .nearest)
            let decoded = try decodedLuma(residual)
            for y in 0..<rect.height {
                for x in 0..<rect.width {
                    let sum = Int(luma[rect.x + x, rect.y + y]) + Int(decoded[x, y]) - 128
                    luma[rect.x + x, rect.y + y] = UInt8(clamping: sum)
                }
            }
        }
        let isEven = side % 2 == 0 && !subject.correctsChroma(depth: isChild ? 1 : 2)
        let subsampling: ChromaSubsampling = chroma == nil ? .gray : isEven ? .quarter : .full
        let (width, height) = padded ? (side, side) : (rect.width, rect.height)
        let lumaSize = subsampling.lumaPlaneSize(width: width, height: height)
        let chromaSize = subsampling.chromaPlaneSize(width: width, height: height)
        let factor = isEven ? 2 : 1
        let level = (isChild ? 1 : 2) - (isEven ? 1 : 0)
        let chromaRect = PixelRect(
            x: rect.x / factor,
            y: rect.y / factor,
            width: (rect.width + factor - 1) / factor,
            height: (rect.height + factor - 1) / factor
        )
        func part(_ plane: Plane?) -> Plane? { plane?.cut(chromaRect, paddedTo: chromaSize, fill: padded ? 128 : nil) }
        let encoder = JPEGEncoder()
        let bytes = try unsafe encoder.encodePlanes(
            width: width,
            height: height,
            subsampling: subsampling,
            quality: quality,
            luma: luma.cut(rect, paddedTo: lumaSize, fill: padded ? 255 : nil),
            blue: part(chroma?[level].blue),
            red: part(chroma?[level].red)
        )
        return withExtendedLifetime(encoder) { unsafe [UInt8](bytes) }
    }
}
