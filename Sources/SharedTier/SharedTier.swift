// SPDX-License-Identifier: Apache-2.0

#if Redis
package import LockFree
import Synchronization
package import Telemetry
package import TileModel

/// The tier that many servers share: a Redis-compatible server, or a Redis Cluster.
///
/// *What it guarantees.* A call ends within `configuration.timeout`, whatever the server does, and its outcome is a
/// value. What it gives is what was inserted under that key, byte for byte. While a server fails it is left alone: calls
/// answer at once, and a thread of the tier's own finds out when it works again.
///
/// *How.* One MGET for all tiles of a look-up and one pipeline of SET EX for all of an insert: they are of one family,
/// whose keys lie in one slot. Batching is the lever: a round trip costs far more than a tile.
///
/// *What it gives up.* The server may lose what it holds at any time; nothing here waits for replicas. A claim is a
/// lock with an end: two servers may render one family at once where one of them stalls beyond it.
///
/// Thread rule: any thread, several at once; blocks on sockets.
package final class SharedTier: FleetTier {
    package let kind = TileTier.shared
    package let prefersWholeFamilies = true

    private let configuration: SharedTierConfiguration
    private let client: RedisClient
    private let watch: RedisWatch
    private let metrics: SharedTierMetrics
    private let isClosed = Atomic<Bool>(false)
    /// Calls under way; `close` waits for none.
    private let callsUnderWay = ConditionLock(0)
    private let claims = Lock(Claims())

    /// The claims that this server holds, with the tokens by which the server knows that they are ours.
    private struct Claims {
        var tokens: [TierFamilyKey: (token: String, ends: Int)] = [:]
        var made = 0
    }

    /// Random: tells this process's claims from those of any other.
    private let identity = hexadecimal(UInt64.random(in: .min ... .max))

    /// A pipeline longer than this is not one family's.
    private static let maxWriteBytes = 64 << 20

    /// Connects to nothing yet; starts the thread that watches the servers.
    package init(
        _ configuration: SharedTierConfiguration,
        metrics registry: MetricsRegistry,
        logger: Logger
    ) throws(ThreadError) {
        self.configuration = configuration
        let metrics = SharedTierMetrics(registry: registry)
        self.metrics = metrics
        let watch = RedisWatch()
        self.watch = watch
        let report = BreakerReport(tier: "shared", metrics: registry, logger: logger)
        let router = RedisRouter(location: configuration.location) { place in
            RedisNode(
                place: place,
                configuration: configuration,
                breaker: report.breaker(for: place.description, rules: configuration.breaker) { watch.doubt() },
                metrics: metrics
            )
        }
        report.registerPosition { router.servingNodes.map(\.breaker.position) }
        client = RedisClient(
            router: router,
            timeout: configuration.timeout,
            metrics: metrics,
            logger: logger,
            onDoubt: watch.doubt
        )
        try watch.start(router, configuration, logger)
        logger.log(
            .info,
            "using a shared tier",
            ["at": .string(configuration.location.description), "prefix": .string(configuration.prefix)]
        )
    }

    deinit { watch.stop() }

    package var isAvailable: Bool { !isClosed.load(ordering: .relaxed) && client.isAvailable }

    /// Other servers write here: nothing says that a tile is not there but the server.
    package func mayHave(_ key: TierKey) -> Bool { true }

    // MARK: Tiles

    package func get(_ keys: [TierKey], of family: TierFamilyKey, into buffer: TierBuffer) -> [TierAnswer] {
        buffer.removeAll()
        if keys.isEmpty { return [] }
        let names = SharedKeys(family: family, prefix: configuration.prefix)
        var commands = RedisCommands()
        commands.append(["MGET"] + keys.map(names.name))
        guard let replies = perform(commands, names) else {
            return Array(repeating: .unavailable, count: keys.count)
        }
        return answers(replies[0], keys, of: family, into: buffer)
    }

    /// What a reply to MGET gives.
    private func answers(
        _ reply: RedisReply,
        _ keys: [TierKey],
        of family: TierFamilyKey,
        into buffer: TierBuffer
    ) -> [TierAnswer] {
        if reply.error != nil {
            // A slot on its way: some keys are here, some there. As good as absent.
            return Array(repeating: .absent, count: keys.count)
        }
        var answers: [TierAnswer] = []
        var damaged: [TierKey] = []
        for (index, key) in keys.enumerated() {
            guard let range = reply.copyString(at: index, into: buffer) else {
                answers.append(.absent)
                continue
            }
            metrics.receivedBytes.add(range.count)
            if let tile = SharedValue.decode(buffer.bytes, in: range, as: key) {
                answers.append(.found(tile))
            } else {
                buffer.giveBack(from: range.lowerBound)
                answers.append(.damaged)
                damaged.append(key)
            }
        }
        if !damaged.isEmpty {
            metrics.damaged.add(damaged.count)
            _ = delete(damaged, of: family)
        }
        return answers
    }

    package func insert(_ write: TierWrite) -> TierInsertOutcome {
        if write.tiles.isEmpty { return .stored }
        guard write.bytes.count <= Self.maxWriteBytes,
            write.tiles.allSatisfy({ $0.range.count <= SharedValue.maxBodyBytes })
        else { return .refused(.tooLarge) }
        let names = SharedKeys(family: write.family, prefix: configuration.prefix)
        var commands = RedisCommands()
        for tile in write.tiles {
            commands.append(argument: "SET")
            commands.append(argument: names.name(of: tile.key))
            commands.append { bytes in
                SharedValue.append(tile.key, cost: tile.cost, body: write.bytes[tile.range], to: &bytes)
            }
            commands.append(argument: "EX")
            commands.append(
                argument: String(configuration.secondsToLive(chance: Double.random(in: 0..<1)))
            )
            commands.endCommand()
        }
        guard isAvailable else { return .refused(.unavailable) }
        guard let replies = perform(commands, names) else {
            return .refused(isAvailable ? .failed : .unavailable)
        }
        metrics.sentBytes.add(write.bytes.count)
        guard let text = replies.lazy.compactMap(\.error).first else { return .stored }
        let refused = replies.count { $0.error != nil }
        switch ErrorReply(text, from: configuration.location.places[0]) {
        case .full:
            metrics.full.add(refused)
            return .refused(.full)
        default:
            metrics.readOnly.add(refused)
            return .refused(.failed)
        }
    }

    package func delete(_ keys: [TierKey], of family: TierFamilyKey) -> Bool {
        if keys.isEmpty { return true }
        let names = SharedKeys(family: family, prefix: configuration.prefix)
        var commands = RedisCommands()
        commands.append(["DEL"] + keys.map(names.name))
        guard let reply = perform(commands, names)?.first else { return false }
        return reply.integer != nil
    }

    // MARK: Claims

    package func claim(
        _ family: TierFamilyKey,
        lookingFor keys: [TierKey],
        into buffer: TierBuffer
    ) -> (claim: FleetClaim, answers: [TierAnswer]) {
        buffer.removeAll()
        let names = SharedKeys(family: family, prefix: configuration.prefix)
        let token = claims.withLock { claims in
            claims.made += 1
            return "\(identity)-\(claims.made)"
        }
        let lease = max(1, Int(configuration.claimLease / .milliseconds(1)))
        var commands = RedisCommands()
        // Both in one round trip. The look-up comes behind the claim: a tile that it does not find will not come any more.
        commands.append(["SET", names.lock, token, "NX", "PX", String(lease)])
        if !keys.isEmpty { commands.append(["MGET"] + keys.map(names.name)) }
        guard let replies = perform(commands, names) else {
            metrics.claimsUnknown.add()
            return (.granted, Array(repeating: .unavailable, count: keys.count))
        }
        let found = keys.isEmpty ? [] : answers(replies[1], keys, of: family, into: buffer)
        let reply = replies[0]
        if reply.error != nil {
            metrics.claimsUnknown.add()
            return (.granted, found)
        }
        if reply.isNull {
            metrics.claimsElsewhere.add()
            return (.elsewhere, found)
        }
        metrics.claimsGranted.add()
        let now = MonotonicClock.nanoseconds
        claims.withLock { claims in
            // Claims that nobody released have ended on the server, too.
            if claims.tokens.count >= 1024 { claims.tokens = claims.tokens.filter { $0.value.ends > now } }
            claims.tokens[family] = (token, now + lease * 1_000_000)
        }
        return (.granted, found)
    }

    package func release(_ family: TierFamilyKey) {
        // Without a token the claim was granted because nobody could tell, or was released before.
        guard let token = claims.withLock({ $0.tokens.removeValue(forKey: family) })?.token else { return }
        let names = SharedKeys(family: family, prefix: configuration.prefix)
        var commands = RedisCommands()
        commands.append(["EVAL", Self.releaseScript, "1", names.lock, token])
        _ = perform(commands, names)
    }

    /// Deletes the lock where it is still ours: it may have ended and be another server's by now.
    private static let releaseScript =
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end"

    // MARK: Ending

    package func close() {
        guard !isClosed.exchange(true, ordering: .relaxed) else { return }
        _ = callsUnderWay.wait { $0 == 0 ? true : nil }
        watch.stop()
        for node in client.router.nodes { node.close() }
    }

    /// Sends commands to where the family lies. Nil where they were not answered.
    private func perform(_ commands: RedisCommands, _ names: SharedKeys) -> [RedisReply]? {
        callsUnderWay.withLock { $0 += 1 }
        defer {
            callsUnderWay.withLock { $0 -= 1 }
            callsUnderWay.signal()
        }
        // Counted before it is asked, so that `close` either is seen here or waits.
        guard !isClosed.load(ordering: .relaxed) else { return nil }
        return try? client.perform(commands, slot: ClusterSlot.of(names.stem.utf8))
    }
}
#endif
