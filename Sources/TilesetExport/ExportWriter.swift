// SPDX-License-Identifier: Apache-2.0

package import TileModel
package import TileSources

/// Writes the tiles of one export, in order, under a temporary name; `finish` gives the target its own.
///
/// Thread rule: one thread.
package protocol ExportWriter: AnyObject {
    /// How many tiles an earlier run has written for good, in the order of this one; 0 for a new export.
    var position: Int { get }

    /// Whether edge tiles are to be of full size, as XYZ has them, or partial, as Deep Zoom has them.
    var wantsPadded: Bool { get }

    /// Adds the next tile; nil where the source has none there.
    func append(_ tile: TileCoordinate, _ bytes: [UInt8]?) throws(ExportError)

    /// Makes what was appended last, so that a later run goes on behind it. Called every few seconds, and at an interrupt.
    func checkpoint() throws(ExportError)

    /// Completes the target and renames it into place.
    func finish() throws(ExportError)
}

/// What a writer is told of an export before its first tile.
package struct ExportPlan: Sendable {
    /// The target's path.
    package let target: String
    package let info: TilesetInfo
    /// What tells one export from another: the source's version and how its tiles are made. An earlier run of another
    /// one is not gone on with.
    package let fingerprint: String
    /// The places that are gone through.
    package let order: ExportOrder
    /// Begins anew, whatever an earlier run left.
    package let restarts: Bool

    package init(target: String, info: TilesetInfo, fingerprint: String, order: ExportOrder, restarts: Bool) {
        self.target = target
        self.info = info
        self.fingerprint = fingerprint
        self.order = order
        self.restarts = restarts
    }

    /// How many places there are.
    package var tileCount: Int { order.count }

    /// Where the unfinished target lies.
    package var partPath: String { "\(target).part" }
}
