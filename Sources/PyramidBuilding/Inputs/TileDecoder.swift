// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TileModel
import TileSources

/// Decodes the tiles of a tileset to planes, rendering those that are residuals. One per thread.
final class TileDecoder {
    let source: any TileSource
    private let buffer = TileBuffer()
    private let material = FamilyMaterial()
    /// The family that the material holds whole; nil after a failure.
    private var loaded: Family?
    private let renderer: FamilyRenderer
    private let decoder = JPEGDecoder()
    private let planes = ParentPlanes()

    /// `quality` is that of the step between rendering a residual and decoding it again.
    init(_ source: any TileSource, quality: Int = 100) {
        self.source = source
        guard let parameters = ReconstructionParameters(mode: .rounded, quality: quality) else {
            preconditionFailure("quality \(quality)")
        }
        renderer = FamilyRenderer(parameters: parameters)
    }

    /// The stored or rendered bytes of a tile; nil where it does not exist.
    func bytes(of tile: TileCoordinate) throws(BuildError) -> [UInt8]? {
        do {
            if let family = source.family(for: tile), let member = family.member(at: tile), member > 0 {
                if loaded != family {
                    loaded = nil
                    try source.load(family, into: material)
                    renderer.begin(material)
                    loaded = family
                }
                guard material.part(ofMember: member) != .missing, !material.isDamaged(member: member) else {
                    if material.isDamaged(member: member) {
                        throw BuildError.input(path: "tile \(tile)", reason: "its residual is damaged")
                    }
                    return nil
                }
                return unsafe [UInt8](try renderer.render(member: member))
            }
            _ = try source.readTile(tile, into: buffer)
            return buffer.bytes
        } catch SourceError.missing {
            return nil
        } catch let error as BuildError {
            throw error
        } catch {
            throw .input(path: "tile \(tile)", reason: "\(error)")
        }
    }

    /// The planes of a tile, overlap cut off, chroma of its size; valid until the next call. Nil where it does not
    /// exist.
    func decode(_ tile: TileCoordinate) throws(BuildError) -> PlanarPicture? {
        guard let bytes = try bytes(of: tile) else { return nil }
        let result: Result<PlanarPicture, CodecError> = unsafe bytes.withUnsafeBytes { raw in
            do throws(CodecError) {
                return .success(try unsafe decode(raw, tile))
            } catch {
                return .failure(error)
            }
        }
        do throws(CodecError) {
            return try result.get()
        } catch {
            throw .input(path: "tile \(tile)", reason: error.description)
        }
    }

    private func decode(_ bytes: UnsafeRawBufferPointer, _ tile: TileCoordinate) throws(CodecError) -> PlanarPicture {
        let pyramid = source.info.pyramid
        let stored = pyramid.rect(of: tile)
        let shown = pyramid.rect(of: tile, overlapping: false)
        let picture: PlanarPicture
        if unsafe bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
            let image = try unsafe PNGCodec.decode(bytes)
            try Self.check(image.width, image.height, stored, .png)
            picture = PlanarPicture(image)
        } else {
            guard unsafe bytes.starts(with: [0xFF, 0xD8]) else {
                throw .unsupported(.jpeg, what: "a tile that is neither JPEG nor PNG")
            }
            let header = try unsafe decoder.header(of: bytes)
            try Self.check(header.width, header.height, stored, .jpeg)
            try unsafe planes.decode(
                bytes,
                header: header,
                width: stored.width,
                height: stored.height,
                by: decoder
            )
            guard let luma = planes.luma else { preconditionFailure("a decoded tile has luma") }
            var chroma: (blue: Plane, red: Plane)?
            if let blue = planes.blue, let red = planes.red { chroma = (blue, red) }
            picture = PlanarPicture(luma: luma, chroma: chroma)
        }
        func part(_ plane: Plane) -> Plane {
            plane.window(
                x: shown.x - stored.x,
                y: shown.y - stored.y,
                width: shown.width,
                height: shown.height
            )
        }
        return PlanarPicture(
            luma: part(picture.luma),
            chroma: picture.chroma.map { (part($0.blue), part($0.red)) }
        )
    }

    /// Refuses a tile smaller than its place: what lies beyond it in a larger one is filling.
    private static func check(
        _ width: Int,
        _ height: Int,
        _ rect: PixelRect,
        _ format: CodecError.Format
    ) throws(CodecError) {
        guard width >= rect.width, height >= rect.height else {
            throw .wrongSize(format, width: width, height: height, expected: "at least \(rect.width)x\(rect.height)")
        }
    }
}
