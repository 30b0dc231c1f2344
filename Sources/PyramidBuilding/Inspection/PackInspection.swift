// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Glibc
import ImageCodecs

/// What a file of residuals holds: a pack, or a bundle of packs.
package struct PackInspection: Sendable {
    /// One entry of a pack.
    package struct Entry: Sendable {
        /// What it is, in words: `child 2`.
        package let name: String
        package let bytes: Int
        /// The pixels of a JPEG, where it is one that can be decoded.
        package let size: String?
    }

    /// `pack` or `bundle`.
    package let form: String
    /// Packs with contents; 1 for a pack.
    package private(set) var packs = 0
    /// Families of a bundle's grid; 1 for a pack.
    package private(set) var families = 1
    package private(set) var checkedPacks = 0
    package private(set) var bytes: Int
    /// A pack's entries; of a bundle none.
    package private(set) var entries: [Entry] = []
    package private(set) var faults: [String] = []

    /// Whether a path is a file of residuals, by its name.
    package static func recognizes(_ path: String) -> Bool { path.hasSuffix(".pack") || path.hasSuffix(".bundle") }

    /// Reads the file. All entries are decoded: there are at most some thousand bytes in each.
    package init(path: String) throws(BuildError) {
        let file = try InputFile(path)
        guard !file.isFolder, file.size <= 64 << 30 else { throw .input(path: path, reason: "not a file of residuals") }
        bytes = file.size
        form = file.head.starts(with: Array("ORIB".utf8)) ? "bundle" : "pack"
        if form == "pack" {
            guard file.size <= ResidualBundle.maxPackBytes else {
                throw .input(path: path, reason: "\(file.size) bytes are more than a pack may have")
            }
            packs = 1
            add(pack: try Self.read(file, 0..<file.size), listing: true, name: "")
            return
        }
        do throws(PackError) {
            let head = try Self.head(file)
            families = head.columns * head.rows
            for row in 0..<head.rows {
                for column in 0..<head.columns {
                    guard let place = head.indexEntryRange(column: column, row: row) else { continue }
                    do throws(BuildError) {
                        let entry = try Self.read(file, place)
                        guard let pack = try Self.packRange(head, entry, path) else { continue }
                        packs += 1
                        add(pack: try Self.read(file, pack), listing: false, name: "family \(column)_\(row): ")
                    } catch {
                        faults.append("family \(column)_\(row): \(error)")
                    }
                }
            }
        } catch {
            faults.append(error.description)
        }
    }

    private static func head(_ file: InputFile) throws(PackError) -> ResidualBundle.Header {
        let bytes = (try? read(file, 0..<min(file.size, ResidualBundle.headerBytes))) ?? []
        return try ResidualBundle.Header.parse(bytes, fileSize: file.size)
    }

    private static func packRange(
        _ head: ResidualBundle.Header,
        _ entry: [UInt8],
        _ path: String
    ) throws(BuildError) -> Range<Int>? {
        let found: Result<Range<Int>?, PackError> = unsafe entry.withUnsafeBytes { raw in
            do throws(PackError) {
                return .success(try unsafe head.packRange(indexEntry: raw))
            } catch {
                return .failure(error)
            }
        }
        do {
            return try found.get()
        } catch {
            throw .input(path: path, reason: error.description)
        }
    }

    private mutating func add(pack file: [UInt8], listing: Bool, name: String) {
        do throws(PackError) {
            let (found, isChecked) = try Self.entries(file)
            if isChecked { checkedPacks += 1 }
            if listing { entries = found }
            for entry in found where entry.size == nil && entry.name.hasPrefix("broken") {
                faults.append("\(name)\(entry.name)")
            }
        } catch {
            faults.append("\(name)\(error)")
        }
    }

    private static func entries(_ file: [UInt8]) throws(PackError) -> ([Entry], isChecked: Bool) {
        let result: Result<([Entry], Bool), PackError> = unsafe file.withUnsafeBytes { raw in
            do throws(PackError) {
                var pack = [UInt8](repeating: 0, count: try unsafe ResidualPack.uncompressedSize(of: raw))
                // SAFETY: the target is the array's own bytes, of the declared size; the pack is read after that.
                let status: Result<Void, PackError> = unsafe pack.withUnsafeMutableBytes { target in
                    do throws(PackError) {
                        return .success(try unsafe ResidualPack.decompress(raw, into: target))
                    } catch {
                        return .failure(error)
                    }
                }
                try status.get()
                return unsafe pack.withUnsafeBytes { bytes in
                    do throws(PackError) {
                        return .success(try unsafe list(bytes))
                    } catch {
                        return .failure(error)
                    }
                }
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func list(_ pack: UnsafeRawBufferPointer) throws(PackError) -> ([Entry], Bool) {
        var entries: [Entry] = []
        let decoder = JPEGDecoder()
        try unsafe ResidualPack.forEachEntry(of: pack) { entry throws(PackError) in
            var name: String
            var isPicture = true
            switch entry.kind {
            case ResidualPack.Kind.child: name = "child \(entry.index)"
            case ResidualPack.Kind.grandchild: name = "grandchild \(entry.index)"
            case ResidualPack.Kind.chromaResidual: name = "chroma of child \(entry.index)"
            case ResidualPack.Kind.chromaWeights: (name, isPicture) = ("chroma weights", false)
            case ResidualPack.Kind.checksum: (name, isPicture) = ("checksum", false)
            default: (name, isPicture) = ("kind \(entry.kind), \(entry.index)", false)
            }
            _ = try entry.member()
            var size: String?
            if isPicture {
                // SAFETY: the entry's range lies inside the pack.
                let bytes = unsafe UnsafeRawBufferPointer(rebasing: pack[entry.range])
                do throws(CodecError) {
                    let image = try unsafe decoder.decodeRaster(bytes)
                    size = "\(image.width)x\(image.height)"
                } catch {
                    name = "broken \(name): \(error)"
                }
            }
            entries.append(Entry(name: name, bytes: entry.range.count, size: size))
        }
        return (entries, try unsafe ResidualPack.verifyChecksum(of: pack))
    }

    private static func read(_ file: InputFile, _ range: Range<Int>) throws(BuildError) -> [UInt8] {
        do throws(CodecError) {
            return try file.contents(range)
        } catch {
            throw .input(path: file.path, reason: error.description)
        }
    }
}
