// SPDX-License-Identifier: Apache-2.0

import Glibc
package import TileModel

/// What is in a tile folder, for `orizuru inspect`.
package struct DiskReport: Hashable, Sendable {
    /// One file of the log.
    package struct File: Hashable, Sendable {
        package let name: String
        package var byteCount = 0
        package var tiles = 0
        package var deletions = 0
        /// Bytes of the bodies of its tiles.
        package var bodyBytes = 0
        /// Tiles whose bytes are not what was written; 0 where they were not compared.
        package var damagedTiles = 0
        /// Whether a whole hint of the file as it is lies beside it.
        package var hasHint = false
        /// What is wrong with the file itself; nil where nothing is.
        package var fault: String?
    }

    package let folder: String
    package internal(set) var files: [File] = []
    /// Tiles by edition: what was rendered from one state of one tileset with one set of parameters.
    package internal(set) var editions: [TileEdition: Int] = [:]
    /// Whether the bytes of tiles were compared with their checksums.
    package let isVerified: Bool

    package var tiles: Int { files.reduce(0) { $0 + $1.tiles } }
    package var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
    package var damagedTiles: Int { files.reduce(0) { $0 + $1.damagedTiles } }
    /// Whether nothing is damaged.
    package var isSound: Bool { damagedTiles == 0 && files.allSatisfy { $0.fault == nil } }

    init(folder: String, isVerified: Bool) {
        self.folder = folder
        self.isVerified = isVerified
    }

    /// The report as lines for people: one for each file, then a sum.
    package var lines: [String] {
        var lines = files.map { file in
            "\(file.name)  \(file.tiles) tiles  \(file.byteCount) bytes"
                + (file.hasHint ? "" : "  no hint")
                + (file.damagedTiles > 0 ? "  \(file.damagedTiles) damaged" : "")
                + (file.fault.map { "  \($0)" } ?? "")
        }
        lines.append(
            "\(files.count) files, \(tiles) tiles of \(editions.count) editions, \(byteCount) bytes"
                + (isVerified ? ", \(damagedTiles) damaged" : "; --verify compares every tile with its checksum")
        )
        return lines
    }
}

extension DiskTier {
    /// Whether a folder looks like one of ours.
    package static func isTileFolder(_ folder: String, files: any DiskFileSystem = LinuxFileSystem()) -> Bool {
        files.list(folder)?.contains { Segment.number(ofName: $0) != nil } ?? false
    }

    /// Looks at a tile folder without changing it, also while a server uses it (then the file that is being written may
    /// look shorter than it is). `verify` reads every tile. Throws where the folder cannot be read.
    package static func inspect(
        _ folder: String,
        verify: Bool,
        files: any DiskFileSystem = LinuxFileSystem()
    ) throws(DiskTierError) -> DiskReport {
        guard let names = files.list(folder) else {
            throw .system(operation: "listing", path: folder, code: ENOENT)
        }
        var report = DiskReport(folder: folder, isVerified: verify)
        for name in names.sorted() {
            guard let number = Segment.number(ofName: name) else { continue }
            var file = DiskReport.File(name: name)
            let path = folder + "/" + name
            let descriptor = files.open(path, writable: false, create: false)
            if descriptor >= 0 {
                let segment = Segment(number: number, path: path, descriptor: descriptor, files: files, chargedBytes: 0)
                look(at: segment, files, verify: verify, &file, &report.editions)
            } else {
                file.fault = systemMessage(-descriptor)
            }
            report.files.append(file)
        }
        return report
    }

    private static func look(
        at segment: Segment,
        _ files: any DiskFileSystem,
        verify: Bool,
        _ file: inout DiskReport.File,
        _ editions: inout [TileEdition: Int]
    ) {
        file.byteCount = max(segment.byteCount, 0)
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        // SAFETY: a local array of a header's length.
        let recognition = unsafe bytes.withUnsafeMutableBytes { bytes -> SegmentHeader.Recognition in
            guard unsafe segment.read(into: bytes, at: 0) == SegmentHeader.byteCount, let start = bytes.baseAddress
            else { return .unknown }
            return unsafe SegmentHeader.recognize(UnsafeRawPointer(start))
        }
        switch recognition {
        case .ours(let header) where header.number == segment.number: break
        case .otherVersion(let version):
            file.fault = "of version \(version)"
            return
        case .ours, .unknown:
            file.fault = "no file of tiles"
            return
        }
        var walk = SegmentWalk(segment, verifies: verify)
        let end = walk.run { found in
            if found.header.isDeletion {
                file.deletions += 1
            } else if found.isWhole == false {
                file.damagedTiles += 1
            } else {
                file.tiles += 1
                file.bodyBytes += found.header.bodyCount
                editions[found.header.key.edition, default: 0] += 1
            }
            return true
        }
        if case .readError(let code) = end { file.fault = systemMessage(code) }
        if let hint = contents(of: segment.hintPath, limit: 1 << 30, files) {
            file.hasHint = HintFile.decode(hint, segment: segment.number, segmentBytes: file.byteCount) != nil
            // A sealed file ends with its last record.
            if file.hasHint, walk.offset < file.byteCount, file.fault == nil {
                file.fault = "unreadable from byte \(walk.offset) on"
            }
        }
    }
}
