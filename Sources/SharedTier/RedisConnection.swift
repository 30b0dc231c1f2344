// SPDX-License-Identifier: Apache-2.0

#if Redis
import CHiredis
import Glibc
import Synchronization

/// One connection to one server, driven by deadlines: hiredis formats and parses, the waiting is done here.
///
/// hiredis' own time-outs are for each read, so that a server that trickles would never run into one. Here the whole
/// exchange has one deadline. After any failure the connection must be thrown away: a late reply would answer the
/// next question.
///
/// @unchecked Sendable: used by one thread at a time, the one that borrowed it.
@safe
final class RedisConnection: @unchecked Sendable {
    let place: RedisPlace
    private let context: UnsafeMutablePointer<redisContext>
    /// Whether any byte of the answer under way has arrived.
    private(set) var hasReceived = false

    /// The largest string of a reply: a tile and its header, with room.
    private static let maxBufferedBytes = 32 << 20

    private init(place: RedisPlace, context: UnsafeMutablePointer<redisContext>) {
        self.place = place
        unsafe self.context = context
    }

    deinit { unsafe redisFree(context) }

    /// Connects to the first of the addresses that answers.
    static func open(
        _ addresses: [SocketAddress],
        of place: RedisPlace,
        by deadline: CallDeadline
    ) throws(RedisFailure) -> RedisConnection {
        var reason = "no address"
        for address in addresses {
            switch address.connect(by: deadline) {
            case .failure(let error):
                reason = "\(error)"
                if deadline.isOver { break }
            case .success(let descriptor):
                guard let context = unsafe redisConnectFd(descriptor) else {
                    close(descriptor)
                    throw .connect(place, reason: "out of memory")
                }
                // SAFETY: the context is new and ours; it owns the descriptor from now on.
                unsafe context.pointee.flags &= ~REDIS_BLOCK
                if let reader = unsafe context.pointee.reader { unsafe ReplyLimits.apply(to: reader) }
                return unsafe RedisConnection(place: place, context: context)
            }
        }
        throw deadline.isOver ? .timedOut(place) : .connect(place, reason: reason)
    }

    /// Sends the commands as one batch and gives their replies, in order.
    func exchange(_ commands: RedisCommands, by deadline: CallDeadline) throws(RedisFailure) -> [RedisReply] {
        hasReceived = false
        try format(commands)
        var replies: [RedisReply] = []
        replies.reserveCapacity(commands.count)
        var isSent: Int32 = 0
        while replies.count < commands.count {
            if isSent == 0 {
                guard unsafe redisBufferWrite(context, &isSent) == REDIS_OK else { throw ended() }
            }
            try wait(forWriting: isSent == 0, deadline)
            if try receive(&replies, upTo: commands.count) == false, deadline.isOver { throw .timedOut(place) }
        }
        // SAFETY: the reader lives as long as the context.
        if let reader = unsafe context.pointee.reader, unsafe reader.pointee.len > reader.pointee.pos {
            throw .protocolFault(place, reason: "more replies than commands")
        }
        return replies
    }

    private func format(_ commands: RedisCommands) throws(RedisFailure) {
        // SAFETY: every range lies in the array, which is alive inside the closure; hiredis copies.
        let isFormatted = unsafe commands.bytes.withUnsafeBytes { raw in
            var isFormatted = true
            for index in 0..<commands.count where isFormatted {
                let ranges = commands.arguments(of: index)
                var pointers: [UnsafePointer<CChar>?] = unsafe ranges.map { range in
                    // An empty argument needs an address, too, from which nothing is read.
                    unsafe raw.baseAddress.map { unsafe ($0 + range.lowerBound).assumingMemoryBound(to: CChar.self) }
                }
                let lengths = ranges.map(\.count)
                isFormatted =
                    unsafe redisAppendCommandArgv(context, Int32(ranges.count), &pointers, lengths) == REDIS_OK
            }
            return isFormatted
        }
        if !isFormatted { throw .protocolFault(place, reason: "the commands could not be put together") }
    }

    /// Waits until there is something to read (or room to write).
    private func wait(forWriting isWriting: Bool, _ deadline: CallDeadline) throws(RedisFailure) {
        let events = Int16(POLLIN) | (isWriting ? Int16(POLLOUT) : 0)
        var item = unsafe pollfd(fd: context.pointee.fd, events: events, revents: 0)
        while true {
            let ready = unsafe poll(&item, 1, deadline.milliseconds)
            if ready > 0 {
                if Int32(item.revents) & (POLLIN | POLLHUP | POLLERR) == 0 { return }
                guard unsafe redisBufferRead(context) == REDIS_OK else { throw ended() }
                hasReceived = true
                return
            }
            if ready == 0 { throw .timedOut(place) }
            if errno != EINTR { throw .ended(place, reason: "\(SocketError(code: errno))") }
        }
    }

    /// Takes the replies that have arrived. False where there was none.
    private func receive(_ replies: inout [RedisReply], upTo count: Int) throws(RedisFailure) -> Bool {
        var isAny = false
        while replies.count < count {
            var raw: UnsafeMutableRawPointer?
            guard unsafe redisGetReply(context, &raw) == REDIS_OK else { throw ended() }
            guard let reply = unsafe raw else { break }
            unsafe replies.append(RedisReply(reply))
            isAny = true
        }
        if let reader = unsafe context.pointee.reader, unsafe reader.pointee.len > Self.maxBufferedBytes {
            throw .protocolFault(place, reason: "a reply of more than \(Self.maxBufferedBytes) bytes")
        }
        return isAny
    }

    /// What the context says after a call of hiredis failed.
    private func ended() -> RedisFailure {
        // SAFETY: `errstr` is a zero-terminated array inside the context, which is ours.
        let reason = unsafe withUnsafeBytes(of: &context.pointee.errstr) { raw in
            unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        switch unsafe context.pointee.err {
        case REDIS_ERR_PROTOCOL, REDIS_ERR_OOM: return .protocolFault(place, reason: reason)
        default: return .ended(place, reason: reason)
        }
    }
}

/// Makes hiredis refuse arrays that no server of ours would send: their length is a number in the stream, and the memory
/// for it would be allocated before the first element arrives.
private enum ReplyLimits {
    /// CLUSTER SLOTS of the largest cluster has this many ranges at most.
    static let maxElements = 16_384

    /// hiredis' own functions, but for arrays. Written once, before the first connection; never freed.
    ///
    /// SAFETY: constant after its initialisation, which the language runs once.
    nonisolated(unsafe) private static let functions: UnsafeMutablePointer<redisReplyObjectFunctions>? = {
        guard let reader = unsafe redisReaderCreate() else { return nil }
        defer { unsafe redisReaderFree(reader) }
        guard let standard = unsafe reader.pointee.fn else { return nil }
        unsafe original = standard.pointee.createArray
        let limited = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        unsafe limited.initialize(to: standard.pointee)
        unsafe limited.pointee.createArray = { task, count in
            guard count <= ReplyLimits.maxElements else { return nil }
            return unsafe ReplyLimits.original?(task, count)
        }
        return unsafe limited
    }()

    nonisolated(unsafe) private static var original = unsafe redisReplyObjectFunctions().createArray

    static func apply(to reader: UnsafeMutablePointer<redisReader>) {
        if let functions = unsafe functions { unsafe reader.pointee.fn = functions }
    }
}
#endif
