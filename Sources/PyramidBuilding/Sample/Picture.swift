// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
package import TileModel

/// A picture that can be asked for any of its parts: what a pyramid is built from, one band of tiles after another, so
/// that the whole never has to be in memory.
package protocol Picture: Sendable {
    /// The size in pixels.
    var size: GridSize { get }

    /// The pixels of a part, RGB. The part must lie inside. The same part always has the same pixels, and a part of a
    /// part agrees with it.
    func render(_ rect: PixelRect) -> RasterImage
}
