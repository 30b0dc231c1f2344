// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Asks a hundred times a second until the answer is yes, for two minutes at most: long enough for the slowest machine, and
/// over at once on every other. True where it was yes.
package func eventually(_ isTrue: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<12_000 {
        if try isTrue() { return true }
        usleep(10_000)
    }
    return false
}
