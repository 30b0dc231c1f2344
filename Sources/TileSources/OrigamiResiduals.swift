// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Telemetry
import TileModel

/// Where the residuals of a slide lie: a bundle or a folder of packs, and a folder of loose files.
///
/// The names vary between writers: `residuals.bundle` lies in the slide's folder or in `residual_packs`; packs in
/// `residual_packs` or in the `packs` of the folder of loose residuals, which is called `residuals_` and something.
struct OrigamiResiduals: Sendable {
    /// What the packs of families are read from.
    private enum Packs: Sendable {
        case none
        case bundle(OpenFile, ResidualBundle.Header)
        case folder(String)
    }

    private var packs: Packs = .none
    /// The folder of `L1` and `L0`.
    private var loose: String?
    /// Why the bundle that is there cannot be used: then a member without any other source is an error, not a hole.
    private var brokenBundle: SourceError?
    private var identities: [FileIdentity] = []

    /// Looks for residuals in the folder of a slide. A broken bundle is logged, and packs and loose files stand in.
    init(slide: String, pyramid: Pyramid, logger: Logger) {
        let names = Folder.names(of: slide)
        let looseFolder = Self.chooseLoose(in: slide, names: names, logger: logger)
        for path in ["\(slide)/residuals.bundle", "\(slide)/residual_packs/residuals.bundle"] {
            do {
                guard let file = try OpenFile.ifPresent(path) else { continue }
                identities.append(file.identity)
                packs = .bundle(file, try Self.header(of: file, pyramid: pyramid))
                break
            } catch {
                logger.log(
                    .error,
                    "a bundle is damaged; packs and files stand in",
                    ["reason": .init(error.description)]
                )
                brokenBundle = error
            }
        }
        if case .none = packs {
            let folders = ["\(slide)/residual_packs"] + (looseFolder.map { ["\($0)/packs"] } ?? [])
            if let folder = folders.first(where: Self.hasPacks) { packs = .folder(folder) }
        }
        if case .folder(let folder) = packs, let identity = FileIdentity(ofPath: folder) { identities.append(identity) }
        guard let looseFolder else { return }
        let levels = ["L1", "L0"].map { "\(looseFolder)/\($0)" }.filter(Folder.exists)
        guard !levels.isEmpty else { return }
        loose = looseFolder
        identities += levels.compactMap(FileIdentity.init(ofPath:))
        Self.reportUnreadableFormats(in: levels, logger: logger)
    }

    /// Whether the slide has no residual at all.
    var isEmpty: Bool {
        guard case .none = packs else { return false }
        return loose == nil && brokenBundle == nil
    }

    /// Adds the states of bundle and folders to a slide's version.
    func combine(into hash: inout StableHash) {
        for identity in identities { identity.combine(into: &hash) }
    }

    /// Sets the residuals that the family's pack holds. Nothing where there is no pack for it.
    func appendPack(of family: Family, to material: FamilyMaterial) throws(SourceError) {
        switch packs {
        case .none:
            break
        case .bundle(let file, let header):
            guard let range = try Self.packRange(of: family.parent, in: file, header: header) else { return }
            try Self.append(file, range, to: material)
        case .folder(let folder):
            let path = "\(folder)/\(family.parent.x)_\(family.parent.y).pack"
            if let file = try OpenFile.ifPresent(path) { try Self.append(file, 0..<file.size, to: material) }
        }
        if let brokenBundle { throw brokenBundle }
    }

    /// Where a tile's loose residual would lie.
    func loosePath(of tile: TileCoordinate, in family: Family) -> String? {
        guard let loose else { return nil }
        let level = tile.level == family.parent.level + 1 ? "L1" : "L0"
        return "\(loose)/\(level)/\(family.parent.x)_\(family.parent.y)/\(tile.x)_\(tile.y).jpg"
    }

    // MARK: Packs

    private static func append(
        _ file: OpenFile,
        _ place: Range<Int>,
        to material: FamilyMaterial
    ) throws(SourceError) {
        guard place.count <= ResidualBundle.maxPackBytes else {
            throw .tooLarge(path: file.path, bytes: place.count, limit: ResidualBundle.maxPackBytes)
        }
        let range = try unsafe material.appendBytes(count: place.count) { (buffer) throws(SourceError) -> Int in
            try unsafe file.read(into: buffer, at: place.lowerBound)
        }
        do {
            try material.addPack(range)
        } catch {
            throw .damaged(path: file.path, reason: error.description)
        }
    }

    private static func header(of file: OpenFile, pyramid: Pyramid) throws(SourceError) -> ResidualBundle.Header {
        let bytes = try file.bytes(at: 0, count: min(file.size, ResidualBundle.headerBytes), limit: Limits.tileBytes)
        let header: ResidualBundle.Header
        do {
            header = try ResidualBundle.Header.parse(bytes, fileSize: file.size)
        } catch {
            throw .damaged(path: file.path, reason: error.description)
        }
        let grid = pyramid.grid(ofLevel: max(pyramid.maxLevel - 2, 0))
        guard header.columns == grid.width, header.rows == grid.height else {
            throw .damaged(
                path: file.path,
                reason: "its grid of \(header.columns)x\(header.rows) families is not the slide's \(grid)"
            )
        }
        return header
    }

    private static func packRange(
        of parent: TileCoordinate,
        in file: OpenFile,
        header: ResidualBundle.Header
    ) throws(SourceError) -> Range<Int>? {
        guard let place = header.indexEntryRange(column: parent.x, row: parent.y) else { return nil }
        let bytes = try file.bytes(at: place.lowerBound, count: place.count, limit: place.count)
        let found: Result<Range<Int>?, PackError> = unsafe bytes.withUnsafeBytes { raw in
            do throws(PackError) {
                // SAFETY: the entry's bytes are read inside the closure only.
                return .success(try unsafe header.packRange(indexEntry: raw))
            } catch {
                return .failure(error)
            }
        }
        do {
            return try found.get()
        } catch {
            throw .damaged(path: file.path, reason: error.description)
        }
    }

    private static func hasPacks(_ folder: String) -> Bool {
        Folder.names(of: folder).contains { $0.hasSuffix(".pack") }
    }

    // MARK: Loose files

    /// The folder of loose residuals. Of several, the first by name that has both levels, else the first by name.
    private static func chooseLoose(in slide: String, names: [String], logger: Logger) -> String? {
        let candidates = names.filter { name in
            name.hasPrefix("residuals_")
                && ["L1", "L0", "packs"].contains { Folder.exists("\(slide)/\(name)/\($0)") }
        }
        let complete = candidates.first { name in
            ["L1", "L0"].allSatisfy { Folder.exists("\(slide)/\(name)/\($0)") }
        }
        guard let chosen = complete ?? candidates.first else { return nil }
        if candidates.count > 1 {
            logger.log(
                .notice,
                "several folders of residuals",
                ["slide": .init(slide), "chosen": .init(chosen), "of": .init(candidates.joined(separator: " "))]
            )
        }
        return "\(slide)/\(chosen)"
    }

    /// Says once, at opening, that residuals of other formats are there and passed over.
    private static func reportUnreadableFormats(in levels: [String], logger: Logger) {
        for level in levels {
            guard let family = Folder.names(of: level).first,
                let name = Folder.names(of: "\(level)/\(family)").first(where: {
                    $0.hasSuffix(".webp") || $0.hasSuffix(".jxl")
                })
            else { continue }
            logger.log(
                .notice,
                "residuals that are not JPEG are passed over; the plain tiles stand in",
                ["path": .init("\(level)/\(family)/\(name)")]
            )
        }
    }
}
