// SPDX-License-Identifier: Apache-2.0

import TileCache
import TileModel

/// Ours.
final class TileCacheSubject: Subject {
    enum Access: String {
        /// Borrowed; on-line once per turn.
        case borrowed
        /// A counted reference taken and released for every look-up.
        case counted
        /// Borrowed; on-line and off-line for every look-up.
        case borrowedAlone
        /// Borrowed; a turn's keys looked up together.
        case batched
    }

    let name: String
    let cache: TileCache
    private let access: Access

    /// Look-ups between going on-line and off-line: what a reactor finds readable at once under load.
    static let turn = 32

    init(_ name: String, cache: TileCache, access: Access) {
        self.name = name
        self.cache = cache
        self.access = access
    }

    func makeRunner() -> any Runner {
        TileCacheRunner(cache: cache, participant: cache.makeParticipant(), access: access)
    }
}

private struct TileCacheRunner: Runner {
    let cache: TileCache
    let participant: CacheParticipant
    let access: TileCacheSubject.Access

    func get(_ keys: UnsafeBufferPointer<TileKey>) -> UInt64 {
        var sum: UInt64 = 0
        var first = 0
        while first < keys.count {
            let end = min(first + TileCacheSubject.turn, keys.count)
            participant.goOnline()
            switch access {
            case .borrowed:
                for index in first..<end {
                    guard let tile = unsafe cache.find(keys[index], by: participant) else { continue }
                    sum &+= unsafe UInt64(tile.body[0])
                }
            case .counted:
                for index in first..<end {
                    guard let tile = unsafe cache.find(keys[index], by: participant)?.pin() else { continue }
                    sum &+= unsafe UInt64(tile.body[0])
                    tile.release()
                }
            case .borrowedAlone:
                participant.goOffline()
                for index in first..<end {
                    participant.goOnline()
                    if let tile = unsafe cache.find(keys[index], by: participant) {
                        sum &+= unsafe UInt64(tile.body[0])
                    }
                    participant.goOffline()
                }
            case .batched:
                // SAFETY: inside the buffer.
                let span = unsafe Span(_unsafeElements: UnsafeBufferPointer(rebasing: keys[first..<end]))
                cache.find(span, by: participant) { _, tile in
                    if let tile { sum &+= unsafe UInt64(tile.body[0]) }
                }
            }
            participant.goOffline()
            first = end
        }
        return sum
    }

    func set(_ keys: UnsafeBufferPointer<TileKey>, _ payload: UnsafeMutableRawBufferPointer) {
        let headers = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        for index in keys.indices {
            let key = unsafe keys[index]
            unsafe payload[0] = Workload.firstByte(key)
            _ = unsafe cache.replace(
                key,
                headers: headers,
                body: UnsafeRawBufferPointer(payload),
                cost: 20_000,
                arrival: .requested,
                by: participant
            )
        }
    }
}
