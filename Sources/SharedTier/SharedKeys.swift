// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// The names under which the tiles of one family lie on the server.
///
///     PREFIX oz1:{EDITION:level:x:y}:DEPTH:DX:DY:FORM        a tile
///     PREFIX oz1:{EDITION:level:x:y}:lock                    the claim of who renders the family
///
/// EDITION, 32 hexadecimal digits, stands for tileset, version and parameters; level, x and y are the parent's; DEPTH, DX
/// and DY say where below the parent the tile lies; FORM is format and padding, in hexadecimal. What stands in braces is
/// all that a cluster hashes, so a family lies in one slot and one MGET reaches all of it. `oz1` changes with the form of
/// the values: servers of two releases share one Redis without reading each other's.
package struct SharedKeys: Hashable, Sendable {
    /// Everything up to the closing brace.
    package let stem: String
    private let parent: TileCoordinate

    /// - Parameter prefix: without braces, see `isPrefix`.
    package init(family: TierFamilyKey, prefix: String) {
        let parent = family.parent
        stem = "\(prefix)oz1:{\(family.edition):\(parent.level):\(parent.x):\(parent.y)}"
        self.parent = parent
    }

    /// The name of a tile of the family.
    package func name(of key: TierKey) -> String {
        let tile = key.tile
        // A tile of another family would get a name that is nobody else's either: levels and offsets are relative.
        let depth = tile.level - parent.level
        let x = tile.x &- parent.x << max(depth, 0)
        let y = tile.y &- parent.y << max(depth, 0)
        return "\(stem):\(depth):\(x):\(y):\(String(key.form & 0xFF, radix: 16))"
    }

    /// The name of the family's lock.
    package var lock: String { "\(stem):lock" }

    /// Whether a prefix can stand in front: visible ASCII without braces, which would change what a cluster hashes.
    package static func isPrefix(_ text: String) -> Bool {
        text.utf8.count <= 64
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"{}\"'\\".utf8.contains($0) }
    }
}
