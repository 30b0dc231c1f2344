// SPDX-License-Identifier: Apache-2.0

/// How tiles are made from a source: part of every key, so that no answer outlives its setting.
public struct ReconstructionParameters: Hashable, Sendable {
    /// The arithmetic of reconstruction.
    public enum Mode: String, Sendable, CaseIterable {
        /// The reference's result, byte for byte: RGB, truncation, 4:4:4 at quality 95.
        case exact
        /// Planes throughout, rounding to nearest.
        case rounded
    }

    package let mode: Mode
    /// JPEG quality of what is encoded, 1...100.
    package let quality: Int

    /// The quality of rounded mode where none is asked for.
    package static let defaultQuality = 90
    /// The quality of exact mode, which knows no other.
    package static let exactQuality = 95

    /// Nil where the quality is outside 1...100, or not 95 in exact mode.
    package init?(mode: Mode, quality: Int? = nil) {
        let quality = quality ?? (mode == .exact ? Self.exactQuality : Self.defaultQuality)
        guard (1...100).contains(quality), mode == .rounded || quality == Self.exactQuality else { return nil }
        self.mode = mode
        self.quality = quality
    }

    /// Rounded, quality 90.
    package static let standard = ReconstructionParameters(uncheckedMode: .rounded, quality: defaultQuality)

    private init(uncheckedMode mode: Mode, quality: Int) {
        self.mode = mode
        self.quality = quality
    }

    /// Counts changes of the arithmetic or of encoder settings: bytes made before one must not be taken for ours.
    private static let codecVersion = 1

    /// For ETags and for keys of tiers that outlive the process.
    package var hash: UInt64 {
        var hash = StableHash()
        hash.combine(mode.rawValue)
        hash.combine(quality)
        hash.combine(Self.codecVersion)
        return hash.value
    }
}
