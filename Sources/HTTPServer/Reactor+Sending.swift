// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import HTTPMessages

/// Output: one system call for an answer that the socket takes whole; what it does not take waits for EPOLLOUT.
extension Reactor {
    /// A head up to this length is copied behind the status line rather than sent as a piece of its own.
    private static let copiedHeadLimit = 4096
    /// How much of a file goes out before other connections have their turn.
    private static let filePieceByteCount = 256 * 1024

    /// Sends an answer. Failures are left in the connection's flags for `settle`: the caller still reads its request.
    func transmit(
        _ slot: UInt32,
        _ status: Status,
        _ extra: UnsafeRawBufferPointer,
        _ head: UnsafeRawBufferPointer,
        _ body: UnsafeRawBufferPointer,
        _ owner: BodyOwner?
    ) {
        let hasBody = !connections[slot].flags.contains(.headRequest) && !status.isBodiless && body.count > 0
        unsafe beginAnswer(slot, status, extra)
        // SAFETY: head and body are the handler's, alive for this call; the scratch buffer is the reactor's own.
        var second = unsafe head
        var third = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        if hasBody, let end = head.baseAddress, unsafe end + head.count == body.baseAddress {
            unsafe second = UnsafeRawBufferPointer(start: end, count: head.count + body.count)
        } else {
            if head.count <= Self.copiedHeadLimit {
                unsafe scratch.append(head)
                unsafe second = third
            }
            if hasBody { unsafe third = body }
        }
        let wanted = scratch.count + second.count + third.count
        let sent =
            if second.count + third.count == 0 {
                unsafe platform_send(connections[slot].descriptor, scratch.start, scratch.count)
            } else {
                unsafe platform_send_parts(
                    connections[slot].descriptor,
                    scratch.start,
                    scratch.count,
                    second.baseAddress,
                    second.count,
                    third.baseAddress,
                    third.count
                )
            }
        if sent == wanted {
            counters.add(sent, to: .bytesSent)
            return
        }
        guard sent >= 0 || sent == -Int(EAGAIN) else {
            connections[slot].flags.insert(.broken)
            return
        }
        // The head's rest is copied; the body's is borrowed from its owner, or copied where it has none.
        var skip = max(sent, 0)
        noteShortWrite(slot, skip)
        let bodyCount = hasBody ? body.count : 0
        let headRest = max(wanted - bodyCount - skip, 0)
        var ownedCount = headRest
        if owner == nil { ownedCount = wanted - skip }
        if ownedCount > 0 {
            let output = UnsafeMutablePointer<UInt8>.allocate(capacity: ownedCount)
            var filled = 0
            func copyRest(of part: UnsafeRawBufferPointer) {
                let dropped = min(skip, part.count)
                skip -= dropped
                let taken = min(part.count - dropped, ownedCount - filled)
                guard taken > 0, let start = part.baseAddress else { return }
                // SAFETY: `taken` bytes behind `dropped` are in the part, and there is room for them.
                unsafe memcpy(output + filled, start + dropped, taken)
                filled += taken
            }
            unsafe copyRest(of: UnsafeRawBufferPointer(start: scratch.start, count: scratch.count))
            unsafe copyRest(of: second)
            unsafe copyRest(of: third)
            unsafe connections[slot].output = output
            connections[slot].outputStart = 0
            connections[slot].outputCount = ownedCount
        }
        if let owner, hasBody {
            let bodySent = max(max(sent, 0) - (wanted - bodyCount), 0)
            connections[slot].owner = owner.retained()
            unsafe connections[slot].body = body.baseAddress! + bodySent
            connections[slot].bodyCount = bodyCount - bodySent
        }
    }

    /// Sends an answer whose body is part of a file.
    func transmit(
        _ slot: UInt32,
        _ status: Status,
        _ extra: UnsafeRawBufferPointer,
        _ head: UnsafeRawBufferPointer,
        _ file: consuming FileBody
    ) {
        let hasBody = !connections[slot].flags.contains(.headRequest) && !status.isBodiless && file.count > 0
        unsafe beginAnswer(slot, status, extra)
        unsafe scratch.append(head)
        // The head waits as if the socket had taken nothing; `flush` sends it and then the file, in one go.
        let output = UnsafeMutablePointer<UInt8>.allocate(capacity: scratch.count)
        // SAFETY: the new buffer has room for all of the scratch buffer.
        unsafe memcpy(output, scratch.start, scratch.count)
        unsafe connections[slot].output = output
        connections[slot].outputStart = 0
        connections[slot].outputCount = scratch.count
        if hasBody {
            let parts = file.take()
            connections[slot].file = parts.descriptor
            connections[slot].fileOffset = parts.offset
            connections[slot].fileState = parts.state
            connections[slot].bodyCount = parts.count
            connections[slot].owner = parts.owner
        }
        connections[slot].flags.insert(.outputPending)
        connections[slot].periodBytes = 0
        connections[slot].queuedBytes = platform_queued_output(connections[slot].descriptor)
        setDeadline(slot, .write)
        flush(slot)
    }

    /// Starts the scratch buffer with what the reactor writes itself.
    private func beginAnswer(_ slot: UInt32, _ status: Status, _ extra: UnsafeRawBufferPointer) {
        switch status.classIndex {
        case 1: counters.add(to: .answers2xx)
        case 2: counters.add(to: .answers3xx)
        case 3: counters.add(to: .answers4xx)
        default: counters.add(to: .answers5xx)
        }
        // A drain that began while the request was deferred.
        if phase != .running { connections[slot].flags.insert(.lastAnswer) }
        scratch.clear()
        if status.rawValue == Status.ok.rawValue {
            date.appendSuccess(to: &scratch)
        } else {
            scratch.append(status.line)
            date.append(to: &scratch)
        }
        let flags = connections[slot].flags
        if flags.contains(.lastAnswer) {
            scratch.append("Connection: close\r\n")
        } else if flags.contains(.oldVersion) {
            scratch.append("Connection: keep-alive\r\n")
        }
        unsafe scratch.append(extra)
    }

    private func noteShortWrite(_ slot: UInt32, _ sent: Int) {
        counters.add(to: .shortWrites)
        counters.add(sent, to: .bytesSent)
        connections[slot].flags.insert(.outputPending)
        connections[slot].periodBytes = 0
        connections[slot].queuedBytes = platform_queued_output(connections[slot].descriptor)
        setDeadline(slot, .write)
        watchOutput(slot)
    }

    /// Has the kernel say when there is room in the socket, from now on. It also says so now, if there is.
    private func watchOutput(_ slot: UInt32) {
        guard !connections[slot].flags.contains(.watchesOutput) else { return }
        let events = Self.inputEvents | PLATFORM_EPOLLOUT
        if platform_epoll_modify(epoll, connections[slot].descriptor, events, eventName(of: slot)) >= 0 {
            connections[slot].flags.insert(.watchesOutput)
        } else {
            connections[slot].flags.insert(.broken)
        }
    }

    /// How long the disk may take for a piece before the reactor reads it itself, and waits: a bound on what a file
    /// system can do to one connection that cannot say whether a byte is in memory.
    private static let diskPatience: UInt64 = 2000

    /// Whether the next piece of the connection's file is in memory. If not, the kernel reads it, and the connection is
    /// asked again in the next turn: a reactor that waited for the disk would make everybody wait.
    ///
    /// The kernel reads in order, so the first and the last byte stand for all of a piece. One that lost a page in the
    /// middle costs one wait.
    private func isInMemory(_ slot: UInt32, _ count: Int) -> Bool {
        let (file, offset) = (connections[slot].file, connections[slot].fileOffset)
        let isThere =
            platform_file_is_resident(file, offset + Int64(count) - 1) == 1
            && platform_file_is_resident(file, offset) == 1
        let end = connections[slot].diskWaitEnd
        if isThere || end > 0 && now >= end {
            connections[slot].diskWaitEnd = 0
            return true
        }
        if end == 0 {
            counters.add(to: .diskWaits)
            platform_file_will_need(file, offset, count)
            connections[slot].diskWaitEnd = now + Self.diskPatience
        }
        diskWaiters.append((slot, connections[slot].generation))
        return false
    }

    /// Puts those that wait for the disk among those that have something to do.
    func wakeDiskWaiters() {
        guard !diskWaiters.isEmpty else { return }
        for (slot, generation) in diskWaiters where connections[slot].generation == generation { makeReady(slot) }
        diskWaiters.removeAll(keepingCapacity: true)
    }

    /// Sends more of the answer that waits. The result is left in the flags for `settle`.
    ///
    /// A file goes in pieces: after each, other connections have their turn; and only pieces that are in memory.
    func flush(_ slot: UInt32) {
        var piece = Self.filePieceByteCount
        while connections[slot].flags.contains(.outputPending) {
            let descriptor = connections[slot].descriptor
            let outputCount = connections[slot].outputCount
            let bodyCount = connections[slot].bodyCount
            let isFile = connections[slot].file >= 0
            // SAFETY: what `Connection` says of `output` and `body`: owned, or kept alive by the owner.
            let sent: Int
            if isFile && outputCount == 0 {
                guard piece > 0 else { return makeReady(slot) }
                let count = min(bodyCount, piece)
                guard isInMemory(slot, count) else { return }
                let (file, offset) = (connections[slot].file, connections[slot].fileOffset)
                if let state = connections[slot].fileState,
                    platform_file_is_unchanged(file, state.size, state.modified) == 0
                {
                    // What was sent is of the old file: the client is not to take the rest for its end.
                    connections[slot].flags.insert(.broken)
                    return
                }
                sent = platform_send_file(descriptor, file, offset, count)
                piece -= max(sent, 0)
                counters.add(max(sent, 0), to: .bytesSentFromFiles)
            } else if isFile, let output = unsafe connections[slot].output {
                sent = unsafe platform_send_before_file(descriptor, output + connections[slot].outputStart, outputCount)
            } else {
                sent = unsafe platform_send_parts(
                    descriptor,
                    connections[slot].output.map { unsafe UnsafeRawPointer($0 + connections[slot].outputStart) },
                    outputCount,
                    connections[slot].body,
                    bodyCount,
                    nil,
                    0
                )
            }
            if sent == -Int(EAGAIN) { return watchOutput(slot) }
            guard sent > 0 else {
                // An error; or a file that became shorter than its answer says, which only a cut can tell the client.
                connections[slot].flags.insert(.broken)
                return
            }
            counters.add(sent, to: .bytesSent)
            connections[slot].periodBytes += sent
            let fromOutput = min(sent, outputCount)
            connections[slot].outputStart += fromOutput
            connections[slot].outputCount -= fromOutput
            connections[slot].bodyCount -= sent - fromOutput
            if isFile {
                connections[slot].fileOffset += Int64(sent - fromOutput)
            } else if let body = unsafe connections[slot].body {
                unsafe connections[slot].body = body + (sent - fromOutput)
            }
            if connections[slot].outputCount == 0 && connections[slot].bodyCount == 0 { releaseOutput(slot) }
        }
    }

    /// Lets go of the answer that was under way, sent or not.
    func releaseOutput(_ slot: UInt32) {
        connections[slot].flags.remove(.outputPending)
        if let output = unsafe connections[slot].output {
            unsafe output.deallocate()
            unsafe connections[slot].output = nil
        }
        connections[slot].outputCount = 0
        unsafe connections[slot].body = nil
        connections[slot].bodyCount = 0
        let owner = connections[slot].owner
        connections[slot].owner = nil
        if connections[slot].file >= 0 {
            let file = connections[slot].file
            connections[slot].file = -1
            connections[slot].fileState = nil
            FileBody.finish(file, owner)
        } else if let owner {
            owner.released()
        }
    }
}
