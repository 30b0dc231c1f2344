// SPDX-License-Identifier: Apache-2.0

import CPlatform
import TileCache
import TileModel

/// Caches that are dropped as they are, full, with blocks retired and not yet freed: nothing of them may be left. What malloc
/// gave is the address sanitizer's to check at the end of the process; what the kernel gave shows in the resident size.
///
/// Returns what is wrong; nil where nothing is.
func dropFullCaches(rounds: Int, checksResident: Bool) throws -> String? {
    let budget = 64 << 20
    try dropFullCache(budget: budget)
    let before = platform_resident_bytes()
    for _ in 0..<rounds { try dropFullCache(budget: budget) }
    let after = platform_resident_bytes()
    // One cache that stays would be more.
    guard checksResident, after > before + budget / 4 else { return nil }
    return "\(rounds) caches were dropped, and \(after - before) bytes of them are still resident"
}

private func dropFullCache(budget: Int) throws {
    let cache = try TileCache(configuration: TileCacheConfiguration(byteBudget: budget))
    try cache.startKeeper()
    let thread = cache.makeParticipant()
    var body = [UInt8](repeating: 1, count: 15_000)
    func key(_ number: Int) -> TileKey {
        TileKey(
            ordinal: 1,
            tile: TileCoordinate(level: 15, x: number & 0xFF, y: number >> 8),
            variant: TileVariant(format: .jpeg)
        )!
    }
    for number in 0..<budget / body.count {
        // Every tenth is small, and these are equal: bodies that are stored once.
        let count = number % 10 == 0 ? 900 : body.count
        if count == body.count { unsafe body.withUnsafeMutableBytes { unsafe $0.storeBytes(of: number, as: Int.self) } }
        let bytes = number % 10 == 0 ? [UInt8](repeating: 2, count: count) : body
        unsafe bytes.withUnsafeBytes { bytes in
            _ = unsafe cache.insert(
                key(number),
                headers: UnsafeRawBufferPointer(start: nil, count: 0),
                body: bytes,
                cost: 1,
                arrival: .requested,
                by: thread
            )
        }
    }
    cache.stop()
    for number in 0..<20 { cache.remove(key(number), by: thread) }
    precondition(cache.statistics.entries > 0, "there is something to drop")
}
