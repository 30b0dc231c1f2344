// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Names and kinds of what lies in a folder.
enum Folder {
    /// One name of a listing.
    struct Entry: Hashable {
        let name: String
        /// Whether the name itself is a symbolic link.
        let isLink: Bool
    }

    /// The entries of a folder without `.` and `..`, sorted by name so that every start sees the same order.
    static func entries(of path: String) throws(SourceError) -> [Entry] {
        guard let stream = unsafe opendir(path) else {
            throw .system(operation: "list", path: path, code: errno)
        }
        // SAFETY: the stream is closed once, here, and not used afterwards.
        defer { unsafe closedir(stream) }
        var entries: [Entry] = []
        while let entry = unsafe readdir(stream) {
            // SAFETY: d_name is a zero-terminated string inside the entry, which stays valid until the next readdir.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            var isLink = unsafe entry.pointee.d_type == UInt8(DT_LNK)
            if unsafe entry.pointee.d_type == UInt8(DT_UNKNOWN) {
                var status = stat()
                // SAFETY: lstat writes one `stat` into a local of that type.
                isLink = unsafe lstat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
            }
            entries.append(Entry(name: name, isLink: isLink))
            guard entries.count <= Limits.folderEntries else {
                throw .tooLarge(path: path, bytes: entries.count, limit: Limits.folderEntries)
            }
        }
        return entries.sorted { $0.name < $1.name }
    }

    /// The names alone; empty where the folder cannot be listed.
    static func names(of path: String) -> [String] {
        ((try? entries(of: path)) ?? []).map(\.name)
    }

    /// Whether `path` leads to a folder.
    static func exists(_ path: String) -> Bool { FileIdentity(ofPath: path)?.isFolder ?? false }

    /// The last part of a path, `.` and trailing slashes resolved by the caller.
    static func lastComponent(of path: String) -> String {
        String(path.split(separator: "/", omittingEmptySubsequences: true).last ?? "")
    }

    /// All but the last part: `.` for a bare name.
    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A name and its extension in lower case: ("a.b", "dzi") of `a.b.DZI`; the extension is empty where there is none.
    static func split(_ name: String) -> (stem: String, fileExtension: String) {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
        return (String(name[..<dot]), name[name.index(after: dot)...].lowercased())
    }

    /// The path with links and dots resolved.
    static func resolved(_ path: String) throws(SourceError) -> String {
        guard let real = unsafe realpath(path, nil) else {
            throw .system(operation: "open", path: path, code: errno)
        }
        // SAFETY: realpath allocated the string for us; it is copied, then freed once.
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }
}
