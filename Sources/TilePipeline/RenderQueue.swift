// SPDX-License-Identifier: Apache-2.0

/// Why a job is in the queue; a smaller raw value goes first.
package enum RenderPriority: Int, Sendable, CaseIterable, Comparable {
    /// Somebody waits for it now.
    case awaited
    /// Somebody will probably ask for it soon: a family that is expected.
    case lookAhead
    /// What is left of a family of which somebody wanted a tile.
    case sibling
    /// A pre-warm asked for it.
    case prewarm

    /// Whether jobs of this priority are nobody's, so that they may be dropped.
    var isDroppable: Bool { self == .lookAhead || self == .sibling }

    package static func < (a: RenderPriority, b: RenderPriority) -> Bool { a.rawValue < b.rawValue }
}

/// Jobs that wait for a worker: first in, first out within a priority, and bounded for each priority.
///
/// A pure value, guarded by its owner's lock. Complexity: push amortised constant, take and remove linear in the
/// jobs of one priority (at most `limit`, moved as words).
package struct RenderQueue<Job: AnyObject> {
    private var lanes = [[Job]](repeating: [], count: RenderPriority.allCases.count)
    /// The most jobs of one priority that may wait.
    package let limit: Int

    package init(limit: Int) {
        precondition(limit > 0, "a queue that holds nothing")
        self.limit = limit
    }

    /// How many jobs wait at a priority.
    package func count(_ priority: RenderPriority) -> Int { lanes[priority.rawValue].count }

    /// How many jobs wait.
    package var count: Int { lanes.reduce(0) { $0 + $1.count } }

    /// Appends a job. False where that priority is full.
    package mutating func push(_ job: Job, _ priority: RenderPriority) -> Bool {
        guard lanes[priority.rawValue].count < limit else { return false }
        lanes[priority.rawValue].append(job)
        return true
    }

    /// Puts a job that was taken back to the front, also where the priority is full: it had its place.
    package mutating func putBack(_ job: Job, _ priority: RenderPriority) {
        lanes[priority.rawValue].insert(job, at: 0)
    }

    /// Takes the first job of the highest priority that has one; `leavingNobodys`: of those that somebody waits for.
    package mutating func pop(leavingNobodys: Bool = false) -> (job: Job, priority: RenderPriority)? {
        for priority in RenderPriority.allCases where !lanes[priority.rawValue].isEmpty {
            if leavingNobodys, priority.isDroppable { continue }
            return (lanes[priority.rawValue].removeFirst(), priority)
        }
        return nil
    }

    /// Takes the oldest job of one priority.
    package mutating func popFirst(_ priority: RenderPriority) -> Job? {
        lanes[priority.rawValue].isEmpty ? nil : lanes[priority.rawValue].removeFirst()
    }

    /// Takes a job out. False where it does not wait at that priority.
    @discardableResult
    package mutating func remove(_ job: Job, _ priority: RenderPriority) -> Bool {
        guard let index = lanes[priority.rawValue].firstIndex(where: { $0 === job }) else { return false }
        lanes[priority.rawValue].remove(at: index)
        return true
    }
}

extension RenderQueue: Sendable where Job: Sendable {}
