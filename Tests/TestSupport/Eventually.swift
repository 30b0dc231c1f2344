// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Asks a hundred times a second until the answer is yes, for two minutes at most where nothing else is said: long enough for
/// the slowest machine, and over at once on every other. True where it was yes.
package func eventually(within limit: Duration = .seconds(120), _ isTrue: () throws -> Bool) rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try isTrue() { return true }
        usleep(10_000)
    }
    return try isTrue()
}
