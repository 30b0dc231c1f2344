// SPDX-License-Identifier: Apache-2.0

#if Redis
import LockFree
import Telemetry

/// Sends batches of commands to where a family lies, follows redirections, and keeps the account of who works: each
/// batch's outcome goes to the circuit breaker of its node. Any thread.
///
/// A request never pays for finding out whether a failed server works again: calls go through closed breakers alone,
/// and the probes are `RedisWatch`'s.
final class RedisClient: Sendable {
    let router: RedisRouter
    private let timeout: Duration
    private let metrics: SharedTierMetrics
    private let logger: Logger
    private let fault = RepeatedFault()
    /// Called when the map of the cluster, or the address of a name, may be out of date.
    private let onDoubt: @Sendable () -> Void

    /// A slot that moves under way sends us on once; more is a circle.
    private static let maxHops = 4

    init(
        router: RedisRouter,
        timeout: Duration,
        metrics: SharedTierMetrics,
        logger: Logger,
        onDoubt: @escaping @Sendable () -> Void
    ) {
        self.router = router
        self.timeout = timeout
        self.metrics = metrics
        self.logger = logger
        self.onDoubt = onDoubt
    }

    /// Whether a call makes sense: some node that serves is not left alone.
    var isAvailable: Bool { router.isAnyServing }

    /// The replies to commands on keys of one slot. An error reply among them is one that the caller understands:
    /// full, read-only, try again.
    func perform(_ commands: RedisCommands, slot: Int) throws(RedisFailure) -> [RedisReply] {
        do throws(RedisFailure) {
            return try follow(commands, slot: slot, by: CallDeadline(after: timeout))
        } catch {
            metrics.count(error)
            // While the breaker is open there is nothing new to say.
            if case .breakerOpen = error { throw error }
            logger.log(
                .warning,
                limitedBy: fault,
                "the shared tier could not be asked",
                ["reason": .string("\(error)")]
            )
            throw error
        }
    }

    private func follow(
        _ commands: RedisCommands,
        slot: Int,
        by deadline: CallDeadline
    ) throws(RedisFailure) -> [RedisReply] {
        guard var node = router.node(ofSlot: slot) else {
            onDoubt()
            throw .noNode
        }
        var isAsking = false
        for _ in 0..<Self.maxHops {
            let replies = try ask(node, commands, isAsking: isAsking, by: deadline)
            switch try verdict(replies, node) {
            case .answered: return replies
            case .moved(let place):
                metrics.redirections.add()
                onDoubt()
                node = try router.node(at: place)
                router.note(slot: slot, servedBy: node)
                isAsking = false
            case .ask(let place):
                metrics.redirections.add()
                node = try router.node(at: place)
                isAsking = true
            }
        }
        throw .noNode
    }

    /// One exchange with one node, told to its breaker.
    private func ask(
        _ node: RedisNode,
        _ commands: RedisCommands,
        isAsking: Bool,
        by deadline: CallDeadline
    ) throws(RedisFailure) -> [RedisReply] {
        let admission = node.breaker.admit(probing: false)
        guard admission == .allowed else { throw .breakerOpen(node.place) }
        do throws(RedisFailure) {
            let replies = try node.exchange(isAsking ? commands.asking : commands, by: deadline)
            let own =
                isAsking ? replies.enumerated().filter { $0.offset % 2 == 1 }.map(\.element) : replies
            // The first error that is the server's own trouble fails the batch.
            for reply in own {
                if let text = reply.error, ErrorReply(text, from: node.place).isFailure {
                    throw .rejected(node.place, reply: text)
                }
            }
            node.breaker.record(success: true, of: admission)
            return own
        } catch {
            if error.isFailureOfServer { node.breaker.record(success: false, of: admission) }
            onDoubt()
            throw error
        }
    }

    private enum Verdict {
        case answered
        case moved(RedisPlace)
        case ask(RedisPlace)
    }

    /// Whether the replies are the answer, or say where to ask.
    private func verdict(_ replies: [RedisReply], _ node: RedisNode) throws(RedisFailure) -> Verdict {
        for reply in replies {
            guard let text = reply.error else { continue }
            switch ErrorReply(text, from: node.place) {
            case .moved(_, let place?): return .moved(place)
            case .ask(let place?): return .ask(place)
            case .moved, .ask: throw .protocolFault(node.place, reason: "a redirection to nowhere: \(text)")
            case .readOnly:
                // The master that we knew is a replica now: a new connection may lead elsewhere.
                node.discardIdle()
                onDoubt()
            default: continue
            }
        }
        return .answered
    }
}
#endif
