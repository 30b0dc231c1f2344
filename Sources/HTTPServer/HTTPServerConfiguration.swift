// SPDX-License-Identifier: Apache-2.0

package import HTTPMessages
import LockFree

/// Where a server listens.
package struct ListenAddress: Sendable, Hashable {
    /// A numeric IPv4 or IPv6 address.
    package var address: String
    /// 0 picks a free port.
    package var port: UInt16

    package init(_ address: String = "127.0.0.1", port: UInt16 = 8080) {
        self.address = address
        self.port = port
    }
}

/// Everything that an `HTTPServer` is told once. Each bound has a default that suits viewers of tiles.
package struct HTTPServerConfiguration: Sendable {
    /// How connections are spread over the reactors.
    package enum Spreading: String, Sendable, CaseIterable {
        /// One listener that the reactors in use watch: one of them at first, more as the load grows (`SpreadingRule`).
        /// Connections move between requests. The default.
        case asNeeded
        /// One listener that all reactors watch. The kernel wakes one of them per connection, mostly the same one while
        /// it keeps up; whoever accepts gives the connection to the reactor that has the fewest. So a viewer's six
        /// connections are spread evenly, and stay where they are.
        case evenly
        /// One listener per reactor; the kernel chooses by a hash of the addresses, blind to load: now and then all six
        /// connections of a viewer meet on one reactor, and stay there.
        case listenerPerReactor
    }

    package var listen: [ListenAddress] = [ListenAddress()]
    /// Sockets that listen already (a Unix socket, one that a service manager hands over); closed by the server.
    package var listeningSockets: [Int32] = []
    package var spreading = Spreading.asNeeded
    /// When more or fewer reactors are used.
    package var spreadingRule = SpreadingRule()
    /// Threads that serve connections; at most 255. One per processor saturates it.
    package var reactors = OSThread.processorCount
    package var requestLimits = RequestLimits()
    /// Methods that reach the handler; others that are known get 405.
    package var methods: [Method] = [.get, .head, .options]
    /// Field lines, each with CR LF, of the answers that no handler gives (refusals, time-outs): what a page of another
    /// origin needs to see them.
    package var ownAnswerLines: [UInt8] = []

    /// Open connections in all; nil: what the limit on open files allows, less a reserve for files.
    package var connectionLimit: Int?
    /// Open connections of one address; nil: three quarters of all, so that one client cannot take the last of them.
    package var connectionLimitPerAddress: Int?
    /// Requests on one connection before it is closed: bounds what a leak per connection could cost.
    package var requestLimitPerConnection = 1_000_000
    /// Pipelined requests of one connection answered in one turn before others have theirs.
    package var requestsPerTurn = 16
    /// Connections accepted in one turn before requests have theirs.
    package var acceptsPerTurn = 16

    /// From the first byte of a head to its last.
    package var headDeadline = Duration.seconds(10)
    /// Between two requests, and before the first: people dwell on what they see.
    package var idleDeadline = Duration.seconds(75)
    /// How often the rate of writing is looked at.
    package var writePeriod = Duration.seconds(10)
    /// What a client that reads must take in each such period.
    package var writeBytesPerPeriod = 10 * 1024
    /// How long a deferred request may stay unanswered before the client gets 504.
    package var deferredDeadline = Duration.seconds(60)
    /// How long, and how much, is read and thrown away after a last answer, so that no reset destroys it.
    package var lingerDeadline = Duration.seconds(2)
    package var lingerByteLimit = 256 * 1024
    /// How long a client whose sending side has ended while its request is deferred stays unasked whether it is there.
    package var probeDelay = Duration.milliseconds(10)
    /// How long an idle connection is kept when draining, so that a request under way meets an answer, not a reset.
    package var drainIdleGrace = Duration.milliseconds(500)
    /// The same for a connection that has not sent a request yet: who connects is about to send one.
    package var drainFreshGrace = Duration.seconds(2)
    /// How long, when draining, handshakes that were begun may complete: some round trips.
    package var drainHandshakeGrace = Duration.milliseconds(200)
    /// First and longest pause of accepting after the process ran out of descriptors or memory for sockets.
    package var acceptPauses = Duration.milliseconds(100)...Duration.milliseconds(1600)

    /// Bytes that the kernel may queue for one connection beyond what is in flight (TCP_NOTSENT_LOWAT).
    package var unsentByteLimit = 128 * 1024

    package init() {}
}
