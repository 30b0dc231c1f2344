// SPDX-License-Identifier: Apache-2.0

/// A picture that is read from the top, some rows at a time, as planes: what a pyramid is built from.
///
/// One thread at a time; whoever made it reads it once.
package protocol RowSource: AnyObject {
    /// Pixels in a row.
    var width: Int { get }
    /// Rows in all.
    var height: Int { get }
    /// How chroma comes: `.full`, `.quarter` (as it is stored, half as many in each direction) or `.gray`.
    var subsampling: ChromaSubsampling { get }
    /// Whether rows stay as they are after the next read: then nobody need copy them.
    var keepsRows: Bool { get }

    /// The next `count` rows, fewer at the end; none is never asked for. With `.quarter`, `count` is even, and chroma
    /// has half as many rows, rounded up. Unless `keepsRows`, the planes are valid until the next call.
    func read(_ count: Int) throws(CodecError) -> PlanarPicture
}

/// What a picture's file says of the slide that it shows.
package struct PictureFacts: Hashable, Sendable {
    package var micronsPerPixel: Double?
    /// The magnification of the objective.
    package var objectivePower: Double?
    /// Whose scanner or format it is of.
    package var vendor: String?

    package init() {}
}

/// Rows of a file that says something of its slide.
package protocol DescribedRows: RowSource {
    var facts: PictureFacts { get }
}

/// Reads a picture that is in memory as rows.
package final class PictureRows: RowSource {
    package let width: Int
    package let height: Int
    package let subsampling: ChromaSubsampling
    package let keepsRows = true
    private let picture: PlanarPicture
    private var next = 0

    /// Rows of planes: chroma is of the picture's size, or for `.quarter` of half of it, rounded up; `.gray` has none.
    package init(_ picture: PlanarPicture, width: Int, height: Int, subsampling: ChromaSubsampling) {
        precondition([.full, .quarter, .gray].contains(subsampling), "rows of \(subsampling)")
        precondition(picture.luma.width >= width && picture.luma.height >= height, "planes too small")
        self.picture = picture
        self.width = width
        self.height = height
        self.subsampling = subsampling
    }

    package func read(_ count: Int) throws(CodecError) -> PlanarPicture {
        let rows = min(count, height - next)
        precondition(rows > 0, "reading behind the last row")
        let (first, factor) = (next, subsampling.verticalFactor)
        next += rows
        let size = subsampling.chromaPlaneSize(width: width, height: rows)
        func part(_ plane: Plane) -> Plane {
            plane.window(x: 0, y: first / factor, width: size.width, height: size.height)
        }
        return PlanarPicture(
            luma: picture.luma.window(x: 0, y: first, width: width, height: rows),
            chroma: picture.chroma.map { (part($0.blue), part($0.red)) }
        )
    }
}
