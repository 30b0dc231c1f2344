// SPDX-License-Identifier: Apache-2.0

import CPlatform

/// What stands still about one connection. A plain struct in a slab: no reference, no allocation of its own but the
/// two buffers, which are attached only while bytes wait in them.
///
/// Life: accepted -> (receiving <-> answering | deferred)* -> lingering? -> closed. At most one answer is under way:
/// the requests behind it wait in the input buffer or in the kernel, which is the back-pressure of pipelining.
@safe
struct Connection {
    struct Flags: OptionSet {
        let rawValue: UInt16
        /// The kernel may hold bytes that have not been received (edge-triggered: it will not say so again).
        static let readable = Flags(rawValue: 1 << 0)
        /// The client has announced the end of what it sends.
        static let peerFinished = Flags(rawValue: 1 << 1)
        /// The input buffer holds the beginning of a head, and has been looked at.
        static let incomplete = Flags(rawValue: 1 << 2)
        /// A part of an answer waits for room in the socket.
        static let outputPending = Flags(rawValue: 1 << 3)
        /// A request waits for its answer through the mailbox.
        static let deferred = Flags(rawValue: 1 << 4)
        /// The answer under way is the last one.
        static let lastAnswer = Flags(rawValue: 1 << 5)
        /// The request under way is a HEAD.
        static let headRequest = Flags(rawValue: 1 << 6)
        /// The request under way came in HTTP/1.0.
        static let oldVersion = Flags(rawValue: 1 << 7)
        /// Sending failed: the client is gone.
        static let broken = Flags(rawValue: 1 << 8)
        /// Everything is sent and the end announced; what still comes is thrown away.
        static let lingering = Flags(rawValue: 1 << 9)
        /// Waits in the ready list.
        static let inReadyList = Flags(rawValue: 1 << 10)
        /// Bytes may follow the last answer's request (a body, pipelined requests): linger before closing.
        static let moreInput = Flags(rawValue: 1 << 11)
        /// The client has been asked whether it is still there.
        static let probed = Flags(rawValue: 1 << 12)
        /// The kernel has been asked to say when there is room in the socket.
        static let watchesOutput = Flags(rawValue: 1 << 13)
        /// What makes a connection wait for something other than input.
        static let blocked: Flags = [.outputPending, .deferred, .lastAnswer, .broken, .lingering]
    }

    /// What happens when the deadline passes.
    enum Deadline: UInt8 { case idle, head, write, deferred, linger }

    var descriptor: Int32 = -1
    /// Changes when the slot is given to another connection, so that a stale event names nobody.
    var generation: UInt32 = 0
    var flags: Flags = []
    var deadlineKind = Deadline.idle
    /// In ticks of the reactor's clock. Written per request; the wheel is told only where it would fire too late.
    var deadline: UInt32 = 0
    /// The serial of the deferred request's ticket.
    var deferredSerial: UInt32 = 0
    var requestCount = 0
    /// The reactor's period in which it sent its latest request.
    var period: UInt32 = .max

    // SAFETY: owned by the connection, of `inputCapacity` bytes, from the reactor's pool; `inputCount` of them, from the
    // first, are not used yet.
    var input: UnsafeMutablePointer<UInt8>?
    var inputCapacity: UInt32 = 0
    var inputCount: UInt32 = 0

    // SAFETY: owned by the connection (malloc), or nil; the rest of a head, and of a body without owner.
    var output: UnsafeMutablePointer<UInt8>?
    var outputStart = 0
    var outputCount = 0
    // SAFETY: kept alive by `owner`, retained, as long as `bodyCount` is above 0 and `file` is negative.
    var body: UnsafeRawPointer?
    var bodyCount = 0
    var owner: BodyOwner?
    /// A file whose bytes follow `output`, or -1; owned where `owner` is nil, else lent by it.
    var file: Int32 = -1
    var fileOffset: Int64 = 0
    /// What the file must be as long as it is sent.
    var fileState: FileBody.State?
    /// Until when the connection leaves the disk time to bring the file's next piece; 0 where it does not wait for it.
    var diskWaitEnd: UInt64 = 0
    /// Bytes sent since the write rate was last looked at; while lingering, bytes thrown away.
    var periodBytes = 0
    /// What the kernel held for the client when the write rate was last looked at.
    var queuedBytes: Int32 = 0

    var peer = platform_peer()
}
