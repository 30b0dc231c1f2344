// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A folder that is written under a temporary name beside its place and appears under its own name only when it is
/// complete: nobody sees half a tileset.
///
/// Two kinds: what `init(_:replaces:)` begins is removed where it is not finished; what `init(resuming:replaces:)`
/// begins stays as `{path}.partial`, to be gone on with.
///
/// The appearance is atomic for readers; it is not a promise about a loss of power.
///
/// @unchecked Sendable: files may be written from any thread, each name by one; all else is one thread's.
final class OutputFolder: @unchecked Sendable {
    private let final: String
    private let temporary: String
    private let replaces: Bool
    private let keepsUnfinished: Bool
    private var isFinished = false

    /// Begins the folder `path`. Throws `exists` where there is something but an empty folder under that name, unless
    /// `replaces`.
    convenience init(_ path: String, replaces: Bool) throws(BuildError) {
        try self.init(path, suffix: "partial-\(getpid())", replaces: replaces, keepsUnfinished: false)
        try Self.makeFolder(temporary)
    }

    /// Begins the folder `path` or goes on with what was left of it.
    convenience init(resuming path: String, replaces: Bool) throws(BuildError) {
        try self.init(path, suffix: "partial", replaces: replaces, keepsUnfinished: true)
        if !Self.isFolder(temporary) { try Self.makeFolder(temporary) }
    }

    private init(_ path: String, suffix: String, replaces: Bool, keepsUnfinished: Bool) throws(BuildError) {
        var path = path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard replaces || !Self.exists(path) || Self.isEmptyFolder(path) else { throw .exists(path: path) }
        final = path
        temporary = "\(path).\(suffix)"
        self.replaces = replaces
        self.keepsUnfinished = keepsUnfinished
    }

    deinit {
        if !isFinished, !keepsUnfinished { Self.remove(temporary) }
    }

    /// The temporary name.
    var temporaryPath: String { temporary }

    /// Where something of the folder is written before it is finished.
    func path(_ name: String) -> String { "\(temporary)/\(name)" }

    /// Makes a folder inside, and those above it.
    func makeFolder(_ name: String) throws(BuildError) {
        var path = temporary
        for part in name.split(separator: "/") {
            path += "/\(part)"
            if !Self.exists(path) { try Self.makeFolder(path) }
        }
    }

    /// Writes a file. Its folder must exist; the file must not, except where an unfinished folder is gone on with.
    func write(_ name: String, _ bytes: [UInt8]) throws(BuildError) {
        let result: Result<Void, BuildError> = unsafe bytes.withUnsafeBytes { buffer in
            do throws(BuildError) {
                return .success(try unsafe write(name, buffer))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// The same, from a buffer.
    func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(BuildError) {
        let path = path(name)
        let mode = keepsUnfinished ? O_TRUNC : O_EXCL
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | mode | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(operation: "create", path: path, code: errno) }
        var written = 0
        while written < bytes.count {
            // SAFETY: the span from `written` lies inside the buffer, which lives through the call.
            let count = unsafe Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            if count < 0 {
                if errno == EINTR { continue }
                let code = errno
                close(descriptor)
                throw .system(operation: "write", path: path, code: code)
            }
            written += count
        }
        guard close(descriptor) == 0 else { throw .system(operation: "close", path: path, code: errno) }
    }

    /// Writes a text file.
    func write(_ name: String, _ text: String) throws(BuildError) { try write(name, Array(text.utf8)) }

    /// The size of a file inside; nil where there is none.
    func size(of name: String) -> Int? {
        var status = stat()
        // SAFETY: stat writes one `stat` into a local of that type.
        guard unsafe stat(path(name), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Removes a file inside.
    func remove(_ name: String) { _ = unsafe unlink(path(name)) }

    /// Removes all that was written, and begins anew.
    func clear() throws(BuildError) {
        Self.remove(temporary)
        try Self.makeFolder(temporary)
    }

    /// Gives the folder its own name.
    func finish() throws(BuildError) {
        var old: String?
        if replaces, Self.exists(final) {
            let aside = "\(final).replaced-\(getpid())"
            guard unsafe rename(final, aside) == 0 else {
                throw .system(operation: "move aside", path: final, code: errno)
            }
            old = aside
        }
        guard unsafe rename(temporary, final) == 0 else {
            let code = errno
            // What was moved aside comes back.
            if let old { _ = unsafe rename(old, final) }
            if code == ENOTEMPTY || code == EEXIST { throw .exists(path: final) }
            throw .system(operation: "rename to", path: final, code: code)
        }
        isFinished = true
        if let old { Self.remove(old) }
    }

    private static func makeFolder(_ path: String) throws(BuildError) {
        guard unsafe mkdir(path, 0o755) == 0 else {
            throw .system(operation: "make folder", path: path, code: errno)
        }
    }

    private static func exists(_ path: String) -> Bool {
        var status = stat()
        // SAFETY: lstat writes one `stat` into a local of that type.
        return unsafe lstat(path, &status) == 0
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        // SAFETY: as above.
        return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func isEmptyFolder(_ path: String) -> Bool { names(in: path)?.isEmpty ?? false }

    /// Removes a file or a folder and all that is in it, never following a link.
    private static func remove(_ path: String) {
        guard unsafe unlink(path) != 0, let names = names(in: path) else { return }
        for name in names { remove("\(path)/\(name)") }
        _ = unsafe rmdir(path)
    }

    /// The names in a folder, or nil where there is none that can be listed.
    private static func names(in path: String) -> [String]? {
        guard let stream = unsafe opendir(path) else { return nil }
        // SAFETY: the stream is closed once, here, and not used afterwards.
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            // SAFETY: d_name is a zero-terminated string inside the entry, valid until the next readdir.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
