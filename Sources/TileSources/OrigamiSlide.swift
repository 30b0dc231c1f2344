// SPDX-License-Identifier: Apache-2.0

package import FamilyRendering
package import Telemetry
package import TileModel

/// A slide in the ORIGAMI form: a Deep Zoom pyramid of JPEG tiles whose two finest levels are kept as residuals.
///
/// Each member of a family comes from the first of these that has it: the pack of its family (out of a bundle, where
/// there is one, else out of a pack file), its loose residual file, the plain JPEG of its level. A part that is
/// damaged is logged and passed over; a member that is left with nothing because of it is an error, not a hole.
///
/// Thread rule: immutable after `init`; reads by position.
package final class OrigamiSlide: TileSource {
    /// The name of a slide's description: what makes a folder a slide.
    package static let descriptionName = "baseline_pyramid.dzi"

    package let info: TilesetInfo
    /// The level of parents, or nil for a slide without any residual: then it is a plain Deep Zoom pyramid.
    private let parentLevel: Int?
    private let tiles: DeepZoomTiles
    private let residuals: OrigamiResiduals
    private let logger: Logger
    private let fault = RepeatedFault()

    /// Opens the slide in `folder`. A bundle stays open.
    package init(folder: String, logger: Logger) throws(SourceError) {
        let path = "\(folder)/\(Self.descriptionName)"
        let (description, identity) = try DeepZoomTiles.readDescription(path)
        let tiles = DeepZoomTiles(folder: "\(folder)/baseline_pyramid_files", fileExtension: description.fileExtension)
        guard let tilesIdentity = FileIdentity(ofPath: tiles.folder), tilesIdentity.isFolder else {
            throw .malformed(path: path, reason: "the folder of its tiles, \(tiles.folder), does not exist")
        }
        let pyramid = description.pyramid
        let residuals = OrigamiResiduals(slide: folder, pyramid: pyramid, logger: logger)
        if !residuals.isEmpty {
            guard pyramid.overlap == 0 else {
                throw .unsupported(
                    path: path,
                    reason: "an ORIGAMI slide with Overlap=\"\(pyramid.overlap)\"; residuals need tiles without overlap"
                )
            }
            guard description.format == .jpeg else {
                throw .unsupported(path: path, reason: "an ORIGAMI slide of \(description.fileExtension), not JPEG")
            }
        }
        var version = StableHash()
        version.combine("origami")
        identity.combine(into: &version)
        tilesIdentity.combine(into: &version)
        residuals.combine(into: &version)
        let parentLevel = residuals.isEmpty || pyramid.maxLevel < 2 ? nil : pyramid.maxLevel - 2
        // What is rendered is made from the parents, too.
        if let parentLevel { FileIdentity(ofPath: "\(tiles.folder)/\(parentLevel)")?.combine(into: &version) }
        let metadata = TilesetMetadata(
            folder: folder,
            json: ["summary.json"],
            vipsProperties: "\(tiles.folder)/vips-properties.xml"
        )
        var info = TilesetInfo(
            title: metadata.title ?? Folder.lastComponent(of: (try? Folder.resolved(folder)) ?? folder),
            kind: .slide,
            form: residuals.isEmpty ? "dzi" : "origami",
            pyramid: pyramid,
            format: description.format,
            version: TilesetVersion(hash: version.value)
        )
        metadata.apply(to: &info)
        self.info = info
        self.parentLevel = parentLevel
        self.tiles = tiles
        self.residuals = residuals
        self.logger = logger
        // Packs, bundles and folders of residuals lie beside the description.
        watchedFiles =
            [path, folder, tiles.folder] + Folder.names(of: folder).prefix(Self.watchedNames).map { "\(folder)/\($0)" }
    }

    package let watchedFiles: [String]
    package var hasLooseTiles: Bool { true }
    private static let watchedNames = 64

    package func family(for tile: TileCoordinate) -> Family? {
        guard let parentLevel, tile.level >= parentLevel, tile.level <= info.pyramid.maxLevel else { return nil }
        return Family(parent: tile.ancestor(tile.level - parentLevel), in: info.pyramid)
    }

    package func readTile(_ tile: TileCoordinate, into buffer: TileBuffer) throws(SourceError) -> StoredTileFile {
        try OpenFile.readTile(tile, path: tiles.path(of: tile), into: buffer)
    }

    package func load(_ family: Family, into material: FamilyMaterial) throws(SourceError) {
        material.begin(family: family, pyramid: info.pyramid)
        if let parent = try append(tiles.path(of: family.parent), to: material) { material.setParent(parent) }
        do {
            try residuals.appendPack(of: family, to: material)
        } catch {
            report(error)
            // Nobody knows what it held: whatever stands in for any member is not what it means.
            for member in family.members where member != 0 { material.noteDamage(ofMember: member) }
        }
        for member in family.members where member != 0 && material.part(ofMember: member) == .missing {
            do {
                try loadLoose(member, of: family, into: material)
            } catch {
                report(error)
                material.noteDamage(ofMember: member)
            }
        }
        let needsParent = family.members.contains { material.part(ofMember: $0).isResidual }
        if needsParent, material.part(ofMember: 0) == .missing {
            throw .damaged(path: tiles.path(of: family.parent), reason: "the parent of residuals does not exist")
        }
    }

    /// The loose residual of a member, else the plain tile. What is damaged is thrown only after the rest was tried.
    private func loadLoose(_ member: Int, of family: Family, into material: FamilyMaterial) throws(SourceError) {
        let tile = family.coordinate(ofMember: member)
        var damage: SourceError?
        if let path = residuals.loosePath(of: tile, in: family) {
            do {
                if let range = try append(path, to: material) {
                    material.set(member: member, residual: range)
                    return
                }
            } catch {
                damage = error
            }
        }
        if let range = try append(tiles.path(of: tile), to: material) {
            material.set(member: member, plain: range)
            if let damage {
                report(damage)
                material.noteDamage(ofMember: member)
            }
        } else if let damage {
            throw damage
        }
    }

    /// A JPEG file's bytes in the arena, or nil where there is no such file.
    private func append(_ path: String, to material: FamilyMaterial) throws(SourceError) -> Range<Int>? {
        guard let file = try OpenFile.ifPresent(path) else { return nil }
        guard file.size > 0 else { throw .damaged(path: path, reason: "a tile of zero bytes") }
        guard file.size <= Limits.tileBytes else {
            throw .tooLarge(path: path, bytes: file.size, limit: Limits.tileBytes)
        }
        let range = try unsafe material.appendBytes(count: file.size) { (buffer) throws(SourceError) -> Int in
            try unsafe file.read(into: buffer, at: 0)
        }
        // SAFETY: the view is used here only, before anything else is appended.
        guard unsafe material.bytes(range).starts(with: [0xFF, 0xD8, 0xFF]) else {
            throw .damaged(path: path, reason: "not a JPEG by its first bytes")
        }
        return range
    }

    private func report(_ error: SourceError) {
        logger.log(.error, limitedBy: fault, "a part of a slide is damaged", ["reason": .init(error.description)])
    }
}
