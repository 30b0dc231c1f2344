// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import HTTPMessages

/// Input: receive, parse, hand to the handler; and the share of each connection in a turn.
extension Reactor {
    /// Serves what a connection has sent, until it has nothing more, waits for something, or has had its share.
    func serve(_ slot: UInt32) {
        if connections[slot].flags.contains(.lingering) { return discardInput(slot) }
        var budget = configuration.requestsPerTurn
        // The window of bytes that are not used yet: in the connection's own buffer, or in the reactor's.
        var base = unsafe receiveBuffer
        var count = 0
        if let input = unsafe connections[slot].input {
            unsafe base = input
            count = Int(connections[slot].inputCount)
        }
        while true {
            while count > 0, connections[slot].flags.isDisjoint(with: [.incomplete, .blocked]) {
                guard budget > 0 else {
                    unsafe keep(slot, base, count)
                    // It sends more than its share: anything but idle.
                    setDeadline(slot, .idle)
                    return makeReady(slot)
                }
                // SAFETY: `count` bytes at `base` were received and not used yet.
                let bytes = unsafe UnsafeRawBufferPointer(start: base, count: count)
                switch unsafe RequestParser.parse(bytes, limits: limits, into: &head.pointee) {
                case .incomplete:
                    connections[slot].flags.insert(.incomplete)
                case .refused(let refusal):
                    refuse(slot, refusal)
                    count = 0
                case .complete:
                    budget -= 1
                    let used = unsafe head.pointee.byteCount
                    unsafe dispatch(slot, base, hasMore: count > used)
                    unsafe base += used
                    count -= used
                }
            }
            if !connections[slot].flags.isDisjoint(with: .blocked) {
                unsafe keep(slot, base, count)
                guard settle(slot) else { return }
                askLater(slot)
                return rearm(slot)
            }
            guard connections[slot].flags.contains(.readable) else {
                // Everything was received and nothing more will come: a whole request would have been served.
                if connections[slot].flags.contains(.peerFinished) { return close(slot, isLost: false) }
                unsafe keep(slot, base, count)
                if spreading.isOn && moved(slot) { return }
                return rearm(slot)
            }
            guard unsafe receive(slot, &base, &count) else { return }
        }
    }

    /// Receives once behind the window. False where the connection ended.
    private func receive(_ slot: UInt32, _ base: inout UnsafeMutablePointer<UInt8>, _ count: inout Int) -> Bool {
        var room = receiveByteCount
        if unsafe count > 0 || connections[slot].input != nil {
            unsafe keep(slot, base, count)
            if count > 0 {
                // SAFETY: `keep` has put the window at the start of the connection's buffer, with room behind it.
                unsafe base = connections[slot].input!
                room = Int(connections[slot].inputCapacity) - count
            } else {
                unsafe base = receiveBuffer
            }
        }
        let received = unsafe platform_receive(connections[slot].descriptor, base + count, room)
        if received > 0 {
            counters.add(received, to: .bytesReceived)
            // Less than there was room for: the kernel has no more, and will say when it has.
            if received < room { connections[slot].flags.remove(.readable) }
            connections[slot].flags.remove(.incomplete)
            count += received
            if unsafe count > 0 && connections[slot].input != nil { connections[slot].inputCount = UInt32(count) }
            return true
        }
        if received == -Int(EAGAIN) {
            connections[slot].flags.remove(.readable)
            return true
        }
        if received == 0 {
            connections[slot].flags.remove(.readable)
            connections[slot].flags.insert(.peerFinished)
            return true
        }
        close(slot, isLost: true)
        return false
    }

    /// Puts the window where it stays until the next turn: the connection's own buffer, at its start, with room behind
    /// it; or nowhere, when it is empty.
    private func keep(_ slot: UInt32, _ base: UnsafeMutablePointer<UInt8>, _ count: Int) {
        guard count > 0 else { return releaseInput(slot) }
        let old = unsafe connections[slot].input
        let oldCapacity = Int(connections[slot].inputCapacity)
        // SAFETY: `base` is in the old buffer or in the reactor's; the new one has room for `count` bytes and more.
        if let old = unsafe old, count < oldCapacity {
            if unsafe base != old { unsafe memmove(old, base, count) }
        } else {
            let capacity = pool.capacity(for: count)
            let new = unsafe pool.take(capacity: capacity)
            unsafe memcpy(new, base, count)
            if let old = unsafe old { unsafe pool.giveBack(old, capacity: oldCapacity) }
            unsafe connections[slot].input = new
            connections[slot].inputCapacity = UInt32(capacity)
        }
        connections[slot].inputCount = UInt32(count)
    }

    func releaseInput(_ slot: UInt32) {
        guard let input = unsafe connections[slot].input else { return }
        unsafe pool.giveBack(input, capacity: Int(connections[slot].inputCapacity))
        unsafe connections[slot].input = nil
        connections[slot].inputCount = 0
    }

    /// Hands one whole head to the handler, or answers what no handler sees.
    private func dispatch(_ slot: UInt32, _ base: UnsafeMutablePointer<UInt8>, hasMore: Bool) {
        // SAFETY: initialised, and filled by the parser a moment ago.
        let head = unsafe self.head
        counters.add(to: .requests)
        connections[slot].requestCount += 1
        var flags = connections[slot].flags
        flags.remove([.headRequest, .oldVersion])
        // The next head that comes in pieces has the whole deadline for itself.
        connections[slot].deadlineKind = .idle
        if unsafe head.pointee.method.rawValue == Method.head.rawValue { flags.insert(.headRequest) }
        if unsafe head.pointee.minorVersion == 0 { flags.insert(.oldVersion) }
        let isLast =
            unsafe !head.pointee.keepsAlive || phase != .running
            || connections[slot].requestCount >= configuration.requestLimitPerConnection
        if isLast { flags.insert(hasMore ? [.lastAnswer, .moreInput] : .lastAnswer) }
        connections[slot].flags = flags

        guard unsafe methods >> UInt16(head.pointee.method.rawValue) & 1 != 0 else {
            if unsafe head.pointee.bodyByteCount > 0 { connections[slot].flags.insert([.lastAnswer, .moreInput]) }
            return answer(slot, .methodNotAllowed, "The method is not supported here.\n", allow: true)
        }
        guard unsafe head.pointee.bodyByteCount == 0 else {
            connections[slot].flags.insert([.lastAnswer, .moreInput])
            return answer(slot, .contentTooLarge, "Requests with a body are not accepted.\n")
        }
        if unsafe head.pointee.method.rawValue == Method.options.rawValue && head.pointee.path.count == 1
            && base[Int(head.pointee.path.start)] == UInt8(ascii: "*")
        {
            return answer(slot, .noContent, "", allow: true)
        }
        var responder = Responder(reactor: self, slot: slot)
        let request = unsafe Request(base: base, head: head, peer: connections[slot].peer)
        handler.handle(request, &responder)
        conclude(slot, responder.state)
    }

    /// Answers for a handler that forgot to, which is a bug of ours.
    func conclude(_ slot: UInt32, _ state: Responder.State) {
        guard state == .unanswered else { return }
        assertionFailure("a handler neither answered nor deferred a request")
        answer(slot, .internalError, "The request was not answered.\n")
    }

    private func refuse(_ slot: UInt32, _ refusal: Refusal) {
        counters.add(to: .malformed)
        connections[slot].flags.remove([.headRequest, .oldVersion])
        connections[slot].flags.insert([.lastAnswer, .moreInput])
        answer(slot, refusal.status, refusal.reason)
    }

    /// An answer of the server's own.
    func answer(_ slot: UInt32, _ status: Status, _ text: StaticString, allow: Bool = false) {
        var block = HeaderBlock()
        if allow { block.add("Allow", configuration.methods.map { "\($0.name)" }.joined(separator: ", ")) }
        if !status.isBodiless {
            block.add("Content-Type", "text/plain; charset=utf-8")
            block.add("Content-Length", text.utf8CodeUnitCount)
        }
        if status == .unavailable || status == .gatewayTimeout { block.add("Retry-After", 1) }
        let head = block.finished()
        // SAFETY: the array outlives the call, the literal everything.
        unsafe head.withUnsafeBytes { head in
            let body = unsafe UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
            unsafe configuration.ownAnswerLines.withUnsafeBytes { lines in
                unsafe transmit(slot, status, lines, head, body, .immortal)
            }
        }
    }

    /// Makes the request under way wait for the mailbox.
    func deferAnswer(_ slot: UInt32) -> Ticket {
        counters.add(to: .deferred)
        let serial = nextSerial
        nextSerial &+= 1
        connections[slot].flags.insert(.deferred)
        connections[slot].deferredSerial = serial
        setDeadline(slot, .deferred)
        return Ticket(reactor: index, slot: slot, serial: serial)
    }
}
