// SPDX-License-Identifier: Apache-2.0

import CAllocationCount
import CTurboJPEG
import FamilyRendering
import ImageCodecs
import TileModel

/// What the JPEG library alone costs for one family: its calls with everything else ready. No headers are read ahead,
/// nothing is predicted or added, and the planes to be encoded are the ones that the family has.
@safe
final class CodecFloor {
    /// The planes of one tile to be encoded, 4:2:0.
    private struct Tile {
        let luma: PlaneBuffer
        let blue: PlaneBuffer
        let red: PlaneBuffer
    }

    private let decompressor: UnsafeMutableRawPointer
    private let compressor: UnsafeMutableRawPointer
    private let output: UnsafeMutablePointer<UInt8>
    private let outputCount: Int
    private let side: Int
    private let quality: Int
    private let parent: [UInt8]
    private let residuals: [[UInt8]]
    private var tiles: [Tile] = []
    /// How often the library itself asked for memory so far.
    private(set) var libraryAllocations = 0
    private let scratch = [PlaneBuffer(), PlaneBuffer(), PlaneBuffer()]

    /// Prepares the planes of all 20 tiles by the plain kernels.
    init(material: FamilyMaterial, family: Family, tileSize: Int, quality: Int) throws {
        guard let decompressor = unsafe tjInitDecompress(), let compressor = unsafe tjInitCompress() else {
            throw BenchmarkFailure("no memory for the JPEG library")
        }
        unsafe self.decompressor = unsafe decompressor
        unsafe self.compressor = unsafe compressor
        outputCount = Int(tjBufSize(Int32(tileSize), Int32(tileSize), Int32(TJSAMP_420.rawValue)))
        unsafe output = .allocate(capacity: outputCount)
        side = tileSize
        self.quality = quality
        guard case .plain(let range) = material.part(ofMember: 0) else { throw BenchmarkFailure("no parent") }
        parent = unsafe [UInt8](material.bytes(range))
        residuals = try (1...20).map { member in
            guard case .residual(let range) = material.part(ofMember: member) else {
                throw BenchmarkFailure("no residual of member \(member)")
            }
            return unsafe [UInt8](material.bytes(range))
        }
        try preparePlanes()
    }

    deinit {
        // SAFETY: ours, released once.
        _ = unsafe tjDestroy(decompressor)
        _ = unsafe tjDestroy(compressor)
        unsafe output.deallocate()
    }

    private func preparePlanes() throws {
        let decoder = JPEGDecoder()
        let buffers = (0..<6).map { _ in PlaneBuffer() }
        let parentPlanes = buffers[0..<3].map { $0.plane(width: side, height: side) }
        let header = try unsafe parent.withUnsafeBytes { bytes in
            let header = try unsafe decoder.header(of: bytes)
            guard header.subsampling == .full else { throw BenchmarkFailure("the parent is not 4:4:4") }
            try unsafe decoder.decodePlanes(
                bytes,
                header: header,
                luma: parentPlanes[0],
                blue: parentPlanes[1],
                red: parentPlanes[2]
            )
            return header
        }
        guard header.width == side, header.height == side else { throw BenchmarkFailure("a partial parent") }
        let mosaic = buffers[3].plane(width: 2 * side, height: 2 * side)
        let childBlue = buffers[4].plane(width: 2 * side, height: 2 * side)
        let childRed = buffers[5].plane(width: 2 * side, height: 2 * side)
        upsampleScalar(parentPlanes[1], x: 0, y: 0, into: childBlue, rounding: .nearest)
        upsampleScalar(parentPlanes[2], x: 0, y: 0, into: childRed, rounding: .nearest)
        for member in 1...20 {
            let isChild = member < 5
            let place = isChild ? member - 1 : member - 5
            let (x, y) = isChild ? (place & 1, place >> 1) : (place & 3, place >> 2)
            let tile = Tile(luma: PlaneBuffer(), blue: PlaneBuffer(), red: PlaneBuffer())
            let luma = tile.luma.plane(width: side, height: side)
            let prediction = scratch[0].plane(width: side, height: side)
            upsampleScalar(
                isChild ? parentPlanes[0] : mosaic,
                x: x * side,
                y: y * side,
                into: prediction,
                rounding: .nearest
            )
            try unsafe residuals[member - 1].withUnsafeBytes { bytes in
                try unsafe decoder.decodeLuma(bytes, header: decoder.header(of: bytes), into: luma)
            }
            ResidualArithmetic.addScalar(predictions: prediction, toResiduals: luma)
            if isChild { mosaic.window(x: x * side, y: y * side, width: side, height: side).copy(from: luma) }
            let half = side / 2
            for (buffer, parents, children) in [
                (tile.blue, parentPlanes[1], childBlue), (tile.red, parentPlanes[2], childRed),
            ] {
                buffer.plane(width: half, height: half).copy(
                    from: (isChild ? parents : children).window(x: x * half, y: y * half, width: half, height: half)
                )
            }
            tiles.append(tile)
        }
    }

    /// The parent to planes.
    func decodeParent() throws {
        let planes = scratch.map { $0.plane(width: side, height: side) }
        try decode(parent, planes)
    }

    /// A member's residual to gray, by the interface for planes or by the one for pixels.
    func decodeResidual(_ member: Int, asPlanes: Bool) throws {
        let plane = scratch[0].plane(width: side, height: side)
        if asPlanes { return try decode(residuals[member - 1], [plane]) }
        let status = unsafe residuals[member - 1].withUnsafeBufferPointer { bytes in
            counted {
                unsafe tjDecompress2(
                    decompressor,
                    bytes.baseAddress,
                    UInt(bytes.count),
                    plane.base,
                    Int32(side),
                    Int32(plane.stride),
                    Int32(side),
                    Int32(TJPF_GRAY.rawValue),
                    TJFLAG_ACCURATEDCT
                )
            }
        }
        guard status == 0 else { throw BenchmarkFailure("a residual cannot be decoded") }
    }

    private func decode(_ jpeg: [UInt8], _ planes: [Plane]) throws {
        var pointers: [UnsafeMutablePointer<UInt8>?] = unsafe planes.map { unsafe $0.base }
        var strides = planes.map { Int32($0.stride) }
        let status = unsafe jpeg.withUnsafeBufferPointer { bytes in
            counted {
                unsafe tjDecompressToYUVPlanes(
                    decompressor,
                    bytes.baseAddress,
                    UInt(bytes.count),
                    &pointers,
                    Int32(side),
                    &strides,
                    Int32(side),
                    TJFLAG_ACCURATEDCT
                )
            }
        }
        guard status == 0 else { throw BenchmarkFailure("a JPEG cannot be decoded to planes") }
    }

    /// A member's tile from its ready planes.
    func encode(_ member: Int) throws {
        let tile = tiles[member - 1]
        let planes = [
            tile.luma.plane(width: side, height: side), tile.blue.plane(width: side / 2, height: side / 2),
            tile.red.plane(width: side / 2, height: side / 2),
        ]
        var pointers: [UnsafePointer<UInt8>?] = unsafe planes.map { unsafe UnsafePointer($0.base) }
        var strides = planes.map { Int32($0.stride) }
        var target: UnsafeMutablePointer<UInt8>? = unsafe output
        var count = UInt(outputCount)
        let status = counted {
            unsafe tjCompressFromYUVPlanes(
                compressor,
                &pointers,
                Int32(side),
                &strides,
                Int32(side),
                Int32(TJSAMP_420.rawValue),
                &target,
                &count,
                Int32(quality),
                TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT
            )
        }
        guard status == 0 else { throw BenchmarkFailure("a tile cannot be encoded") }
    }

    /// Reads the headers of the parent and all residuals, as a renderer must that checks sizes before it decodes.
    func readHeaders() throws {
        for jpeg in [parent] + residuals {
            var numbers: (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
            let status = unsafe jpeg.withUnsafeBufferPointer { bytes in
                counted {
                    unsafe tjDecompressHeader3(
                        decompressor,
                        bytes.baseAddress,
                        UInt(bytes.count),
                        &numbers.0,
                        &numbers.1,
                        &numbers.2,
                        &numbers.3
                    )
                }
            }
            guard status == 0 else { throw BenchmarkFailure("a header cannot be read") }
        }
    }

    /// A call of the library, with what it allocates added to `libraryAllocations`.
    private func counted(_ call: () -> Int32) -> Int32 {
        let before = orizuru_allocation_count()
        let status = call()
        libraryAllocations += Int(orizuru_allocation_count() - before)
        return status
    }

    /// All of it.
    func wholeFamily(residualsAsPlanes: Bool) throws {
        try decodeParent()
        for member in 1...20 { try decodeResidual(member, asPlanes: residualsAsPlanes) }
        for member in 1...20 { try encode(member) }
    }
}

/// Why the benchmark cannot run.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
