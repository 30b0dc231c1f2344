// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Telemetry
package import TileModel

/// How often files of tilesets were looked for, in the whole process.
package enum FileAccessCounts {
    /// Calls of open(2), also of files that are not there.
    package static let opens = Counter()
    /// Calls of pread(2).
    package static let reads = Counter()
}

/// A regular file that is open for reading, closed with its last reference.
///
/// Reading is by position (`pread`), so any number of workers may share one. Links are followed: the tree belongs to
/// the operator, tile paths are made of numbers, and what is served is checked to be an image by its first bytes.
/// Anything but a regular file (a pipe, a device) is refused without waiting on it.
package final class OpenFile: Sendable {
    package let path: String
    /// Size, modification time and inode when it was opened.
    package let identity: FileIdentity
    private let descriptor: Int32

    /// Opens `path`. Throws `SourceError.system` with ENOENT where it is absent.
    init(path: String) throws(SourceError) {
        FileAccessCounts.opens.add()
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        var status = stat()
        // SAFETY: fstat writes one `stat` into a local of that type.
        guard unsafe fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw .system(operation: "inspect", path: path, code: code)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .system(operation: "open", path: path, code: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
        }
        self.path = path
        self.identity = FileIdentity(status)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Opens a file whose contents are known by its identity for as long as it stays open: not before its clock tells
    /// a later change from the last one. (Time stamps of Linux advance in steps of up to 10 ms.)
    package static func settled(path: String) throws(SourceError) -> OpenFile {
        for _ in 0..<50 {
            let file = try OpenFile(path: path)
            var now = timespec()
            // SAFETY: clock_gettime writes one `timespec` into a local of that type.
            unsafe clock_gettime(CLOCK_REALTIME, &now)
            let age = Int(now.tv_sec) &* 1_000_000_000 &+ Int(now.tv_nsec) &- file.identity.modified
            if age < 0 || age > 20_000_000 { return file }
            usleep(10_000)
        }
        throw .changed(path: path)
    }

    /// Throws where the file has been written to since it was opened: what was read may be of two states.
    package func checkUnchanged() throws(SourceError) {
        var status = stat()
        // SAFETY: fstat writes one `stat` into a local of that type.
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .system(operation: "inspect", path: path, code: errno)
        }
        let now = FileIdentity(status)
        guard now.size == identity.size, now.modified == identity.modified else { throw .changed(path: path) }
    }

    /// Another descriptor of the same open file, for somebody else to close; nil where this process has too many.
    func duplicatedDescriptor() -> Int32? {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        return copy >= 0 ? copy : nil
    }

    /// The size when the file was opened.
    var size: Int { identity.size }

    /// Fills `buffer` from `offset` on and returns how many bytes there were before the file's end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SourceError) -> Int {
        var filled = 0
        while filled < buffer.count {
            // SAFETY: `filled < buffer.count`, so the slice is inside the caller's buffer, alive through the call.
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            FileAccessCounts.reads.add()
            let count = unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(offset + filled))
            if count > 0 {
                filled += count
            } else if count == 0 {
                break
            } else if errno != EINTR {
                throw .system(operation: "read", path: path, code: errno)
            }
        }
        return filled
    }

    /// The whole file, for descriptions and indexes. Refuses more than `limit` bytes before reading any.
    static func contents(of path: String, limit: Int) throws(SourceError) -> [UInt8] {
        let file = try OpenFile(path: path)
        return try file.bytes(at: 0, count: file.size, limit: limit)
    }

    /// `count` bytes from `offset`; fewer where the file ends before.
    func bytes(at offset: Int, count: Int, limit: Int) throws(SourceError) -> [UInt8] {
        guard count <= limit else { throw .tooLarge(path: path, bytes: count, limit: limit) }
        var bytes = [UInt8](repeating: 0, count: count)
        // SAFETY: the buffer is the array's own storage and does not leave the closure.
        let filled = try unsafe bytes.withUnsafeMutableBufferPointer { (buffer) throws(SourceError) -> Int in
            try unsafe read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
        bytes.removeLast(count - filled)
        return bytes
    }

    /// Reads a stored tile and says what it is. Throws `missing` where there is no file; the buffer is empty then.
    ///
    /// - Parameter declared: what the tileset's tiles are said to be: pixels or geometry.
    static func readTile(
        _ tile: TileCoordinate,
        path: String,
        declared: TileFormat = .jpeg,
        into buffer: TileBuffer
    ) throws(SourceError) -> StoredTileFile {
        buffer.clear()
        guard let file = try ifPresent(path) else { throw .missing(tile) }
        guard file.size > 0 else { throw .damaged(path: path, reason: "a tile of zero bytes") }
        guard file.size <= Limits.tileBytes else {
            throw .tooLarge(path: path, bytes: file.size, limit: Limits.tileBytes)
        }
        try unsafe buffer.fill(capacity: file.size) { (bytes) throws(SourceError) -> Int in
            try unsafe file.read(into: bytes, at: 0)
        }
        do {
            try file.checkUnchanged()
        } catch {
            buffer.clear()
            throw error
        }
        let format = try StoredBytes.identify(buffer, declared: declared, path: path)
        var identity = StableHash()
        file.identity.combine(into: &identity)
        return StoredTileFile(
            format: format,
            identity: identity.value,
            modified: file.identity.modified / 1_000_000_000
        )
    }

    /// The file, or nil where there is none of that name.
    static func ifPresent(_ path: String) throws(SourceError) -> OpenFile? {
        do {
            return try OpenFile(path: path)
        } catch .system(_, _, let code) where code == ENOENT || code == ENOTDIR {
            return nil
        } catch {
            throw error
        }
    }
}

/// Bounds of what is read from files, each with its reason.
enum Limits {
    /// A stored tile or residual: 4096 x 4096 pixels of incompressible JPEG stay below it.
    static let tileBytes = 64 << 20
    /// A .dzi is some hundred bytes.
    static let descriptionBytes = 1 << 20
    /// summary.json, metadata.json, vips-properties.xml: OpenSlide properties can be long, but not this long.
    static let metadataBytes = 4 << 20
    /// Tiles of one level that are listed, at eight bytes each: a level 14 of the whole world.
    static let listedTiles = 1 << 28
    /// Entries of one folder that are looked at while scanning.
    static let folderEntries = 1 << 20
}

/// What tells one state of a file or folder from another without reading it.
package struct FileIdentity: Hashable, Sendable {
    package let size: Int
    /// Nanoseconds since 1970.
    package let modified: Int
    let inode: UInt64
    let device: UInt64
    package let isFolder: Bool
    let isRegular: Bool

    fileprivate init(_ status: stat) {
        size = Int(status.st_size)
        let time = status.st_mtim
        modified = Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec)
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        isFolder = status.st_mode & S_IFMT == S_IFDIR
        isRegular = status.st_mode & S_IFMT == S_IFREG
    }

    /// The identity of what `path` leads to, links followed, or nil where there is nothing to be seen.
    package init?(ofPath path: String) {
        var status = stat()
        // SAFETY: stat writes one `stat` into a local of that type.
        guard unsafe stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Whether both are one file or folder, whatever has changed in it.
    func isSameFile(as other: FileIdentity) -> Bool { inode == other.inode && device == other.device }

    /// Adds it to a version. The device number is left out: it changes when a disk is mounted again.
    package func combine(into hash: inout StableHash) {
        hash.combine(size)
        hash.combine(modified)
        hash.combine(inode)
    }
}
