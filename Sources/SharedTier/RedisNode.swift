// SPDX-License-Identifier: Apache-2.0

#if Redis
import LockFree
import Synchronization
import Telemetry

/// One server: a few connections, and the circuit breaker in front of them. Any thread.
final class RedisNode: Sendable {
    let place: RedisPlace
    let breaker: CircuitBreaker
    private let configuration: SharedTierConfiguration
    private let metrics: SharedTierMetrics
    private let pool = ConditionLock(Pool())
    /// What the name of the place resolved to; numeric addresses from the start.
    private let addresses: Lock<[SocketAddress]>
    private let hasName: Bool

    /// What the lock guards.
    private struct Pool {
        var idle: [RedisConnection] = []
        /// Borrowed and idle ones.
        var open = 0
        /// Connections of an older generation are not used again.
        var generation = 0
        var isClosed = false
    }

    init(
        place: RedisPlace,
        configuration: SharedTierConfiguration,
        breaker: CircuitBreaker,
        metrics: SharedTierMetrics
    ) {
        self.place = place
        self.configuration = configuration
        self.breaker = breaker
        self.metrics = metrics
        let numeric = SocketAddress.numeric(place)
        addresses = Lock(numeric ?? [])
        hasName = numeric == nil
    }

    /// Looks the name up, where it is one. May block for long: never on the way of a call.
    func resolve() {
        guard hasName else { return }
        let found = SocketAddress.resolve(place)
        // What was known stays where the resolver fails.
        if !found.isEmpty { addresses.withLock { $0 = found } }
    }

    /// Sends commands and gives their replies, whatever they say. One round trip.
    ///
    /// A connection that was idle may have been closed by the server (a restart): where nothing of an answer had come,
    /// a new one is tried, once, in the same time. Everything that is sent may be done twice.
    func exchange(_ commands: RedisCommands, by deadline: CallDeadline) throws(RedisFailure) -> [RedisReply] {
        let first = try borrow(by: deadline)
        do throws(RedisFailure) {
            return try exchange(commands, on: first, by: deadline)
        } catch .ended where !first.isNew && !first.connection.hasReceived {
            discardIdle()
        }
        return try exchange(commands, on: try borrow(by: deadline), by: deadline)
    }

    /// A connection and where it comes from.
    private struct Loan {
        let connection: RedisConnection
        let generation: Int
        let isNew: Bool
    }

    private func exchange(
        _ commands: RedisCommands,
        on loan: Loan,
        by deadline: CallDeadline
    ) throws(RedisFailure) -> [RedisReply] {
        metrics.roundTrips.add()
        do throws(RedisFailure) {
            let replies = try loan.connection.exchange(commands, by: deadline)
            giveBack(loan)
            return replies
        } catch {
            discard()
            throw error
        }
    }

    private enum Slot {
        case idle(RedisConnection, Int)
        case free(Int)
        case closed
    }

    private func borrow(by deadline: CallDeadline) throws(RedisFailure) -> Loan {
        let limit = max(1, configuration.connections)
        let slot = pool.wait(forAtMost: deadline.remaining) { pool -> Slot? in
            if pool.isClosed { return .closed }
            if let connection = pool.idle.popLast() { return .idle(connection, pool.generation) }
            guard pool.open < limit else { return nil }
            pool.open += 1
            return .free(pool.generation)
        }
        switch slot {
        case .idle(let connection, let generation):
            return Loan(connection: connection, generation: generation, isNew: false)
        case .free(let generation):
            do throws(RedisFailure) {
                let connection = try open(by: deadline.within(configuration.connectTimeout))
                metrics.connections.add(1)
                return Loan(connection: connection, generation: generation, isNew: true)
            } catch {
                freeSlot()
                throw error
            }
        case .closed: throw .closed
        case nil: throw .busy(place)
        }
    }

    /// A new connection that may be used: the credentials and the database are told at once, in one round trip.
    private func open(by deadline: CallDeadline) throws(RedisFailure) -> RedisConnection {
        let addresses = addresses.withLock { $0 }
        if addresses.isEmpty { throw .unresolved(place) }
        let connection = try RedisConnection.open(addresses, of: place, by: deadline)
        var commands = RedisCommands()
        let location = configuration.location
        if let password = location.password {
            commands.append(["AUTH"] + (location.user.map { [$0] } ?? []) + [password])
        }
        if location.database != 0 { commands.append(["SELECT", String(location.database)]) }
        guard commands.count > 0 else { return connection }
        for reply in try connection.exchange(commands, by: deadline) {
            if let error = reply.error { throw .rejected(place, reply: error) }
        }
        return connection
    }

    private func giveBack(_ loan: Loan) {
        let isKept = pool.withLock { pool in
            guard !pool.isClosed, pool.generation == loan.generation else {
                pool.open -= 1
                return false
            }
            pool.idle.append(loan.connection)
            return true
        }
        if !isKept { metrics.connections.add(-1) }
        pool.signal()
    }

    private func discard() {
        metrics.connections.add(-1)
        freeSlot()
    }

    private func freeSlot() {
        pool.withLock { $0.open -= 1 }
        pool.signal()
    }

    /// Closes the idle connections, and lets those in use be closed instead of coming back.
    func discardIdle() {
        let idle = pool.withLock { pool in
            pool.generation += 1
            return Self.takeIdle(&pool)
        }
        metrics.connections.add(-idle.count)
        pool.broadcast()
    }

    /// Closes everything; calls under way end on their own.
    func close() {
        let idle = pool.withLock { pool in
            pool.isClosed = true
            return Self.takeIdle(&pool)
        }
        metrics.connections.add(-idle.count)
        pool.broadcast()
    }

    private static func takeIdle(_ pool: inout Pool) -> [RedisConnection] {
        let idle = pool.idle
        pool.idle = []
        pool.open -= idle.count
        return idle
    }

    /// Finds out whether the server works again: it has to give back some kilobytes, not only to accept a connection,
    /// which the kernel of a stopped one does as well.
    func probe() -> Bool {
        let payload = String(repeating: "orizuru.", count: 2048)
        var commands = RedisCommands()
        // PING is refused while the server loads its data, ECHO is not.
        commands.append(["PING"])
        commands.append(["ECHO", payload])
        discardIdle()
        guard let replies = try? exchange(commands, by: CallDeadline(after: configuration.timeout)) else {
            return false
        }
        return replies[0].status == "PONG" && replies[1].string == Array(payload.utf8)
    }
}
#endif
