// SPDX-License-Identifier: Apache-2.0

/// A picture as planes: luma, and chroma where it has colour. References, as `Plane` is. One thread at a time.
package struct PlanarPicture {
    package let luma: Plane
    package let chroma: (blue: Plane, red: Plane)?

    /// All planes are of the picture's size, or the chroma of half of it, rounded up.
    package init(luma: Plane, chroma: (blue: Plane, red: Plane)?) {
        self.luma = luma
        self.chroma = chroma
    }

    /// The planes of an interleaved picture by the JFIF formula; gray has no chroma, alpha is laid over white.
    package init(_ image: RasterImage) {
        let image = image.flattenedOverWhite()
        luma = Plane(width: image.width, height: image.height)
        guard image.channels == 3 else {
            JFIFColour.luma(of: image, into: luma)
            chroma = nil
            return
        }
        let (blue, red) = (
            Plane(width: image.width, height: image.height), Plane(width: image.width, height: image.height)
        )
        for row in 0..<image.height {
            // SAFETY: every plane has the row, and `width` samples in it.
            let (y, cb, cr) = unsafe (luma.row(row), blue.row(row), red.row(row))
            for column in 0..<image.width {
                let at = row * image.stride + column * 3
                let (r, g, b) = (image.pixels[at], image.pixels[at + 1], image.pixels[at + 2])
                unsafe y[column] = JFIFColour.luma(r, g, b)
                let chroma = JFIFColour.chroma(r, g, b)
                unsafe cb[column] = chroma.blue
                unsafe cr[column] = chroma.red
            }
        }
        chroma = (blue, red)
    }
}
