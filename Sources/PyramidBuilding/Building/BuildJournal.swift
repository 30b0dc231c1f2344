// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree

/// What of an unfinished build is done: one line for each row of tiles or families whose files are written.
///
/// The file begins with the format's name and a fingerprint of input and options; a line is `ROW BYTES`, ROW such as
/// `t12/3` (tiles of level 12, row 3) or `f3` (families of row 3), BYTES what its files hold together. A last line
/// without its end is no line. While a build goes on, it holds a lock on the file, so that two never write one output.
///
/// Thread rule: any thread.
final class BuildJournal: Sendable {
    static let name = "build.journal"

    /// The rows that an earlier build completed, and their bytes.
    let completed: [String: Int]
    private let descriptor: Int32
    private let path: String

    /// Opens or begins the journal of an unfinished folder. Throws `otherBuild` where what is there was built from
    /// something else or with other options.
    init(in folder: OutputFolder, fingerprint: UInt64) throws(BuildError) {
        path = folder.path(Self.name)
        let first = "orizuru-build 1 \(String(fingerprint, radix: 16))"
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .inUse(path: folder.temporaryPath)
        }
        let text = Self.contents(descriptor)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // Behind the last end of line stands nothing, or half a line.
        let rest = lines.popLast() ?? ""
        if let head = lines.first {
            guard head == first else {
                close(descriptor)
                throw .otherBuild(path: folder.temporaryPath)
            }
        } else {
            // SAFETY: cuts the caller's own open file.
            _ = ftruncate(descriptor, 0)
        }
        var completed: [String: Int] = [:]
        for line in lines.dropFirst() {
            let words = line.split(separator: " ")
            if words.count == 2, let bytes = Int(words[1]) { completed[String(words[0])] = bytes }
        }
        self.completed = completed
        self.descriptor = descriptor
        if lines.isEmpty {
            try append(first)
        } else if !rest.isEmpty {
            try append("")
        }
    }

    deinit { close(descriptor) }

    /// Whether another build holds the lock of an unfinished folder now.
    static func isInUse(in folder: OutputFolder) -> Bool {
        let descriptor = unsafe open(folder.path(name), O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    /// Notes that all files of a row are written. One write of one line.
    func note(_ row: String, bytes: Int) throws(BuildError) { try append("\(row) \(bytes)") }

    private func append(_ line: String) throws(BuildError) {
        var bytes = Array((line + "\n").utf8)[...]
        while !bytes.isEmpty {
            // SAFETY: the bytes and their count are the slice's own, alive for the call.
            let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes = bytes.dropFirst(count)
            } else if errno != EINTR {
                throw .system(operation: "write", path: path, code: errno)
            }
        }
    }

    /// All of a file, at most 64 MB: a line has some twenty bytes, a slide some thousand rows.
    private static func contents(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < 64 << 20 {
            // SAFETY: the buffer is the array's own, alive for the call.
            let count = unsafe piece.withUnsafeMutableBytes { buffer in
                unsafe pread(descriptor, buffer.baseAddress, buffer.count, off_t(bytes.count))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
