// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// One open file of the log. Who reads from it holds a reference: its descriptor is closed with the last one, so a file
/// that was unlinked in the meantime can still be read to the end.
final class Segment: Sendable {
    let number: UInt32
    let path: String
    let hintPath: String
    let descriptor: Int32
    private let files: any DiskFileSystem
    /// What the file takes of the budget, its hint included.
    let chargedBytes: Atomic<Int>
    /// Whether a sync of it failed: what it holds may not be on disk, though it can be read.
    let isSuspect = Atomic<Bool>(false)

    init(number: UInt32, path: String, descriptor: Int32, files: any DiskFileSystem, chargedBytes: Int) {
        self.number = number
        self.path = path
        hintPath = Self.hintPath(ofSegmentAt: path)
        self.descriptor = descriptor
        self.files = files
        self.chargedBytes = Atomic(chargedBytes)
    }

    deinit { files.close(descriptor) }

    static let suffix = ".segment"

    /// `0000002a.segment`
    static func name(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits + suffix
    }

    /// The number in a file's name; nil where it is no segment's.
    static func number(ofName name: String) -> UInt32? {
        guard name.hasSuffix(suffix), name.utf8.count == 8 + suffix.utf8.count,
            let number = UInt32(name.prefix(8), radix: 16), Self.name(number) == name, number > 0
        else { return nil }
        return number
    }

    static func hintPath(ofSegmentAt path: String) -> String { path.dropLast(suffix.count) + ".hint" }

    /// Reads until the buffer is full or the file ends; a negative errno where that fails.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        unsafe files.read(descriptor, into: buffer, at: offset)
    }

    var byteCount: Int { files.size(descriptor) }
}

/// Goes through the records of one segment in order.
///
/// Where a body is not the header's, it is skipped by its length; a header that is none ends the walk, because nothing says
/// where the next one is.
struct SegmentWalk {
    /// What was found at one place.
    struct Found {
        let header: RecordHeader
        let offset: Int
        /// Nil where bodies are not compared.
        let isWhole: Bool?
    }

    /// How a walk, or a part of it, ended.
    enum End: Hashable {
        /// Nothing more is written, or what is there is no record.
        case noRecord
        case readError(Int32)
        /// The caller wanted no more.
        case stopped
    }

    private let segment: Segment
    /// Where the next record should be.
    private(set) var offset: Int
    private let end: Int
    private let verifies: Bool
    private var buffer: [UInt8]
    private var bufferStart = 0
    private var bufferCount = 0

    /// Bytes read at once: few calls, and a stop is noticed soon.
    private static let chunkBytes = 1 << 20

    init(_ segment: Segment, from offset: Int = SegmentHeader.byteCount, verifies: Bool) {
        self.segment = segment
        self.offset = offset
        end = max(segment.byteCount, 0)
        self.verifies = verifies
        buffer = [UInt8](repeating: 0, count: verifies ? Self.chunkBytes : 64 << 10)
    }

    /// Calls `body` for each record until there is none, or it returns false.
    mutating func run(_ body: (Found) -> Bool) -> End {
        while true {
            switch next() {
            case .failure(let end): return end.end
            case .success(let found): if !body(found) { return .stopped }
            }
        }
    }

    private struct Stop: Error { let end: End }

    private mutating func next() -> Result<Found, Stop> {
        let number = segment.number
        let start = offset
        let header: RecordHeader
        switch fill(start, RecordHeader.byteCount) {
        case .failure(let stop): return .failure(stop)
        case .success(let place):
            // SAFETY: `fill` answers only where so many bytes are in the buffer from there.
            let read = unsafe buffer.withUnsafeBytes { bytes in
                unsafe RecordHeader(at: bytes.baseAddress! + place, segment: number)
            }
            guard let read, start + read.recordByteCount <= end else { return .failure(Stop(end: .noRecord)) }
            header = read
        }
        var isWhole: Bool?
        if verifies {
            switch fill(start, RecordHeader.byteCount + header.bodyCount) {
            case .failure(let stop): return .failure(stop)
            case .success(let place):
                // SAFETY: as above.
                isWhole = unsafe buffer.withUnsafeBytes { bytes in
                    let body = place + RecordHeader.byteCount..<place + RecordHeader.byteCount + header.bodyCount
                    return unsafe header.isBody(UnsafeRawBufferPointer(rebasing: bytes[body]))
                }
            }
        }
        offset = start + header.recordByteCount
        return .success(Found(header: header, offset: start, isWhole: isWhole))
    }

    /// Sees to it that the file's bytes from `start` on are in the buffer, and says where.
    private mutating func fill(_ start: Int, _ count: Int) -> Result<Int, Stop> {
        guard start + count <= end else { return .failure(Stop(end: .noRecord)) }
        if start >= bufferStart && start + count <= bufferStart + bufferCount { return .success(start - bufferStart) }
        if buffer.count < count { buffer = [UInt8](repeating: 0, count: count) }
        // Where bodies are skipped, what is read of them is of no use.
        let wanted = min(verifies ? buffer.count : max(count, 4096), end - start)
        // SAFETY: the buffer is this walk's own, and not shorter than what is asked for.
        let got = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe segment.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]), at: start)
        }
        guard got >= 0 else { return .failure(Stop(end: .readError(Int32(clamping: -got)))) }
        bufferStart = start
        bufferCount = got
        return got < count ? .failure(Stop(end: .noRecord)) : .success(0)
    }
}
