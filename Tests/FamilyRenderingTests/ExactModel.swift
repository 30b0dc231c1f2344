// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TestSupport
import TileModel

/// Exact mode as the reference is described, pixel by pixel on whole RGB pictures, with its rule for cut-off families.
struct ExactModel {
    private let subject: RandomFamily
    /// R, G, B of the children's level.
    private let children: RasterImage
    private let blue: [Plane]
    private let red: [Plane]

    init(_ subject: RandomFamily) throws {
        self.subject = subject
        guard let parent = subject.parts[0]?.jpeg else { throw RenderTestFailure("no parent") }
        let sizes = (0...2).map { subject.size(depth: $0) }
        let decoder = JPEGDecoder()
        let rgb = Self.rgb(try decoder.decodeRaster(parent))
            .cropped(x: 0, y: 0, width: sizes[0].width, height: sizes[0].height)
        let planes = Self.planes(rgb)
        let middle = (planes[1].doubled(sizes[1], .truncating), planes[2].doubled(sizes[1], .truncating))
        blue = [planes[1], middle.0, middle.0.doubled(sizes[2], .truncating)]
        red = [planes[2], middle.1, middle.1.doubled(sizes[2], .truncating)]
        let luma = planes[0].doubled(sizes[1], .truncating)
        for member in 1...4 where subject.family.contains(member: member) {
            if let part = subject.parts[member], part.isResidual {
                Self.add(try decodedLuma(part.jpeg), to: luma, subject.rect(member))
            }
        }
        var children = Self.image(luma, middle.0, middle.1)
        for member in 1...4 where subject.family.contains(member: member) {
            guard let part = subject.parts[member], !part.isResidual else { continue }
            let rect = subject.rect(member)
            let plain = Self.rgb(try decoder.decodeRaster(part.jpeg))
            for y in 0..<rect.height {
                for x in 0..<(rect.width * 3) {
                    children.pixels[(rect.y + y) * children.stride + rect.x * 3 + x] =
                        plain.pixels[y * plain.stride + x]
                }
            }
        }
        self.children = children
    }

    private static func rgb(_ image: RasterImage) -> RasterImage {
        image.channels == 3
            ? image
            : RasterImage(
                width: image.width,
                height: image.height,
                channels: 3,
                pixels: image.pixels.flatMap { [$0, $0, $0] }
            )
    }

    private static func add(_ residual: Plane, to luma: Plane, _ rect: PixelRect) {
        for y in 0..<rect.height {
            for x in 0..<rect.width {
                let sum = Int(luma[rect.x + x, rect.y + y]) + Int(residual[x, y]) - 128
                luma[rect.x + x, rect.y + y] = UInt8(clamping: sum)
            }
        }
    }

    /// Half away from zero, clamped: by the standard library.
    private static func byte(_ value: Float) -> UInt8 { UInt8(clamping: Int(value.rounded(.toNearestOrAwayFromZero))) }

    private static func planes(_ image: RasterImage) -> [Plane] {
        let planes = (0..<3).map { _ in Plane(width: image.width, height: image.height) }
        for y in 0..<image.height {
            for x in 0..<image.width {
                let at = y * image.stride + 3 * x
                let (r, g, b) = (Float(image.pixels[at]), Float(image.pixels[at + 1]), Float(image.pixels[at + 2]))
                planes[0][x, y] = byte(0.299 * r + 0.587 * g + 0.114 * b)
                planes[1][x, y] = byte(-0.168736 * r - 0.331264 * g + 0.5 * b + 128)
                planes[2][x, y] = byte(0.5 * r - 0.418688 * g - 0.081312 * b + 128)
            }
        }
        return planes
    }

    private static func image(_ luma: Plane, _ blue: Plane, _ red: Plane) -> RasterImage {
        var pixels: [UInt8] = []
        for y in 0..<luma.height {
            for x in 0..<luma.width {
                let (value, b, r) = (Float(luma[x, y]), Float(blue[x, y]) - 128, Float(red[x, y]) - 128)
                pixels.append(byte(value + 1.402 * r))
                pixels.append(byte(value - 0.344136 * b - 0.714136 * r))
                pixels.append(byte(value + 1.772 * b))
            }
        }
        return RasterImage(width: luma.width, height: luma.height, channels: 3, pixels: pixels)
    }

    /// The JPEG of a member that has a residual.
    func tile(_ member: Int, padded: Bool) throws -> [UInt8] {
        let rect = subject.rect(member)
        var image = children
        if Family.depth(ofMember: member) == 2 {
            guard let residual = subject.parts[member]?.jpeg else { throw RenderTestFailure("no residual") }
            let luma = Self.planes(children)[0].doubled(subject.size(depth: 2), .truncating)
            Self.add(try decodedLuma(residual), to: luma, rect)
            image = Self.image(luma, blue[2], red[2])
        }
        image = image.cropped(x: rect.x, y: rect.y, width: rect.width, height: rect.height)
        let side = subject.pyramid.tileSize
        if padded { image = image.padded(toWidth: side, height: side, with: .white) }
        return try JPEGEncoder().encodeRaster(image, quality: 95, subsampling: .full, dct: .libraryDefault)
    }
}
