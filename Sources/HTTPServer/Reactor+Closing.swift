// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import Synchronization

/// Ends: of an answer, of a connection, of the reactor.
extension Reactor {
    /// Acts on what an answer left in the flags. False where the connection is closed.
    func settle(_ slot: UInt32) -> Bool {
        let flags = connections[slot].flags
        if flags.contains(.broken) {
            close(slot, isLost: true)
            return false
        }
        guard flags.contains(.lastAnswer), flags.isDisjoint(with: [.outputPending, .deferred, .lingering]) else {
            return true
        }
        // Closing with unread bytes makes the kernel send a reset, which can destroy the answer on its way
        // (RFC 9112, 9.6). So: announce the end, read and throw away for a while, then close.
        if flags.isDisjoint(with: [.moreInput, .readable]) && connections[slot].inputCount == 0 {
            close(slot, isLost: false)
            return false
        }
        releaseInput(slot)
        guard platform_shutdown_writing(connections[slot].descriptor) >= 0 else {
            close(slot, isLost: true)
            return false
        }
        connections[slot].flags.insert(.lingering)
        connections[slot].periodBytes = 0
        setDeadline(slot, .linger)
        discardInput(slot)
        return false
    }

    /// Throws away what a lingering connection receives; closes it at its end or its bound.
    func discardInput(_ slot: UInt32) {
        while true {
            let received = unsafe platform_receive(connections[slot].descriptor, receiveBuffer, receiveByteCount)
            if received == -Int(EAGAIN) { return }
            guard received > 0 else { return close(slot, isLost: false) }
            connections[slot].periodBytes += received
            if connections[slot].periodBytes > configuration.lingerByteLimit { return close(slot, isLost: false) }
            if received < receiveByteCount {
                // Where the client has finished already, the kernel has nothing more to tell.
                return connections[slot].flags.contains(.peerFinished) ? close(slot, isLost: false) : ()
            }
        }
    }

    /// Closes a connection and lets go of everything it had. `isLost`: the client left or was cut off.
    func close(_ slot: UInt32, isLost: Bool) {
        if isLost { counters.add(to: .lostClients) }
        if connections[slot].flags.contains(.deferred) { abandonDeferred(slot) }
        releaseInput(slot)
        releaseOutput(slot)
        wheel.cancel(slot)
        platform_close(connections[slot].descriptor)
        state.limits.release(PeerAddress(high: connections[slot].peer.high, low: connections[slot].peer.low))
        state.loads.end(index)
        connections.giveBack(slot)
        counters.add(-1, to: .open)
    }

    func abandonDeferred(_ slot: UInt32) {
        counters.add(to: .abandoned)
        let ticket = Ticket(reactor: index, slot: slot, serial: connections[slot].deferredSerial)
        connections[slot].flags.remove([.deferred, .probed])
        handler.abandoned(ticket)
    }

    /// Looks at what the server wants, once per turn.
    func observePhase() {
        // ORDERING: acquire pairs with the releasing stores in `HTTPServer.drain` and `stop`.
        let wanted = state.phase.load(ordering: .acquiring)
        if wanted != phase {
            phase = wanted
            drainBegan = now
            if phase == .draining { refuseHandshakes() } else { stopListening() }
        }
        guard phase == .draining else { return }
        if !listeners.isEmpty, now >= drainBegan + configuration.drainHandshakeGrace.milliseconds { stopListening() }
        if now >= drainBegan + configuration.drainIdleGrace.milliseconds { closeIdle() }
    }

    /// Closes connections that wait for a request. Those that have sent a part of one keep the head's deadline.
    private func closeIdle() {
        let sparesFresh = now < drainBegan + configuration.drainFreshGrace.milliseconds
        for slot in connections.everUsed where connections[slot].descriptor >= 0 {
            if sparesFresh, connections[slot].requestCount == 0 { continue }
            guard connections[slot].flags.isDisjoint(with: [.blocked, .readable, .inReadyList]),
                connections[slot].inputCount == 0
            else { continue }
            // What came since the last turn is served first.
            connections[slot].flags.insert(.readable)
            serve(slot)
            guard connections[slot].descriptor >= 0,
                connections[slot].flags.isDisjoint(with: [.blocked, .readable, .inReadyList]),
                connections[slot].inputCount == 0
            else { continue }
            close(slot, isLost: false)
        }
    }

    /// The end of the loop: nothing is left open, and every payload is given back.
    func finish() {
        handler.turnBegins()
        for slot in connections.everUsed where connections[slot].descriptor >= 0 { close(slot, isLost: false) }
        listeners = []
        mailbox.close()
        var letters: [Mailbox.Letter] = []
        var arrivals: [Mailbox.Arrival] = []
        mailbox.collect(into: &letters, and: &arrivals)
        for letter in letters { handler.discarded(letter.payload) }
        for arrival in arrivals {
            state.limits.release(PeerAddress(high: arrival.peer.high, low: arrival.peer.low))
            state.loads.end(index)
            platform_close(arrival.descriptor)
        }
        handler.turnEnds()
    }
}
