// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// New connections: bounded per turn, within the limits, and never in a spin when the process runs out of descriptors.
extension Reactor {
    /// What everybody over the limit is told. Best effort: the connection is closed at once.
    private static let overloadAnswer: StaticString = """
        HTTP/1.1 503 Service Unavailable\r
        Content-Length: 0\r
        Retry-After: 1\r
        Connection: close\r
        \r

        """

    func startAccepting() {
        guard !isAccepting else { return }
        for (position, listener) in listeners.enumerated() {
            // Level-triggered, so that what one turn leaves is seen in the next. Exclusive: one reactor wakes per
            // connection where several watch the same listener.
            _ = platform_epoll_add(
                epoll,
                listener.descriptor,
                PLATFORM_EPOLLIN | PLATFORM_EPOLLEXCLUSIVE,
                Self.firstListenerEvent - UInt64(position)
            )
        }
        isAccepting = true
        acceptResumes = 0
    }

    func stopWatchingListeners() {
        guard isAccepting else { return }
        for listener in listeners { _ = platform_epoll_remove(epoll, listener.descriptor) }
        isAccepting = false
    }

    func acceptConnections(from listener: Listener) {
        for _ in 0..<configuration.acceptsPerTurn { guard acceptOne(from: listener) else { return } }
    }

    /// Whether there may be another one to accept.
    func acceptOne(from listener: Listener) -> Bool {
        var peer = platform_peer()
        let descriptor = unsafe platform_accept(listener.descriptor, &peer)
        guard descriptor >= 0 else {
            switch -descriptor {
            case EAGAIN: return false
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                pauseAccepting()
                return false
            // What went wrong with one connection on its way (accept(2), "Error handling") concerns only that one.
            case ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, EPERM:
                return true
            default: return false
            }
        }
        acceptPause = 0
        let address = PeerAddress(high: peer.high, low: peer.low)
        switch state.limits.admit(address) {
        case .admitted: break
        case .overLimit:
            refuse(descriptor, .refusedOverLimit)
            return true
        case .overAddressLimit:
            refuse(descriptor, .refusedOverAddressLimit)
            return true
        }
        let arrival = Mailbox.Arrival(descriptor: descriptor, peer: peer)
        // A reactor that drains serves what it has accepted: the others may have ended already.
        if configuration.spreading == .listenerPerReactor || phase != .running {
            state.loads.begin(index)
            open(arrival)
            return true
        }
        let best = state.loads.assign(acceptedBy: index)
        if best == index {
            open(arrival)
        } else if !state.loads.mailbox(of: best).hand(arrival) {
            state.loads.end(best)
            state.loads.begin(index)
            open(arrival)
        }
        return true
    }

    /// Begins to serve a connection that was admitted and counted for this reactor.
    func open(_ arrival: Mailbox.Arrival) {
        let descriptor = arrival.descriptor
        let peer = arrival.peer
        guard let slot = connections.take() else {
            state.limits.release(PeerAddress(high: peer.high, low: peer.low))
            state.loads.end(index)
            return refuse(descriptor, .refusedOverLimit)
        }
        connections[slot].descriptor = descriptor
        connections[slot].peer = peer
        guard platform_epoll_add(epoll, descriptor, Self.inputEvents, eventName(of: slot)) >= 0 else {
            connections.giveBack(slot)
            state.limits.release(PeerAddress(high: peer.high, low: peer.low))
            state.loads.end(index)
            return refuse(descriptor, .refusedOverLimit)
        }
        connections[slot].requestCount = arrival.requestCount
        if arrival.requestCount == 0 { counters.add(to: .accepted) }
        counters.add(to: .open)
        setDeadline(slot, .idle)
    }

    private func refuse(_ descriptor: Int32, _ reason: ServerCount) {
        counters.add(to: reason)
        let answer = Self.overloadAnswer
        // SAFETY: a literal.
        _ = unsafe platform_send(descriptor, answer.utf8Start, answer.utf8CodeUnitCount)
        _ = platform_shutdown_writing(descriptor)
        platform_close(descriptor)
    }

    /// Leaves connections in the kernel's queue for a while that doubles as long as the shortage lasts.
    private func pauseAccepting() {
        counters.add(to: .acceptPauses)
        stopWatchingListeners()
        let pauses = configuration.acceptPauses
        acceptPause = min(max(acceptPause * 2, pauses.lowerBound.milliseconds), pauses.upperBound.milliseconds)
        acceptResumes = now + max(acceptPause, 1)
    }

    func resumeAcceptingIfDue() {
        guard acceptResumes > 0, now >= acceptResumes, phase == .running else { return }
        guard !spreading.isOn || index < state.loads.reactorsInUse else { return }
        startAccepting()
    }

    /// Lets nobody new begin to connect; who has begun may finish, and is accepted, until `stopListening`.
    func refuseHandshakes() {
        for listener in listeners { _ = platform_refuse_handshakes(listener.descriptor) }
    }

    /// Takes everybody who is connected already, then stops listening. New handshakes are dropped before, so that none
    /// completes between the last accept and the close and is reset.
    func stopListening() {
        stopWatchingListeners()
        acceptResumes = 0
        refuseHandshakes()
        for listener in listeners {
            while acceptOne(from: listener) {}
        }
        acceptResumes = 0
        listeners = []
    }
}
