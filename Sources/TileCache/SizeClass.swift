// SPDX-License-Identifier: Apache-2.0

/// The block sizes of the pool: multiples of 64 bytes up to 576, then eight steps per doubling up to 256 KiB, each of them
/// and 64 bytes more.
///
/// A block so wastes at most an eighth and on average about 5 % of what is asked for. The 64 bytes make the distance from
/// block to block an odd number of cache lines: with the round sizes alone, the headers of all blocks of a class would
/// share a sixteenth of the sets of the processor's caches (Bonwick's slabs are coloured for the same reason). Pure
/// arithmetic.
enum SizeClass {
    /// Blocks start at multiples of a cache line, so that a block's header is one line.
    static let granule = 64
    /// Above it a block has a mapping of its own, in whole pages: at most 1.6 % waste.
    static let largestPooled = (256 << 10) + granule
    static let count = index(forBytes: largestPooled) + 1

    /// The class of a block of `bytes`, which is 1...largestPooled.
    static func index(forBytes bytes: Int) -> Int {
        if bytes <= 576 { return (bytes + granule - 1) / granule - 1 }
        let round = bytes - granule
        // The doubling that it falls in: 512 < round <= 1024 is 0.
        let doubling = Int.bitWidth - (round - 1).leadingZeroBitCount - 10
        let step = 64 << doubling
        let base = 512 << doubling
        return 9 + doubling * 8 + (round - base + step - 1) / step - 1
    }

    /// The size of the blocks of a class.
    static func bytes(ofIndex index: Int) -> Int {
        if index < 9 { return (index + 1) * granule }
        let doubling = (index - 9) / 8
        return (512 << doubling) + ((index - 9) % 8 + 1) * (64 << doubling) + granule
    }
}
