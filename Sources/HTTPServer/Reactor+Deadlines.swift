// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import HTTPMessages

/// The configuration's deadlines in ticks, rounded up.
struct DeadlineTicks {
    let idle, head, write, deferred, linger: UInt32

    init(_ configuration: HTTPServerConfiguration) {
        func ticks(_ duration: Duration) -> UInt32 {
            UInt32(clamping: min(duration.milliseconds / Reactor.millisecondsPerTick + 1, 1 << 30))
        }
        idle = ticks(configuration.idleDeadline)
        head = ticks(configuration.headDeadline)
        write = ticks(configuration.writePeriod)
        deferred = ticks(configuration.deferredDeadline)
        linger = ticks(configuration.lingerDeadline)
    }

    func length(of kind: Connection.Deadline) -> UInt32 {
        switch kind {
        case .idle: idle
        case .head: head
        case .write: write
        case .deferred: deferred
        case .linger: linger
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded up; 0 where negative.
    var milliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 1 << 40)) * 1000 + UInt64(attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}

/// Deadlines. Each connection has one at a time, of the kind of what it is doing.
extension Reactor {
    /// Starts a deadline from now. Later than the one before, as with each answered request, it is a store.
    func setDeadline(_ slot: UInt32, _ kind: Connection.Deadline) {
        let deadline = tick &+ deadlines.length(of: kind)
        connections[slot].deadlineKind = kind
        // Within a tick of the last time, which is most of them at load.
        if connections[slot].deadline == deadline { return }
        connections[slot].deadline = deadline
        wheel.schedule(slot, at: deadline)
    }

    /// Chooses the deadline of what the connection waits for now. A head's deadline is not moved by its later bytes.
    func rearm(_ slot: UInt32) {
        let flags = connections[slot].flags
        if flags.contains(.lingering) || flags.contains(.deferred) || flags.contains(.outputPending) { return }
        if connections[slot].inputCount > 0 {
            if connections[slot].deadlineKind != .head { setDeadline(slot, .head) }
        } else {
            setDeadline(slot, .idle)
        }
    }

    func runTimers() {
        while let slot = wheel.next(by: tick) {
            guard connections[slot].descriptor >= 0 else { continue }
            let rest = Int32(bitPattern: connections[slot].deadline &- tick)
            if rest > 0 { wheel.schedule(slot, at: connections[slot].deadline) } else { expire(slot) }
        }
        runProbes()
        resumeAcceptingIfDue()
    }

    private func expire(_ slot: UInt32) {
        switch connections[slot].deadlineKind {
        case .idle:
            // An answer that went to the kernel whole may not have gone to the client: that is no idleness.
            let queued = platform_queued_output(connections[slot].descriptor)
            guard queued == 0 else {
                connections[slot].periodBytes = 0
                connections[slot].queuedBytes = queued
                return setDeadline(slot, .write)
            }
            counters.add(to: .timeoutsIdle)
            close(slot, isLost: false)
        case .head:
            counters.add(to: .timeoutsHead)
            releaseInput(slot)
            connections[slot].flags.remove([.headRequest, .oldVersion])
            connections[slot].flags.insert([.lastAnswer, .moreInput])
            answer(slot, .requestTimeout, "The request did not arrive in time.\n")
            _ = settle(slot)
        case .write:
            // What the client took: what the kernel took from us, and what became of that. The kernel asks for more
            // only when much of its own has left, so its appetite alone would call a slow reader a dead one.
            let queued = platform_queued_output(connections[slot].descriptor)
            if queued == 0 && !connections[slot].flags.contains(.outputPending) {
                counters.add(to: .timeoutsIdle)
                return close(slot, isLost: false)
            }
            let taken = connections[slot].periodBytes + Int(connections[slot].queuedBytes) - Int(queued)
            if taken >= configuration.writeBytesPerPeriod {
                connections[slot].periodBytes = 0
                connections[slot].queuedBytes = queued
                setDeadline(slot, .write)
            } else {
                counters.add(to: .timeoutsWrite)
                platform_reset_on_close(connections[slot].descriptor)
                close(slot, isLost: true)
            }
        case .deferred:
            counters.add(to: .timeoutsDeferred)
            abandonDeferred(slot)
            connections[slot].flags.insert([.lastAnswer, .moreInput])
            answer(slot, .gatewayTimeout, "The answer took too long to make.\n")
            _ = settle(slot)
        case .linger:
            counters.add(to: .timeoutsLinger)
            close(slot, isLost: false)
        }
    }

    /// Remembers to ask a half-closed client of a deferred request whether it is still there.
    ///
    /// FIN says only that the client will send no more: a browser that has closed its socket and a program that shut
    /// down its writing side look the same until something is sent. An interim answer, which HTTP/1.1 allows at any
    /// time and every client skips (RFC 9110, 15.2), tells them apart: where nobody is left, a reset comes back, epoll
    /// says so, and the request is abandoned. Not at once: most answers come before the delay is over. A client of
    /// HTTP/1.0 may not be sent an interim answer, so it is taken to be there.
    func askLater(_ slot: UInt32) {
        let flags = connections[slot].flags
        guard flags.isSuperset(of: [.deferred, .peerFinished]),
            flags.isDisjoint(with: [.probed, .oldVersion, .outputPending])
        else { return }
        connections[slot].flags.insert(.probed)
        let ticket = Ticket(reactor: index, slot: slot, serial: connections[slot].deferredSerial)
        probes.append((ticket, now + configuration.probeDelay.milliseconds))
    }

    private func runProbes() {
        guard let first = probes.first, first.time <= now else { return }
        let due = probes.prefix { $0.time <= now }
        probes.removeFirst(due.count)
        for probe in due {
            guard let slot = slot(of: probe.ticket) else { continue }
            counters.add(to: .probes)
            let question: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
            // SAFETY: a literal. A part of it would garble the answer, so then the connection is given up.
            let sent = unsafe platform_send(
                connections[slot].descriptor,
                question.utf8Start,
                question.utf8CodeUnitCount
            )
            if sent == Int(-EAGAIN) {
                // Earlier answers fill the socket: that they are taken tells as much. It may be asked again later.
                connections[slot].flags.remove(.probed)
            } else if sent != question.utf8CodeUnitCount {
                close(slot, isLost: true)
            }
        }
    }
}
