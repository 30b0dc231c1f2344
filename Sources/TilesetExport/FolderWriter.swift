// SPDX-License-Identifier: Apache-2.0

import TileDescriptions
package import TileModel
import TileSources

/// Writes a folder of tiles: `z/x/y.ext` with a metadata.json, or a Deep Zoom pyramid with its description.
///
/// Each tile is a file that is whole or not there; a small file says how far an earlier run came. The folder appears
/// under its name when it is complete.
package final class FolderWriter: ExportWriter {
    /// How tiles lie.
    package enum Form: String, Sendable {
        /// Maps, and slides with edge tiles of full size.
        case xyz
        /// Slides: the target is the description, `NAME.dzi`, and its tiles lie beside it in `NAME_files`.
        case deepZoom = "dzi"
    }

    private let plan: ExportPlan
    private let form: Form
    /// The folder of tiles while it is written, and afterwards.
    private let part: String
    private let final: String
    private var folders: Set<String> = []
    package private(set) var position = 0

    package init(_ plan: ExportPlan, form: Form) throws(ExportError) {
        self.plan = plan
        self.form = form
        switch form {
        case .xyz: final = plan.target
        case .deepZoom:
            guard plan.info.kind == .slide else {
                throw .unsuitable(
                    reason: "a map has no Deep Zoom levels; export it as a folder of tiles, .pmtiles or .mbtiles"
                )
            }
            final = "\(plan.target.dropLast(4))_files"
        }
        part = "\(final).part"
        try OutputPath.makeFolder(part)
        let head = head
        if !plan.restarts, let journal = try OutputPath.contents(journalPath) {
            let lines = String(decoding: journal, as: UTF8.self).split(separator: "\n")
            guard lines.count == 2, String(lines[0]) == head, let done = Int(lines[1]), done >= 0 else {
                throw .foreign(path: part, reason: "it is of another source, or of one that has changed since")
            }
            position = done
        }
        try checkpoint()
    }

    package var wantsPadded: Bool { form == .xyz }

    private var head: String { "orizuru export, \(form.rawValue), \(plan.fingerprint)" }
    private var journalPath: String { "\(part)/.orizuru-export" }

    package func append(_ tile: TileCoordinate, _ bytes: [UInt8]?) throws(ExportError) {
        if let bytes, !bytes.isEmpty {
            // What a tile is decides its extension, except in Deep Zoom, which has one for all.
            let format = form == .deepZoom ? plan.info.format : TileFormat(sniffing: bytes) ?? plan.info.format
            let ext = format == .mvt ? "pbf" : format.fileExtensions[0]
            try makeFolder("\(tile.level)")
            switch form {
            case .xyz:
                try makeFolder("\(tile.level)/\(tile.x)")
                try OutputPath.write(bytes, to: "\(part)/\(tile.level)/\(tile.x)/\(tile.y).\(ext)")
            case .deepZoom:
                try OutputPath.write(bytes, to: "\(part)/\(tile.level)/\(tile.x)_\(tile.y).\(ext)")
            }
        }
        position += 1
    }

    private func makeFolder(_ name: String) throws(ExportError) {
        guard folders.insert(name).inserted else { return }
        try OutputPath.makeFolder("\(part)/\(name)")
    }

    package func checkpoint() throws(ExportError) {
        try OutputPath.write(Array("\(head)\n\(position)\n".utf8), to: journalPath)
    }

    package func finish() throws(ExportError) {
        if form == .xyz {
            try OutputPath.write(ExportMetadata.json(of: plan.info), to: "\(part)/metadata.json")
        }
        OutputPath.remove(journalPath)
        try OutputPath.rename(part, to: final)
        if form == .deepZoom {
            // Last: without its description the folder is no tileset.
            let text = DeepZoomDocument.text(pyramid: plan.info.pyramid, format: plan.info.format)
            try OutputPath.write(Array(text.utf8), to: plan.target)
        }
    }
}
