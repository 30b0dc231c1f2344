// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// Connections that move from one reactor to another, so that no more reactors are awake than the load needs.
///
/// A connection moves only between two requests, when it has nothing buffered in the process: its descriptor goes
/// through the other reactor's mailbox, and what the kernel holds of it goes along. Registering it there has the kernel
/// say once more what there is to read, so nothing is lost on the way.
extension Reactor {
    /// What a reactor remembers between two looks at itself.
    struct Spreading {
        /// Whether connections may move at all.
        let isOn: Bool
        /// Connections that have sent a request since the last look.
        var activeConnections = 0
        /// The number of the present period: what tells an active connection that was counted.
        var period: UInt32 = 0
        var looksHigh = 0
        /// How many connections to give away, and to whom.
        var budget = 0
        var target = 0
        /// How busy it was then, in thousandths.
        var share = 0
        /// When it last looked: nanoseconds of the clock, and of its thread's processor time.
        var lastLook: UInt64 = 0
        var lastWork: UInt64 = 0

        init(isOn: Bool) { self.isOn = isOn }
    }

    private static let shortestPeriod: UInt64 = 90_000_000

    /// Looks, once per tick at most, at how busy the reactor was, and decides about its connections.
    func lookAtLoad() {
        guard spreading.isOn, phase == .running else { return }
        let time = Self.nanoseconds(CLOCK_MONOTONIC)
        let elapsed = time - spreading.lastLook
        guard elapsed >= Self.shortestPeriod else { return }
        let work = Self.nanoseconds(CLOCK_THREAD_CPUTIME_ID)
        let share = Int(min((work - spreading.lastWork) * 1000 / elapsed, 1000))
        let isFirst = spreading.lastLook == 0
        spreading.lastLook = time
        spreading.lastWork = work
        guard !isFirst else { return }
        spreading.share = share
        state.loads.setShare(share, of: index)
        followUse()
        let inUse = state.loads.reactorsInUse
        spreading.budget = 0
        spreading.looksHigh = share > configuration.spreadingRule.high ? spreading.looksHigh + 1 : 0
        if index < inUse {
            let shares = state.loads.busyShares
            let active = spreading.activeConnections
            let rule = configuration.spreadingRule
            switch rule.decide(reactor: index, shares: shares, inUse: inUse, looksHigh: spreading.looksHigh) {
            case .stay: break
            case .shed(let target, let thousandths):
                giveAway(active * thousandths / 1000, to: target)
            case .useAnother(let thousandths):
                // A single connection is no quicker elsewhere.
                if active > 1, state.loads.use(inUse + 1, insteadOf: inUse) {
                    giveAway(active * thousandths / 1000, to: inUse)
                }
            case .retire:
                if state.loads.use(inUse - 1, insteadOf: inUse) { followUse() }
            }
        }
        spreading.activeConnections = 0
        spreading.period &+= 1
    }

    private func giveAway(_ count: Int, to target: Int) {
        spreading.budget = count
        spreading.target = target
    }

    /// Accepts while it is in use, and not otherwise.
    func followUse() {
        guard spreading.isOn, phase == .running else { return }
        let isInUse = index < state.loads.reactorsInUse
        if isInUse, !isAccepting, acceptResumes == 0 { startAccepting() }
        if !isInUse, isAccepting {
            stopWatchingListeners()
            // The kernel has told nobody else of those who came until now (EPOLLEXCLUSIVE), and will not any more.
            for listener in listeners {
                while acceptOne(from: listener) {}
            }
        }
        if !isInUse { acceptResumes = 0 }
    }

    /// After a connection has been served and waits for input: counts it, and hands it over where it should be elsewhere.
    /// True where it is gone.
    func moved(_ slot: UInt32) -> Bool {
        if connections[slot].period != spreading.period {
            connections[slot].period = spreading.period
            spreading.activeConnections += 1
        }
        var target = spreading.target
        if spreading.budget > 0 {
            spreading.budget -= 1
        } else {
            guard index >= state.loads.reactorsInUse else { return false }
            target = state.loads.leastInUse()
        }
        return handOver(slot, to: target)
    }

    private func handOver(_ slot: UInt32, to target: Int) -> Bool {
        let isQuiet =
            connections[slot].flags.isDisjoint(with: [.blocked, .peerFinished, .inReadyList])
            && connections[slot].inputCount == 0 && connections[slot].outputCount == 0
        guard target != index, phase == .running, isQuiet, connections[slot].requestCount > 0 else { return false }
        let descriptor = connections[slot].descriptor
        let arrival = Mailbox.Arrival(
            descriptor: descriptor,
            peer: connections[slot].peer,
            requestCount: connections[slot].requestCount
        )
        releaseInput(slot)
        _ = platform_epoll_remove(epoll, descriptor)
        wheel.cancel(slot)
        connections.giveBack(slot)
        counters.add(-1, to: .open)
        state.loads.end(index)
        state.loads.begin(target)
        if state.loads.mailbox(of: target).hand(arrival) {
            counters.add(to: .moved)
        } else {
            // The other has stopped: it stays here.
            state.loads.end(target)
            state.loads.begin(index)
            open(arrival)
        }
        return true
    }

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        // SAFETY: a local value.
        unsafe clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
