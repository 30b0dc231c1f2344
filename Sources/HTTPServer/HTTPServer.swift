// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import LockFree
import Synchronization

/// An HTTP/1.1 server on POSIX sockets: listeners, and one reactor thread per processor that accepts, parses and answers
/// without waiting for anything but epoll.
///
/// It knows nothing of what it serves: a `RequestHandler` per reactor does. It refuses request bodies, ends connections
/// by deadlines, and stops without cutting an answer (`drain`). Sources: RFC 9110, RFC 9112.
///
/// `start`, `drain` and `stop` come from one thread at a time.
package final class HTTPServer {
    /// Makes the handler of a reactor, on that reactor's thread.
    package typealias HandlerFactory = @Sendable (_ reactor: Int, _ mailbox: Mailbox) -> any RequestHandler

    private let state: ServerState
    private let makeHandler: HandlerFactory
    private var threads: [OSThread] = []
    private var mailboxes: [Mailbox] = []
    private let counters: [ReactorCounters]
    /// The ports that are listened on, in the order of the configuration; empty before `start`.
    package private(set) var ports: [UInt16] = []

    /// The port of the first address; 0 before `start`.
    package var port: UInt16 { ports.first ?? 0 }

    /// Descriptors that connections leave to everything else: files, caches, logs.
    private static let descriptorReserve = 256

    package init(_ configuration: HTTPServerConfiguration, handlerFactory: @escaping HandlerFactory) {
        precondition((1...255).contains(configuration.reactors))
        precondition(!configuration.listen.isEmpty || !configuration.listeningSockets.isEmpty)
        let descriptors = Int(platform_descriptor_limit())
        let room = max(16, descriptors > 0 ? descriptors - min(Self.descriptorReserve, descriptors / 2) : 1024)
        let total = min(configuration.connectionLimit ?? room, room, 1 << 24)
        let limits = ConnectionLimits(
            total: max(1, total),
            perAddress: max(1, configuration.connectionLimitPerAddress ?? max(1, total - total / 4))
        )
        state = ServerState(configuration: configuration, limits: limits)
        makeHandler = handlerFactory
        counters = (0..<configuration.reactors).map { _ in ReactorCounters() }
    }

    deinit { stop() }

    /// Listens and starts the reactors; returns when every handler exists and connections are being accepted. Once.
    package func start() throws(HTTPServerError) {
        precondition(mailboxes.isEmpty, "a server starts once")
        // A client that went away is an error of its own connection. sendfile(2) knows no MSG_NOSIGNAL.
        signal(SIGPIPE, SIG_IGN)
        let configuration = state.configuration
        var listeners: [[Listener]] = Array(repeating: [], count: configuration.reactors)
        for address in configuration.listen {
            switch configuration.spreading {
            case .asNeeded, .evenly:
                let listener = try Listener(
                    address,
                    isPerReactor: false,
                    unsentByteLimit: configuration.unsentByteLimit
                )
                ports.append(listener.port)
                for index in listeners.indices { listeners[index].append(listener) }
            case .listenerPerReactor:
                var bound = address
                for index in listeners.indices {
                    let listener = try Listener(
                        bound,
                        isPerReactor: true,
                        unsentByteLimit: configuration.unsentByteLimit
                    )
                    // Port 0 picks one for the first reactor; the others join it.
                    if index == 0 { ports.append(listener.port) }
                    bound.port = listener.port
                    listeners[index].append(listener)
                }
            }
        }
        for descriptor in configuration.listeningSockets {
            let listener = Listener(adopting: descriptor, unsentByteLimit: configuration.unsentByteLimit)
            if listener.port != 0 { ports.append(listener.port) }
            for index in listeners.indices { listeners[index].append(listener) }
        }
        var seats: [ReactorSeat] = []
        for index in 0..<configuration.reactors {
            seats.append(
                try ReactorSeat(index: index, state: state, listeners: listeners[index], counters: counters[index])
            )
        }
        mailboxes = seats.map(\.mailbox)
        state.loads.setMailboxes(mailboxes)
        for seat in seats {
            do throws(ThreadError) {
                threads.append(
                    try OSThread(name: "reactor-\(seat.index)") { [makeHandler] in
                        seat.run(makeHandler(seat.index, seat.mailbox))
                    }
                )
            } catch {
                stop()
                throw .thread(error)
            }
        }
        let count = threads.count
        state.progress.wait(until: { $0.started == count ? () : nil })
    }

    /// The sum of one count over all reactors. Any thread.
    package func count(_ count: ServerCount) -> Int { counters.reduce(0) { $0 + $1.value(count) } }

    /// Reads one count, for a metrics registry; does not keep the server alive.
    package func reader(of count: ServerCount) -> @Sendable () -> Double {
        let counters = counters
        return { Double(counters.reduce(0) { $0 + $1.value(count) }) }
    }

    /// Stops without cutting an answer: accepts what waits in the accept queue, stops listening, finishes what is under
    /// way with `Connection: close`, and ends when all connections are closed or `deadline` has passed. Then as `stop`.
    ///
    /// - Returns: whether every connection ended by itself.
    @discardableResult
    package func drain(deadline: Duration) -> Bool {
        // ORDERING: release pairs with the acquire in `Reactor.observePhase`; the wake-up makes each reactor look.
        if state.phase.load(ordering: .relaxed) == .running { state.phase.store(.draining, ordering: .releasing) }
        wakeAll()
        let count = threads.count
        let isComplete = state.progress.wait(forAtMost: deadline, until: { $0.finished == count ? () : nil }) != nil
        stop()
        return isComplete
    }

    /// Closes every connection and ends the reactors; returns when their threads have ended. Deferred requests are
    /// abandoned. More than once is allowed.
    package func stop() {
        // ORDERING: release pairs with the acquire in `Reactor.observePhase`.
        state.phase.store(.stopping, ordering: .releasing)
        wakeAll()
        for thread in threads { thread.join() }
        threads = []
    }

    private func wakeAll() { for mailbox in mailboxes { mailbox.wake() } }
}
