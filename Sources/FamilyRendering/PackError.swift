// SPDX-License-Identifier: Apache-2.0

/// Why a residual pack or bundle was refused. Every number in these files is taken for hostile until checked.
package enum PackError: Error, Hashable, CustomStringConvertible {
    /// The file is shorter than its own structure says.
    case truncated(what: String, needed: Int, available: Int)
    /// No pack or bundle at all.
    case wrongMagic(what: String)
    case unknownVersion(what: String, version: Int)
    /// The declared size after decompression is beyond what is accepted, or beyond what LZ4 could expand the input to.
    case implausibleSize(declared: Int, compressed: Int)
    /// The LZ4 block is damaged.
    case brokenCompression(reason: String)
    /// An offset, a length or a count points outside of the file, or into its structure.
    case outOfBounds(what: String)
    /// A family's residuals are more than a pack can hold.
    case tooLarge(bytes: Int)
    /// The bytes are not those that were written.
    case wrongChecksum(stored: UInt32, computed: UInt32)

    /// A sentence for the log.
    package var description: String {
        switch self {
        case .truncated(let what, let needed, let available):
            "\(what) ends too early: \(needed) bytes are needed, \(available) are there; copy or write it anew"
        case .wrongMagic(let what): "this is no \(what): its first bytes are wrong"
        case .unknownVersion(let what, let version): "\(what) has version \(version); only version 1 is known"
        case .implausibleSize(let declared, let compressed):
            "a residual pack declares \(declared) bytes in \(compressed) compressed ones, which is refused"
        case .brokenCompression(let reason): "the LZ4 block of a residual pack is damaged: \(reason); write it anew"
        case .outOfBounds(let what): "\(what) points outside of its file; write it anew"
        case .tooLarge(let bytes):
            "the residuals of a family take \(bytes) bytes, and a pack holds \(ResidualPack.maxUncompressedBytes): "
                + "choose smaller tiles or a lower quality of residuals"
        case .wrongChecksum(let stored, let computed):
            "a residual pack has the checksum \(String(computed, radix: 16)) where it says \(String(stored, radix: 16)): "
                + "it was damaged after it was written; copy or write it anew"
        }
    }
}
