// SPDX-License-Identifier: Apache-2.0

import CPlatform
import LockFree

/// What a reactor needs before its thread exists, so that running out of descriptors is an error of `start`, not of a
/// thread that nobody waits for.
///
/// @unchecked Sendable: made by the starting thread, then used by the reactor's thread alone; starting the thread orders
/// the two.
final class ReactorSeat: @unchecked Sendable {
    let index: Int
    let state: ServerState
    let counters: ReactorCounters
    let mailbox: Mailbox
    let epoll: Int32
    private let connections: ConnectionTable
    private var listeners: [Listener]

    init(index: Int, state: ServerState, listeners: [Listener], counters: ReactorCounters) throws(HTTPServerError) {
        self.index = index
        self.state = state
        self.counters = counters
        self.listeners = listeners
        mailbox = try Mailbox()
        connections = try ConnectionTable(capacity: min(state.limits.total, 1 << 24))
        epoll = platform_epoll_create()
        guard epoll >= 0 else { throw .system("creating the epoll descriptor of a reactor", -epoll) }
        let code = platform_epoll_add(epoll, mailbox.descriptor, PLATFORM_EPOLLIN, Reactor.mailboxEvent)
        guard code >= 0 else { throw .system("watching the mailbox of a reactor", -code) }
    }

    deinit { if epoll >= 0 { platform_close(epoll) } }

    /// Serves until the server stops. On the reactor's thread, once.
    func run(_ handler: any RequestHandler) {
        let listeners = self.listeners
        self.listeners = []
        let reactor = Reactor(seat: self, handler: handler, listeners: listeners, connections: connections)
        report { $0.started += 1 }
        reactor.run()
        report { $0.finished += 1 }
    }

    private func report(_ step: (inout ServerState.Progress) -> Void) {
        state.progress.withLock { step(&$0) }
        state.progress.broadcast()
    }
}
