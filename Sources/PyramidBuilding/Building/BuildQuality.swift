// SPDX-License-Identifier: Apache-2.0

package import FamilyRendering
package import ImageCodecs

/// Qualities of what is written.
package struct BuildQuality: Hashable, Sendable {
    /// JPEG quality of stored tiles, 1...100.
    package var tiles = 95
    /// Chroma of stored tiles: full where residuals are predicted from them, for a child's colour is all its parent's.
    package var subsampling = ChromaSubsampling.full
    package var residuals = ResidualEncoder.Qualities.standard
    /// What residuals say of chroma.
    package var chroma = ResidualEncoder.Chroma.none

    package init() {}
}
