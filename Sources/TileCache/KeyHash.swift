// SPDX-License-Identifier: Apache-2.0

internal import TileModel

/// The hash that places a key in the table: two folded 128-bit products, as in wyhash (Wang Yi, public domain).
///
/// Not keyed: keys are bounded by the catalog's geometry, so a client cannot choose them freely enough to matter, and
/// the probe window bounds what a bad luck costs.
enum KeyHash {
    @inline(__always)
    static func of(_ key: TileKey) -> UInt64 { of(high: key.high, low: key.low) }

    @inline(__always)
    static func of(high: UInt64, low: UInt64) -> UInt64 {
        fold(fold(high ^ 0x2D35_8DCC_AA6C_78A5, low ^ 0x8BB8_4B93_962E_ACC9) ^ high, 0x4B33_A62E_D433_D4A3 ^ low)
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
