// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import ImageCodecs
import TileModel

/// Bounds that keep one input quick: what is larger is refused before it is decoded.
private let limits = ImageLimits(maxWidth: 512, maxHeight: 512, maxPixels: 1 << 17)

extension FuzzTarget {
    /// A JPEG as a picture and as planes of luma.
    static let jpeg = FuzzTarget(
        name: "jpeg",
        run: { bytes in
            let decoder = JPEGDecoder()
            _ = try? decoder.decodeRaster(bytes, limits: limits)
            _ = try? decoder.decodeRaster(bytes, limits: limits, toleratingWarnings: true)
        },
        seeds: { ChromaSubsampling.allCases.map(Seeds.jpeg) + [Seeds.grayJPEG] }
    )

    /// A PNG as a picture.
    static let png = FuzzTarget(
        name: "png",
        run: { _ = try? PNGCodec.decode($0, limits: limits) },
        seeds: { [Seeds.png, Seeds.palettePNG] }
    )

    /// A pack file, for a whole family and for one at the image's corner.
    static let pack = FuzzTarget(
        name: "pack",
        run: { bytes in
            for family in [Seeds.wholeFamily, Seeds.cornerFamily] {
                let material = FamilyMaterial()
                material.begin(family, of: Seeds.pyramid)
                guard (try? material.addPack(material.append(bytes))) != nil else { continue }
                for member in family.members {
                    // Every byte of every part must be inside the arena.
                    switch material.part(ofMember: member) {
                    case .missing: break
                    case .plain(let range), .residual(let range):
                        let sum = unsafe material.bytes(range).reduce(UInt64(0)) { $0 &+ UInt64($1) }
                        precondition(sum < .max)
                    }
                }
            }
        },
        seeds: {
            [
                Seeds.pack(of: Seeds.wholeFamily), Seeds.pack(of: Seeds.cornerFamily),
                (try? ResidualPack.Writer().file()) ?? [],
            ]
        }
    )

    /// A bundle: the header, every entry of its index, every pack that they point at.
    static let bundle = FuzzTarget(
        name: "bundle",
        run: { bytes in
            guard let header = try? ResidualBundle.Header.parse(bytes, fileSize: bytes.count) else { return }
            unsafe bytes.withUnsafeBytes { all in
                for row in 0..<min(header.rows, 64) {
                    for column in 0..<min(header.columns, 64) {
                        guard let place = header.indexEntryRange(column: column, row: row) else { continue }
                        let entry = unsafe UnsafeRawBufferPointer(rebasing: all[place])
                        guard let pack = unsafe (try? header.packRange(indexEntry: entry)) ?? nil else { continue }
                        let material = FamilyMaterial()
                        material.begin(Seeds.wholeFamily, of: Seeds.pyramid)
                        _ = unsafe try? material.addPack(UnsafeRawBufferPointer(rebasing: all[pack]))
                    }
                }
            }
        },
        seeds: {
            let pack = Seeds.pack(of: Seeds.wholeFamily)
            return [
                ResidualBundle.file(columns: 2, rows: 1, packs: [pack, nil]),
                ResidualBundle.file(columns: 1, rows: 2, packs: [nil, pack]),
            ]
        }
    )

    /// A whole family out of hostile parts, every member in both modes, as stored and padded.
    static let family = FuzzTarget(
        name: "family",
        run: { bytes in
            let exact = ReconstructionParameters(mode: .exact) ?? .standard
            let renderers = [FamilyRenderer(parameters: .standard), FamilyRenderer(parameters: exact)]
            let family = bytes.count & 1 == 0 ? Seeds.wholeFamily : Seeds.cornerFamily
            let material = FamilyMaterial()
            material.begin(family, of: Seeds.pyramid)
            Seeds.forEachPart(of: bytes) { member, isPlain, part in
                let range = material.append(part)
                if member == 0 {
                    material.setParent(range)
                } else if isPlain {
                    material.set(member: member, plain: range)
                } else {
                    material.set(member: member, residual: range)
                }
            }
            for renderer in renderers {
                renderer.begin(material)
                for member in family.members {
                    _ = unsafe try? renderer.render(member: member)
                    _ = unsafe try? renderer.render(member: member, padded: true)
                }
            }
        },
        seeds: { [Seeds.parts(of: Seeds.wholeFamily), Seeds.parts(of: Seeds.cornerFamily)] }
    )
}

extension FamilyMaterial {
    fileprivate func begin(_ family: Family, of pyramid: Pyramid) { begin(family: family, pyramid: pyramid) }
}
