// SPDX-License-Identifier: Apache-2.0

import FamilyRendering
import Glibc
import LockFree
import TestSupport

/// How much more gets done in the same time by two threads than by one: ours, and the bare codec's in the same round.
struct Scaling {
    /// Milliseconds of wall-clock time until each of `threads` threads has done its work; all begin at once.
    static func time(threads: Int, _ work: @escaping @Sendable (Int) -> Void) throws -> Double {
        let barrier = Barrier(count: threads + 1)
        let running = try (0..<threads).map { index in
            try OSThread(name: "bench-\(index)") {
                barrier.wait()
                work(index)
            }
        }
        barrier.wait()
        let start = now()
        for thread in running { thread.join() }
        return now() - start
    }

    private static func now() -> Double {
        var time = timespec()
        // SAFETY: the kernel writes the one value.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
    }
}

/// What one thread of the comparison owns.
///
/// @unchecked Sendable: each is used by one thread at a time, and joined before the next uses it.
final class ScalingWorker: @unchecked Sendable {
    private let renderer: FamilyRenderer
    private let materials: [FamilyMaterial]
    private let floors: [CodecFloor]

    init(renderer: FamilyRenderer, content: Content, quality: Int) throws {
        self.renderer = renderer
        materials = content.materials
        floors = try zip(content.materials, content.families).map {
            try CodecFloor(material: $0, family: $1, tileSize: content.tileSize, quality: quality)
        }
    }

    /// All families, some times over.
    func render(times: Int) {
        for _ in 0..<times {
            for material in materials {
                renderer.begin(material)
                for member in 1...20 {
                    guard (try? unsafe renderer.render(member: member).count) != nil else {
                        preconditionFailure("member \(member) cannot be rendered")
                    }
                }
            }
        }
    }

    /// The same by the codec alone.
    func callCodec(times: Int) {
        for _ in 0..<times {
            for floor in floors {
                guard (try? floor.wholeFamily(residualsAsPlanes: true)) != nil else {
                    preconditionFailure("the codec failed")
                }
            }
        }
    }
}
