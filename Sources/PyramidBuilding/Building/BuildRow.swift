// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import Synchronization

/// A row of tiles of one level, or of families: the unit that is journaled.
enum BuildRowName: Hashable, Sendable, CustomStringConvertible {
    case tiles(level: Int, row: Int)
    case families(row: Int)

    /// As the journal spells it.
    var description: String {
        switch self {
        case .tiles(let level, let row): "t\(level)/\(row)"
        case .families(let row): "f\(row)"
        }
    }
}

/// The planes of one row, by level, and how much of it is still to be done.
///
/// @unchecked Sendable: the thread that reads fills the planes and sets `whenDone` before it submits the row's jobs, which
/// only read them.
/// The counts are atomics.
final class BuildRow: @unchecked Sendable {
    let name: BuildRowName
    var luma: [Int: Plane] = [:]
    var blue: [Int: Plane] = [:]
    var red: [Int: Plane] = [:]
    /// Called when the last job is done.
    var whenDone: (@Sendable () -> Void)?
    private let jobsLeft = Atomic<Int>(0)
    private let bytesWritten = Atomic<Int>(0)

    init(_ name: BuildRowName) { self.name = name }

    /// The bytes that the planes hold.
    var heldBytes: Int {
        [luma, blue, red].reduce(0) { sum, planes in
            sum + planes.values.reduce(0) { $0 + $1.stride * $1.height }
        }
    }

    /// Says how many jobs the row has, before they are submitted.
    func setJobs(_ count: Int) { jobsLeft.store(count, ordering: .relaxed) }

    /// Lets the planes go. Only after the last job.
    func clear() {
        luma = [:]
        blue = [:]
        red = [:]
    }

    /// Notes that a job is done that wrote `bytes`. Returns the bytes of the whole row where it was the last.
    func finishJob(bytes: Int) -> Int? {
        bytesWritten.wrappingAdd(bytes, ordering: .relaxed)
        // ORDERING: acquiring and releasing, pairs with the other jobs' `finishJob`: the last sees all their bytes.
        let left = jobsLeft.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        return left == 0 ? bytesWritten.load(ordering: .relaxed) : nil
    }
}
