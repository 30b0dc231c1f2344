// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Why bytes are no gzip, or not to be inflated.
package enum GZipError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Cut short, damaged, or something else; in zlib's words where it has some.
    case damaged(reason: String)
    /// They become more than the caller allows: a few bytes can stand for gigabytes.
    case tooLarge(limit: Int)
    case noMemory

    package var description: String {
        switch self {
        case .damaged(let reason): "damaged gzip data: \(reason)"
        case .tooLarge(let limit): "gzip data of more than \(limit) bytes"
        case .noMemory: "zlib got no memory"
        }
    }
}

/// The gzip format (RFC 1952) by zlib: pure functions over bytes, safe from any thread.
package enum GZip {
    /// Whether bytes begin as gzip does (RFC 1952, 2.3.1: the magic and the one method there is).
    package static func isCompressed(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.prefix(3).elementsEqual([0x1F, 0x8B, 0x08])
    }

    /// The bytes that `compressed` stands for; of several members in a row, all of them.
    ///
    /// - Parameter limit: the most bytes that may come out; checked before they are given memory.
    package static func inflate(_ compressed: [UInt8], limit: Int) throws(GZipError) -> [UInt8] {
        var stream = unsafe z_stream()
        // 15: the largest window; 16 more: gzip and nothing else.
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        guard unsafe inflateInit2_(&stream, 15 + 16, zlibVersion(), size) == Z_OK else { throw .noMemory }
        defer { unsafe _ = inflateEnd(&stream) }
        var output = [UInt8](repeating: 0, count: max(min(compressed.count * 4, limit), 64))
        var filled = 0
        var consumed = 0
        while true {
            let step = try unsafe step(&stream, compressed, &consumed, &output, &filled)
            switch step {
            case Z_STREAM_END:
                guard consumed < compressed.count else {
                    guard filled <= limit else { throw .tooLarge(limit: limit) }
                    output.removeLast(output.count - filled)
                    return output
                }
                guard isCompressed(compressed[consumed...]), unsafe inflateReset(&stream) == Z_OK else {
                    throw .damaged(reason: "bytes behind the end")
                }
            case Z_OK, Z_BUF_ERROR:
                guard filled <= limit else { throw .tooLarge(limit: limit) }
                if filled == output.count {
                    output += [UInt8](repeating: 0, count: max(min(output.count, limit + 1 - output.count), 1))
                } else if consumed == compressed.count {
                    throw .damaged(reason: "its end is missing")
                }
            case Z_MEM_ERROR:
                throw .noMemory
            default:
                throw .damaged(reason: unsafe stream.msg.map { unsafe String(cString: $0) } ?? "error \(step)")
            }
        }
    }

    /// One call of zlib: as far as input and room go.
    private static func step(
        _ stream: inout z_stream,
        _ input: [UInt8],
        _ consumed: inout Int,
        _ output: inout [UInt8],
        _ filled: inout Int
    ) throws(GZipError) -> Int32 {
        let start = (consumed, filled)
        // SAFETY: zlib reads and writes within the two arrays, from the given places on, during this call alone.
        let (status, left, room) = unsafe input.withUnsafeBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                let inputCount = UInt32(clamping: source.count - start.0)
                let outputCount = UInt32(clamping: target.count - start.1)
                unsafe stream.next_in = unsafe UnsafeMutablePointer(
                    mutating: source.baseAddress.map { unsafe $0 + start.0 }
                )
                unsafe stream.avail_in = inputCount
                unsafe stream.next_out = unsafe target.baseAddress.map { unsafe $0 + start.1 }
                unsafe stream.avail_out = outputCount
                let status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                return unsafe (
                    status, Int(inputCount - stream.avail_in), Int(outputCount - stream.avail_out)
                )
            }
        }
        consumed += left
        filled += room
        return status
    }

    /// `bytes` compressed: the same output for the same input, with no time in it.
    ///
    /// - Parameter level: 1 fast ... 9 small.
    package static func deflate(_ bytes: [UInt8], level: Int32 = 9) throws(GZipError) -> [UInt8] {
        var stream = unsafe z_stream()
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        guard bytes.count <= Int(UInt32.max) / 2,
            unsafe deflateInit2_(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, zlibVersion(), size)
                == Z_OK
        else { throw .noMemory }
        defer { unsafe _ = deflateEnd(&stream) }
        var output = [UInt8](repeating: 0, count: unsafe Int(deflateBound(&stream, UInt(bytes.count))))
        // SAFETY: as above; deflateBound promises room for everything in one call.
        let (status, count) = unsafe bytes.withUnsafeBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                unsafe stream.next_in = unsafe UnsafeMutablePointer(mutating: source.baseAddress)
                unsafe stream.avail_in = UInt32(source.count)
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(target.count)
                let status = unsafe CZlib.deflate(&stream, Z_FINISH)
                return unsafe (status, target.count - Int(stream.avail_out))
            }
        }
        guard status == Z_STREAM_END else { throw .damaged(reason: "deflate stopped with \(status)") }
        output.removeLast(output.count - count)
        return output
    }
}
