// SPDX-License-Identifier: Apache-2.0

internal import LockFree

/// Places where a thread may be suspended at the worst moment.
enum LabelledPoint {
    /// A look-up has a block and has not used it yet.
    case loaded
    /// A block is visible, and its writer has not looked again yet.
    case published
    /// A block is out of the table and not retired yet.
    case unlinked
}

/// Lets tests suspend threads at labelled points. Empty, and so without any cost, but in debug builds.
struct LabelledPoints: Sendable {
    #if DEBUG
    private let handler = Lock<(@Sendable (LabelledPoint) -> Void)?>(nil)

    /// From now on, threads that reach a point call `body` there; nil: no more.
    func observe(_ body: (@Sendable (LabelledPoint) -> Void)?) { handler.withLock { $0 = body } }
    #endif

    @inline(__always)
    func reached(_ point: LabelledPoint) {
        #if DEBUG
        handler.withLock { $0 }?(point)
        #endif
    }
}
