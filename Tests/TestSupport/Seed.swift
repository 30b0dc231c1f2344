// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where a random test starts. Printed by the test, and accepted back from the environment: `ORIZURU_SEED=123`.
package struct Seed: Sendable, CustomStringConvertible {
    package let value: UInt64

    package init(_ value: UInt64) { self.value = value }

    /// The seed of this run: from the environment, else from the system's randomness.
    package static var ofThisRun: Seed {
        if let text = unsafe getenv("ORIZURU_SEED"), let value = unsafe UInt64(String(cString: text)) {
            return Seed(value)
        }
        return Seed(UInt64.random(in: 0...999_999_999))
    }

    /// The line that a failing test's reader needs.
    package var description: String { "ORIZURU_SEED=\(value)" }

    /// A generator that depends on the seed and on `stream` (a thread's number, a case's number) alone.
    package func generator(stream: Int = 0) -> SeededGenerator {
        var generator = SeededGenerator(state: value &+ UInt64(truncatingIfNeeded: stream) &* 0xD1B5_4A32_D192_ED03)
        _ = generator.next()
        return generator
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, the same everywhere.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
