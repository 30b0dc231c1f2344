// SPDX-License-Identifier: Apache-2.0

internal import ImageCodecs
internal import TileModel

/// The geometry of one family in pixels, seen from its upper left corner at each of its three levels.
struct FamilyShape {
    let family: Family
    let tileSize: Int
    /// The true pixels of the family at its three levels, parent first; at most 1, 2 and 4 tiles a side.
    private let sizes: (GridSize, GridSize, GridSize)

    init(family: Family, pyramid: Pyramid) {
        self.family = family
        tileSize = pyramid.tileSize
        func size(_ depth: Int) -> GridSize {
            let level = pyramid.size(ofLevel: family.parent.level + depth)
            let side = pyramid.tileSize << depth
            return GridSize(
                width: min(side, level.width - family.parent.x * side),
                height: min(side, level.height - family.parent.y * side)
            )
        }
        sizes = (size(0), size(1), size(2))
    }

    /// The true size of the family `depth` levels below the parent.
    func size(depth: Int) -> GridSize { depth == 0 ? sizes.0 : depth == 1 ? sizes.1 : sizes.2 }

    /// Where a member lies within the family at its level; cut off at the image's edge. The member must exist.
    func rect(ofMember member: Int) -> PixelRect {
        let depth = Family.depth(ofMember: member)
        let place = member - (depth == 0 ? 0 : depth == 1 ? 1 : 5)
        let x = (place & ((1 << depth) - 1)) * tileSize
        let y = (place >> depth) * tileSize
        let size = size(depth: depth)
        return PixelRect(x: x, y: y, width: min(tileSize, size.width - x), height: min(tileSize, size.height - y))
    }

    /// Whether a member is smaller than a full tile.
    func isPartial(member: Int) -> Bool {
        let rect = rect(ofMember: member)
        return rect.width < tileSize || rect.height < tileSize
    }

    /// The children (member numbers 1...4) whose pixels the doubling of the children's mosaic reads for a rectangle of
    /// the grandchildren's level: the child above it, and a neighbour where the rectangle touches its border.
    func childrenRead(for rect: PixelRect) -> (columns: ClosedRange<Int>, rows: ClosedRange<Int>) {
        let size = size(depth: 1)
        func cells(_ start: Int, _ count: Int, _ limit: Int) -> ClosedRange<Int> {
            let first = max((start - 1) >> 1, 0)
            let last = min((start + count) >> 1, limit - 1)
            return (first / tileSize)...(last / tileSize)
        }
        return (cells(rect.x, rect.width, size.width), cells(rect.y, rect.height, size.height))
    }

    /// Refuses a picture that is neither of the member's true size nor a full tile, whose excess is cropped.
    ///
    /// Other sizes mean that the file belongs elsewhere: stretching or shifting it would show wrong tissue.
    func check(_ header: JPEGHeader, ofMember member: Int) throws(RenderError) {
        let rect = rect(ofMember: member)
        let isTrueSize = header.width == rect.width && header.height == rect.height
        let isFullTile = header.width == tileSize && header.height == tileSize
        if isTrueSize || isFullTile { return }
        let expected = "\(rect.width)x\(rect.height)" + (isPartial(member: member) ? " or \(tileSize)x\(tileSize)" : "")
        throw .broken(
            family.coordinate(ofMember: member),
            .wrongSize(.jpeg, width: header.width, height: header.height, expected: expected)
        )
    }
}
