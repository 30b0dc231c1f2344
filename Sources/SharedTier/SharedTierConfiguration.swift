// SPDX-License-Identifier: Apache-2.0

package import LockFree

/// How the shared tier is used.
package struct SharedTierConfiguration: Hashable, Sendable {
    package var location: RedisLocation
    /// Stands in front of every key: several installations in one database.
    package var prefix = ""
    /// How long a tile stays; each is given a tenth more or less, so that what was written together does not end
    /// together.
    package var timeToLive = Duration.seconds(7 * 86_400)
    /// How long any call may take in all: waiting for a connection, connecting, asking, reading.
    package var timeout = Duration.milliseconds(50)
    /// How long opening a connection may take of that.
    package var connectTimeout = Duration.milliseconds(50)
    /// Connections to each node. Calls are batches, so a few keep a server busy.
    package var connections = 4
    /// How long a family's claim holds unless it is released.
    package var claimLease = Duration.seconds(3)
    /// When a server is left alone, and for how long.
    package var breaker = BreakerRules()

    package init(location: RedisLocation) { self.location = location }

    /// Seconds to live for one tile: `timeToLive` and up to a tenth more or less.
    ///
    /// - Parameter chance: 0..<1.
    package func secondsToLive(chance: Double) -> Int {
        let seconds = Double(min(max(timeToLive, .seconds(1)), .seconds(3650 * 86_400)).components.seconds)
        return max(1, Int(seconds * (0.9 + 0.2 * min(max(chance, 0), 1))))
    }
}
