// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import TestSupport
import TileModel

/// The slide `he-q90-r32` of the shared data: 2048 x 2048 pixels, 2 x 2 families, each in three containers.
enum SlideFixture {
    static let path = "slides/he-q90-r32"

    enum Container: String, CaseIterable {
        case pack, bundle, loose
    }

    /// The geometry of its .dzi.
    static func pyramid() throws -> Pyramid {
        guard
            let pyramid = Pyramid(deepZoom: GridSize(width: 2048, height: 2048), tileSize: 256, overlap: 0)
        else { throw RenderTestFailure("no pyramid of 2048x2048") }
        return pyramid
    }

    /// All its families, row by row.
    static func families() throws -> [Family] {
        let pyramid = try pyramid()
        var families: [Family] = []
        for y in 0..<2 {
            for x in 0..<2 {
                families.append(Family(parent: TileCoordinate(level: pyramid.maxLevel - 2, x: x, y: y), in: pyramid))
            }
        }
        return families
    }

    /// The stored plain JPEG of a tile.
    static func plainTile(_ tile: TileCoordinate) throws -> [UInt8] {
        try SharedData.bytes("\(path)/baseline_pyramid_files/\(tile.level)/\(tile.x)_\(tile.y).jpg")
    }

    /// A family's material from one of the containers.
    static func material(_ family: Family, from container: Container) throws -> FamilyMaterial {
        let material = FamilyMaterial()
        material.begin(family: family, pyramid: try pyramid())
        material.setParent(material.append(try plainTile(family.parent)))
        let name = "\(family.parent.x)_\(family.parent.y)"
        switch container {
        case .pack:
            try material.addPack(material.append(try SharedData.bytes("\(path)/residual_packs/\(name).pack")))
        case .bundle:
            let bundle = try SharedData.bytes("\(path)/residuals.bundle")
            let header = try ResidualBundle.Header.parse(Array(bundle[..<32]), fileSize: bundle.count)
            guard let entry = header.indexEntryRange(column: family.parent.x, row: family.parent.y),
                let pack = try unsafe bundle[entry].withUnsafeBytes({
                    try unsafe header.packRange(indexEntry: $0)
                })
            else { throw RenderTestFailure("the bundle has no family \(name)") }
            try material.addPack(material.append(Array(bundle[pack])))
        case .loose:
            for member in family.members where member > 0 {
                let tile = family.coordinate(ofMember: member)
                let folder = Family.depth(ofMember: member) == 1 ? "L1" : "L0"
                let file = "\(path)/residuals_j32/\(folder)/\(name)/\(tile.x)_\(tile.y).jpg"
                material.set(member: member, residual: material.append(try SharedData.bytes(file)))
            }
        }
        return material
    }
}

/// A test's own failure, in words.
struct RenderTestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension FamilyRenderer {
    /// A copy of what `render` returns.
    func renderedBytes(_ member: Int, padded: Bool = false) throws(RenderError) -> [UInt8] {
        unsafe [UInt8](try unsafe render(member: member, padded: padded))
    }
}
