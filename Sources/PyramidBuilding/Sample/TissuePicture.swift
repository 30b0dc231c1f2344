// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
package import TileModel

/// A stained section of gut-like tissue that never existed: glands with lumina in a fibrous stroma, thousands of
/// nuclei with chromatin, vessels with red cells, a band of muscle, on glass.
///
/// Everything is a function of the place and the seed: what lies in a part of the picture is found from lattice cells
/// around it, so any part can be rendered alone, in bounded memory, and agrees with its neighbours. Amounts of two
/// dyes are painted, first fields, then glands, then nuclei, and turned into colours at the end (`StainPalette`).
/// Arithmetic is portable (`LatticeNoise`): the same pixels on every machine.
///
/// Cells have their natural size at 0.5 micrometres a pixel whatever the picture's size; the outline of the tissue
/// and its layers follow the picture's size.
package struct TissuePicture: Picture {
    package let size: GridSize
    let ground: TissueGround
    let glands: GlandField
    let nuclei: NucleusField
    private let palette = StainPalette()

    /// The size of a pixel that the cells are drawn for.
    package static let micronsPerPixel = 0.5

    package init(size: GridSize, seed: UInt32 = 1) {
        self.size = size
        ground = TissueGround(size: size, seed: seed)
        glands = GlandField(seed: seed, ground: ground)
        nuclei = NucleusField(seed: seed, ground: ground, glands: glands)
    }

    package func render(_ rect: PixelRect) -> RasterImage {
        precondition(
            rect.x >= 0 && rect.y >= 0 && rect.x + rect.width <= size.width && rect.y + rect.height <= size.height,
            "a part outside of the picture"
        )
        var canvas = StainCanvas(rect: rect)
        ground.paint(on: &canvas)
        glands.paint(on: &canvas)
        nuclei.paint(on: &canvas)
        return finished(canvas)
    }

    private func finished(_ canvas: StainCanvas) -> RasterImage {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(canvas.rect.width * canvas.rect.height * 3)
        for index in canvas.haematoxylin.indices {
            let (red, green, blue) = palette.color(
                haematoxylin: canvas.haematoxylin[index],
                eosin: canvas.eosin[index]
            )
            pixels.append(red)
            pixels.append(green)
            pixels.append(blue)
        }
        return RasterImage(width: canvas.rect.width, height: canvas.rect.height, channels: 3, pixels: pixels)
    }
}

/// Amounts of two dyes over a part of the picture, being painted.
struct StainCanvas {
    let rect: PixelRect
    var haematoxylin: [Float]
    var eosin: [Float]
    /// How much tissue there is, 0...1: nothing is painted on glass.
    var tissue: [Float]

    init(rect: PixelRect) {
        self.rect = rect
        let count = rect.width * rect.height
        haematoxylin = [Float](repeating: 0, count: count)
        eosin = [Float](repeating: 0, count: count)
        tissue = [Float](repeating: 0, count: count)
    }

    /// The columns and rows of the part that lie within `reach` of a place, relative to the part; nil where none does.
    func window(around x: Float, _ y: Float, reach: Float) -> (columns: Range<Int>, rows: Range<Int>)? {
        let left = max(Int((x - reach).rounded(.down)) - rect.x, 0)
        let top = max(Int((y - reach).rounded(.down)) - rect.y, 0)
        let right = min(Int((x + reach).rounded(.up)) + 1 - rect.x, rect.width)
        let bottom = min(Int((y + reach).rounded(.up)) + 1 - rect.y, rect.height)
        guard left < right, top < bottom else { return nil }
        return (left..<right, top..<bottom)
    }

    /// Moves a pixel's dyes towards the given amounts.
    mutating func blend(_ index: Int, haematoxylin h: Float, eosin e: Float, cover: Float) {
        haematoxylin[index] += (h - haematoxylin[index]) * cover
        eosin[index] += (e - eosin[index]) * cover
    }
}
