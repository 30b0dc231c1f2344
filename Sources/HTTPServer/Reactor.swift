// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import HTTPMessages

/// One event loop: a thread, its epoll, its connections and its handler.
///
/// A turn is: wait in epoll; then events, posted answers, connections that had more to do than their share, timers. The
/// kernel speaks once per change (edge-triggered, registered once, and once more for output when a socket was first
/// full), so a request at load costs one receive, one send and its share of an epoll_wait. What the kernel said and we have not used yet is remembered in the connection's flags.
///
/// Nothing here waits, allocates or counts references for a request that arrives whole and is answered at once:
/// it is parsed in the reactor's one receive buffer, and the answer goes out from where it is stored. Only what is left
/// over (half a head, half an answer, requests behind one that is not answered yet) is given memory.
///
/// Files: +Accepting, +Receiving (input, dispatch, fairness), +Sending, +Deadlines, +Closing (lingering, drain), +Spreading.
///
/// Confined to its thread. Others reach it through `Mailbox` and `ServerState.phase`.
@safe
final class Reactor {
    static let mailboxEvent = UInt64.max
    /// Listener n has the event `firstListenerEvent - n`.
    static let firstListenerEvent = UInt64.max - 1
    static let lastListenerEvent = UInt64.max - 1024
    /// Events taken per turn: bounds how long a borrowed tile stays borrowed.
    private static let eventsPerTurn = 256
    /// What every connection is watched for, edge-triggered. Room in the socket is not among it until a connection was
    /// short of it once: the kernel would report it after each answer, for nothing.
    static let inputEvents = PLATFORM_EPOLLIN | PLATFORM_EPOLLRDHUP | PLATFORM_EPOLLET
    static let millisecondsPerTick: UInt64 = 100

    let index: Int
    let state: ServerState
    let configuration: HTTPServerConfiguration
    let limits: RequestLimits
    let counters: ReactorCounters
    let mailbox: Mailbox
    let epoll: Int32
    let handler: any RequestHandler

    let connections: ConnectionTable
    var wheel: TimerWheel
    var pool: BufferPool
    var scratch = OutputBuffer()
    var date = DateLine()
    // SAFETY: owned until `deinit`, initialised. In memory of its own, so that requests refer to it without a copy.
    let head: UnsafeMutablePointer<RequestHead>
    /// The methods that reach the handler, a bit each.
    let methods: UInt16
    // SAFETY: owned until `deinit`, of `receiveByteCount` bytes. Holds one connection's input while it is served.
    let receiveBuffer: UnsafeMutablePointer<UInt8>
    let receiveByteCount: Int
    // SAFETY: owned until `deinit`, of `eventsPerTurn` events.
    private let events: UnsafeMutablePointer<epoll_event>

    /// Connections that have more to do; served in the next turn. (slot, generation)
    var ready: [(UInt32, UInt32)] = []
    private var readyNow: [(UInt32, UInt32)] = []
    /// Half-closed clients of deferred requests to be asked whether they are there, in the order of their times.
    var probes: [(ticket: Ticket, time: UInt64)] = []
    /// Connections whose file's next piece is not in memory yet: asked again in each turn. (slot, generation)
    var diskWaiters: [(UInt32, UInt32)] = []
    private var letters: [Mailbox.Letter] = []
    private var arrivals: [Mailbox.Arrival] = []
    var nextSerial: UInt32 = 1
    /// Milliseconds of the coarse monotonic clock, and the same in ticks; once per turn.
    var now: UInt64 = 0
    var tick: UInt32 = 0

    var spreading: Spreading
    var listeners: [Listener]
    var isAccepting = false
    /// When to accept again after a shortage, and how long the next pause would be.
    var acceptResumes: UInt64 = 0
    var acceptPause: UInt64 = 0
    var phase = ServerState.Phase.running
    var drainBegan: UInt64 = 0
    let deadlines: DeadlineTicks

    init(
        seat: ReactorSeat,
        handler: any RequestHandler,
        listeners: [Listener],
        connections: ConnectionTable
    ) {
        index = seat.index
        state = seat.state
        configuration = seat.state.configuration
        limits = configuration.requestLimits
        counters = seat.counters
        mailbox = seat.mailbox
        epoll = seat.epoll
        self.handler = handler
        self.listeners = listeners
        deadlines = DeadlineTicks(configuration)
        self.connections = connections
        spreading = Spreading(isOn: configuration.spreading == .asNeeded && configuration.reactors > 1)
        receiveByteCount = max(limits.headByteCount, BufferPool.smallByteCount)
        pool = BufferPool(fullByteCount: receiveByteCount)
        unsafe receiveBuffer = .allocate(capacity: receiveByteCount)
        unsafe events = .allocate(capacity: Self.eventsPerTurn)
        unsafe head = .allocate(capacity: 1)
        unsafe head.initialize(to: RequestHead())
        methods = configuration.methods.reduce(0) { $0 | 1 << UInt16($1.rawValue) }
        wheel = TimerWheel(now: 0)
        ready.reserveCapacity(64)
        readyNow.reserveCapacity(64)
        readClock()
        wheel = TimerWheel(now: tick)
    }

    deinit {
        unsafe receiveBuffer.deallocate()
        unsafe events.deallocate()
        unsafe head.deallocate()
    }

    /// The loop. Returns when the server stops, or has drained.
    func run() {
        if !spreading.isOn || index < state.loads.reactorsInUse { startAccepting() }
        while true {
            let count = unsafe platform_epoll_wait(epoll, events, Int32(Self.eventsPerTurn), timeout())
            readClock()
            handler.turnBegins()
            for position in 0..<Int(max(count, 0)) {
                // SAFETY: the kernel filled `count` events.
                let event = unsafe events[position]
                unsafe take(event: event.data.u64, event.events)
            }
            wakeDiskWaiters()
            serveReady()
            runTimers()
            observePhase()
            handler.turnEnds()
            if phase == .stopping { break }
            if phase == .draining && connections.count == 0 && listeners.isEmpty {
                if mailbox.closeUnlessArrivals() { break }
                takeLetters()
            }
        }
        finish()
    }

    private func take(event name: UInt64, _ events: UInt32) {
        if name == Self.mailboxEvent {
            takeLetters()
        } else if name >= Self.lastListenerEvent {
            let position = Int(Self.firstListenerEvent - name)
            if position < listeners.count { acceptConnections(from: listeners[position]) }
        } else {
            let slot = UInt32(truncatingIfNeeded: name)
            guard connections[slot].generation == UInt32(truncatingIfNeeded: name >> 32) else { return }
            take(events, of: slot)
        }
    }

    /// What the kernel says about one connection.
    private func take(_ events: UInt32, of slot: UInt32) {
        if events & (PLATFORM_EPOLLERR | PLATFORM_EPOLLHUP) != 0 {
            // Reset by the client, or both directions are over (which is how lingering ends).
            return close(slot, isLost: !connections[slot].flags.contains(.lingering))
        }
        if events & PLATFORM_EPOLLRDHUP != 0 { connections[slot].flags.insert([.peerFinished, .readable]) }
        if events & PLATFORM_EPOLLIN != 0 { connections[slot].flags.insert(.readable) }
        if events & PLATFORM_EPOLLOUT != 0, connections[slot].flags.contains(.outputPending) {
            flush(slot)
            guard settle(slot) else { return }
            // Requests that waited behind the answer, or the end of a client that had finished sending.
            if !connections[slot].flags.contains(.outputPending) { return serve(slot) }
        }
        if connections[slot].flags.contains(.readable) { serve(slot) }
    }

    private func takeLetters() {
        mailbox.collect(into: &letters, and: &arrivals)
        if !arrivals.isEmpty { followUse() }
        for arrival in arrivals { open(arrival) }
        for letter in letters { deliver(letter) }
        letters = []
    }

    private func deliver(_ letter: Mailbox.Letter) {
        let ticket = letter.ticket
        guard let slot = slot(of: ticket) else { return handler.discarded(letter.payload) }
        connections[slot].flags.remove([.deferred, .probed])
        var responder = Responder(reactor: self, slot: slot)
        handler.completed(ticket, letter.payload, &responder)
        conclude(slot, responder.state)
        guard settle(slot) else { return }
        rearm(slot)
        // Requests that came behind this one, or the end of a client that had finished sending.
        let flags = connections[slot].flags
        if connections[slot].inputCount > 0 || !flags.isDisjoint(with: [.readable, .peerFinished]) { makeReady(slot) }
    }

    /// The connection whose deferred request has this ticket; nil where it is gone or was answered.
    func slot(of ticket: Ticket) -> UInt32? {
        let slot = ticket.slot
        guard ticket.reactor == index, connections.everUsed.contains(slot), connections[slot].descriptor >= 0,
            connections[slot].flags.contains(.deferred), connections[slot].deferredSerial == ticket.serial
        else { return nil }
        return slot
    }

    /// What the kernel calls the connection in a slot.
    func eventName(of slot: UInt32) -> UInt64 { UInt64(connections[slot].generation) << 32 | UInt64(slot) }

    func makeReady(_ slot: UInt32) {
        guard !connections[slot].flags.contains(.inReadyList) else { return }
        connections[slot].flags.insert(.inReadyList)
        ready.append((slot, connections[slot].generation))
    }

    private func serveReady() {
        guard !ready.isEmpty else { return }
        swap(&ready, &readyNow)
        for (slot, generation) in readyNow where connections[slot].generation == generation {
            connections[slot].flags.remove(.inReadyList)
            if connections[slot].flags.contains(.outputPending) {
                // The next piece of a file.
                flush(slot)
                guard settle(slot) else { continue }
            }
            serve(slot)
        }
        readyNow.removeAll(keepingCapacity: true)
    }

    private func timeout() -> Int32 {
        if !ready.isEmpty { return 0 }
        var milliseconds = UInt64(Int32.max)
        if let ticks = wheel.ticksToFirst() { milliseconds = UInt64(ticks) * Self.millisecondsPerTick }
        if let probe = probes.first { milliseconds = min(milliseconds, probe.time > now ? probe.time - now : 0) }
        if !diskWaiters.isEmpty { milliseconds = 1 }
        if acceptResumes > 0 { milliseconds = min(milliseconds, acceptResumes > now ? acceptResumes - now : 0) }
        if phase == .draining { milliseconds = min(milliseconds, 20) }
        // Who has become idle says so before a long sleep: the others decide by it.
        if spreading.share > 0 { milliseconds = min(milliseconds, 100) }
        return milliseconds == UInt64(Int32.max) ? -1 : Int32(milliseconds)
    }

    private func readClock() {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        now = UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
        let newTick = UInt32(truncatingIfNeeded: now / Self.millisecondsPerTick)
        guard newTick != tick else { return }
        tick = newTick
        lookAtLoad()
        unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
        date.refresh(time.tv_sec)
    }
}
