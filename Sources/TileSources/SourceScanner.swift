// SPDX-License-Identifier: Apache-2.0

package import Telemetry

/// Finds the tilesets under some paths and opens them.
///
/// A path is a tileset itself, or a folder that is searched three folders deep, never inside a tileset. Symbolic
/// links are followed once: what is reached by a link is searched, links inside it are not followed any further; and
/// no folder is searched twice, so no ring of links can hold the search. One broken tileset does not stop the others:
/// it is reported in its place with its error.
package struct SourceScanner: Sendable {
    /// One tileset that was found, opened or not.
    package struct Found: Sendable {
        /// Its name in URLs: unreserved characters only, unique in the scan.
        package let id: String
        /// Where it lies.
        package let path: String
        /// The source, or why it could not be opened.
        package let result: Result<any TileSource, SourceError>
    }

    /// How many folders below a given path are searched.
    package static let maxDepth = 3

    private let recognizers: [SourceRecognizer]
    private let logger: Logger

    package init(logger: Logger, recognizers: [SourceRecognizer] = SourceRecognizer.core) {
        self.logger = logger
        self.recognizers = recognizers
    }

    /// Searches `paths` in order. A path that holds no tileset at all is reported as one that failed. Blocks on the
    /// file system.
    package func scan(_ paths: [String]) -> [Found] {
        var search = Search(scanner: self)
        for path in paths { search.begin(at: path) }
        return search.found
    }

    /// The state of one scan.
    private struct Search {
        let scanner: SourceScanner
        var found: [Found] = []
        private var visited: Set<FolderKey> = []
        private var ids = TilesetIdentifiers()

        private struct FolderKey: Hashable {
            let device: UInt64
            let inode: UInt64
        }

        init(scanner: SourceScanner) { self.scanner = scanner }

        mutating func begin(at path: String) {
            let before = found.count
            let skipped = visit(path, depth: 0, mayFollowLinks: true)
            guard found.count == before, !skipped else { return }
            add(
                path,
                named: Folder.lastComponent(of: path),
                .failure(.notRecognised(path: path, lookedFor: scanner.recognizers.lookedFor))
            )
        }

        /// Returns whether the path was left out because it was seen before.
        private mutating func visit(_ path: String, depth: Int, mayFollowLinks: Bool) -> Bool {
            let candidate: SourceRecognizer.Candidate
            do {
                candidate = try SourceRecognizer.Candidate(path: path)
            } catch {
                add(path, named: Folder.lastComponent(of: path), .failure(error))
                return false
            }
            if let identity = FileIdentity(ofPath: path),
                !visited.insert(FolderKey(device: identity.device, inode: identity.inode)).inserted
            {
                scanner.logger.log(.notice, "left out what was found before", ["path": .init(path)])
                return true
            }
            if let recognizer = scanner.recognizers.first(where: { $0.recognizes(candidate) }) {
                add(path, named: name(of: candidate), opened(candidate, by: recognizer))
                return false
            }
            guard candidate.isFolder, depth <= SourceScanner.maxDepth else { return false }
            descend(into: candidate, depth: depth, mayFollowLinks: mayFollowLinks)
            return false
        }

        private mutating func descend(
            into folder: SourceRecognizer.Candidate,
            depth: Int,
            mayFollowLinks: Bool
        ) {
            guard let entries = try? Folder.entries(of: folder.path) else { return }
            let names = Set(folder.names)
            for entry in entries where !entry.name.hasPrefix(".") {
                if entry.isLink, !mayFollowLinks { continue }
                // The tiles of a .dzi lie beside it: not a folder to search.
                if entry.name.hasSuffix("_files"), names.contains("\(entry.name.dropLast(6)).dzi") { continue }
                let path = "\(folder.path)/\(entry.name)"
                guard let identity = FileIdentity(ofPath: path) else { continue }
                if identity.isFolder {
                    if depth < SourceScanner.maxDepth {
                        _ = visit(path, depth: depth + 1, mayFollowLinks: mayFollowLinks && !entry.isLink)
                    }
                } else if identity.isRegular, isTileset(file: path) {
                    _ = visit(path, depth: depth + 1, mayFollowLinks: false)
                }
            }
        }

        /// Whether a file's name is of a known form: other files in a folder are no fault and are not reported.
        private func isTileset(file path: String) -> Bool {
            guard let candidate = try? SourceRecognizer.Candidate(path: path) else { return false }
            return scanner.recognizers.contains { $0.recognizes(candidate) }
        }

        private func opened(
            _ candidate: SourceRecognizer.Candidate,
            by recognizer: SourceRecognizer
        ) -> Result<any TileSource, SourceError> {
            do {
                return .success(try recognizer.open(candidate, scanner.logger))
            } catch {
                return .failure(error)
            }
        }

        /// A folder's own name in full, a file's without its extension; a description inside a slide's folder stands
        /// for the folder.
        private func name(of candidate: SourceRecognizer.Candidate) -> String {
            var path = candidate.path
            if !candidate.isFolder {
                guard Folder.lastComponent(of: path) == OrigamiSlide.descriptionName else { return candidate.stem }
                path = Folder.parent(of: path)
            }
            let name = Folder.lastComponent(of: path)
            guard name.isEmpty || name == "." || name == ".." else { return name }
            return Folder.lastComponent(of: (try? Folder.resolved(path)) ?? path)
        }

        private mutating func add(_ path: String, named name: String, _ result: Result<any TileSource, SourceError>) {
            let (id, isRenamed) = ids.unique(for: name)
            if isRenamed {
                scanner.logger.log(
                    .warning,
                    "a second tileset of the same name",
                    ["path": .init(path), "id": .init(id)]
                )
            }
            if case .failure(let error) = result {
                scanner.logger.log(
                    .error,
                    "a tileset is not served",
                    ["id": .init(id), "reason": .init(error.description)]
                )
            }
            found.append(Found(id: id, path: path, result: result))
        }
    }
}
