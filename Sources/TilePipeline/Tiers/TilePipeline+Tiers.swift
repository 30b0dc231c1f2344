// SPDX-License-Identifier: Apache-2.0

import LockFree
import TileCache
import TileModel

extension TilePipeline {
    /// Sends a request to the tiers where one of them may have its tile; nil where it is to be rendered at once.
    func submitToTiers(_ request: TileRequest, _ payload: JobPayload, _ waiter: PipelineWaiter) -> Pending? {
        // Only what is rendered is kept.
        guard let tiers, !tiers.isEmpty, payload.isRendered else { return nil }
        let key = payload.key
        let edition = request.tileset.edition
        let mayBeThere: Bool
        switch request.scope {
        case .tile: mayBeThere = tiers.mayHave(TierKey(request.key, of: edition))
        case .family:
            mayBeThere = payload.possibleForms.contains { form in
                let tile = payload.coordinate(of: form)
                return request.tileset.key(of: tile, format: key.format, padded: form.isPadded).map {
                    tiers.mayHave(TierKey($0, of: edition))
                } ?? false
            }
        }
        guard mayBeThere else { return nil }
        let fetch = FetchWaiter(waiter, request.scope)
        let form = request.scope.isTile ? waiter.form : nil
        guard let ticket = tiers.submit(key, form, fetch, payload: payload) else { return nil }
        return Pending(fetch: fetch, ticket: ticket)
    }

    /// No tier has what somebody waits for, or it is late: it is rendered. Any thread.
    func renderAfterFetch(
        _ payload: JobPayload,
        _ form: MemberForm?,
        _ fetch: FetchWaiter,
        under claim: FamilyClaim? = nil
    ) {
        var waiter = fetch.waiter
        waiter.claim = claim
        let refusal: TileOutcome? = fetch.place.withLock { place in
            // A client that went away in the meantime.
            guard case .fetching = place else { return nil }
            let submission = board.withLock { state in
                state.board.submit(
                    payload.key,
                    form: form,
                    priority: fetch.scope.isTile ? .awaited : .prewarm,
                    waiter: waiter
                ) { (payload, payload.possibleForms) }
            }
            switch submission {
            case .accepted(let job, let ticket):
                place = .rendering(job, ticket)
                return nil
            case .refused:
                place = .gone
                return .overloaded
            case .closed:
                place = .gone
                return .stopped
            }
        }
        if let refusal {
            waiter.receiver.receive(refusal, for: waiter.ticket)
        } else {
            board.signal()
        }
    }

    /// A client that waits for a tier, or for the render after it, is gone.
    func withdraw(_ fetch: FetchWaiter, _ ticket: UInt64) {
        let rendering = fetch.place.withLock { place -> (Board.Job, UInt64)? in
            defer { place = .gone }
            if case .rendering(let job, let ticket) = place { return (job, ticket) }
            return nil
        }
        if let (job, ticket) = rendering {
            _ = board.withLock { $0.board.withdraw(job, ticket: ticket) }
        } else {
            _ = tiers?.board.withLock { $0.withdraw(ticket: ticket) }
        }
    }
}
