// SPDX-License-Identifier: Apache-2.0

package import Telemetry

/// One form of tileset: how a path of it is told, and how it is opened. The scanner asks a list of them in order, so
/// an optional module adds its form without this one knowing it.
package struct SourceRecognizer: Sendable {
    /// A path that may be a tileset.
    package struct Candidate: Sendable {
        /// The path without trailing slashes.
        package let path: String
        package let isFolder: Bool
        /// The names inside, sorted, where it is a folder.
        package let names: [String]
        /// The name without extension, and the extension in lower case.
        package let stem: String
        package let fileExtension: String
    }

    /// What is looked for, for messages: "a folder with baseline_pyramid.dzi".
    package let looksFor: String
    /// Whether a path is of this form, by names alone.
    package let recognizes: @Sendable (Candidate) -> Bool
    /// Opens it. The log takes what is odd but no error.
    package let open: @Sendable (Candidate, Logger) throws(SourceError) -> any TileSource

    package init(
        looksFor: String,
        recognizes: @escaping @Sendable (Candidate) -> Bool,
        open: @escaping @Sendable (Candidate, Logger) throws(SourceError) -> any TileSource
    ) {
        self.looksFor = looksFor
        self.recognizes = recognizes
        self.open = open
    }

    /// The forms of this module.
    package static let core: [SourceRecognizer] = [.origami, .deepZoom, .pmtiles, .mapFolder]

    private static let origami = SourceRecognizer(
        looksFor: "a folder with \(OrigamiSlide.descriptionName)",
        recognizes: { candidate in
            candidate.isFolder
                ? candidate.names.contains(OrigamiSlide.descriptionName)
                : Folder.lastComponent(of: candidate.path) == OrigamiSlide.descriptionName
        },
        open: { (candidate, logger) throws(SourceError) -> any TileSource in
            let folder = candidate.isFolder ? candidate.path : Folder.parent(of: candidate.path)
            return try OrigamiSlide(folder: folder, logger: logger)
        }
    )

    private static let deepZoom = SourceRecognizer(
        looksFor: "a .dzi file",
        recognizes: { !$0.isFolder && $0.fileExtension == "dzi" },
        open: { (candidate, _) throws(SourceError) -> any TileSource in
            try DeepZoomFolder(description: candidate.path)
        }
    )

    private static let pmtiles = SourceRecognizer(
        looksFor: "a .pmtiles archive",
        recognizes: { !$0.isFolder && $0.fileExtension == "pmtiles" },
        open: { (candidate, logger) throws(SourceError) -> any TileSource in
            try PMTilesSource(path: candidate.path, logger: logger)
        }
    )

    private static let mapFolder = SourceRecognizer(
        looksFor: "a folder of tiles z/x/y.png, .jpg, .webp or .pbf",
        recognizes: { $0.isFolder && MapFolder.isMapFolder($0.path, names: $0.names) },
        open: { (candidate, logger) throws(SourceError) -> any TileSource in
            try MapFolder(folder: candidate.path, logger: logger)
        }
    )
}

/// Opens the tileset that `path` is. Throws `notRecognised`, saying what was looked for, where it is none.
package func openSource(
    _ path: String,
    logger: Logger,
    recognizers: [SourceRecognizer] = SourceRecognizer.core
) throws(SourceError) -> any TileSource {
    let candidate = try SourceRecognizer.Candidate(path: path)
    guard let recognizer = recognizers.first(where: { $0.recognizes(candidate) }) else {
        throw .notRecognised(path: path, lookedFor: recognizers.lookedFor)
    }
    return try recognizer.open(candidate, logger)
}

extension [SourceRecognizer] {
    /// All that is looked for, in words.
    var lookedFor: String { map(\.looksFor).joined(separator: "; ") }
}

extension SourceRecognizer.Candidate {
    /// Looks at `path`, links followed.
    init(path: String) throws(SourceError) {
        var path = path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard let identity = FileIdentity(ofPath: path) else {
            // Resolving fails in the same way and says why.
            let resolved = try Folder.resolved(path)
            throw .notRecognised(path: resolved, lookedFor: "a file or folder")
        }
        let (stem, fileExtension) = Folder.split(Folder.lastComponent(of: path))
        self.path = path
        self.isFolder = identity.isFolder
        self.names = identity.isFolder ? try Folder.entries(of: path).map(\.name) : []
        self.stem = stem
        self.fileExtension = fileExtension
    }
}
