// SPDX-License-Identifier: Apache-2.0

import TileModel

/// How far one job has come, and what a worker at it should make next. A pure state machine: no clock, no lock, no I/O.
///
/// A form is *wanted* while somebody waits for it, *claimed* while a worker makes it, *done* once it is in memory.
/// Siblings are neither wanted nor required: they are made only when the caller says that a worker would be idle.
package struct JobProgress: Sendable {
    /// Everything that this job can make.
    package let possible: MemberForms
    /// In the order in which they were first asked for.
    private var wanted: [MemberForm] = []
    /// What a pre-warm waits for: all of it, at low priority.
    private var required = MemberForms()
    private var claimed = MemberForms()
    private var done = MemberForms()
    /// The first form that was asked for or is expected: siblings are made in order of their nearness to it.
    private var focus: MemberForm?

    package init(possible: MemberForms) { self.possible = possible }

    /// Somebody waits for a form from now on. False where the job cannot make it.
    package mutating func want(_ form: MemberForm) -> Bool {
        guard possible.contains(form) else { return false }
        // It may have been made and have left memory since: somebody waits again, so it is made again.
        done.remove(form)
        if focus == nil { focus = form }
        if !wanted.contains(form) { wanted.append(form) }
        return true
    }

    /// A form is expected to be asked for: siblings are made from there on, itself first.
    package mutating func expect(_ form: MemberForm) {
        if focus == nil { focus = form }
    }

    /// Nothing is expected any more: no siblings are made but around what is asked for from now on.
    package mutating func expectNothing() { focus = wanted.first }

    /// Nobody waits for a form any more.
    package mutating func unwant(_ form: MemberForm) { wanted.removeAll { $0 == form } }

    /// A pre-warm waits for all of the job, from now on: what was made before may have left memory, so it is looked at
    /// again.
    package mutating func requireAll() {
        required = possible
        done = MemberForms()
    }

    /// Nobody waits for the whole of the job any more.
    package mutating func unrequireAll() { required = MemberForms() }

    /// What may be claimed.
    package enum Claim: Sendable {
        /// Only what somebody waits for.
        case awaited
        /// That first, then what a pre-warm requires, then siblings that nobody has asked for.
        case anything
    }

    /// The next form to make, now claimed; nil where there is none.
    ///
    /// - Parameter last: what the same worker made before.
    package mutating func claimNext(_ claim: Claim, after last: MemberForm? = nil) -> MemberForm? {
        let next =
            wanted.first { !claimed.contains($0) }
            ?? (claim == .awaited ? nil : nextRequired(after: last))
            ?? (claim == .anything ? nearestSibling() : nil)
        if let next { claimed.insert(next) }
        return next
    }

    /// A claimed form was made, or failed: either way nobody waits for it here any more.
    package mutating func finish(_ form: MemberForm) {
        precondition(claimed.contains(form), "finished \(form), which nobody claimed")
        claimed.remove(form)
        done.insert(form)
        unwant(form)
    }

    /// How many forms somebody waits for that no worker has claimed.
    package var unclaimedAwaited: Int { wanted.count { !claimed.contains($0) } }

    /// Whether a pre-warm waits for what is not made.
    package var isRequired: Bool { !required.subtracting(done).isEmpty }

    /// How many forms are left that no worker has claimed: awaited, required, and siblings.
    package var unclaimed: Int {
        MemberForms(wanted).union(required.subtracting(done)).subtracting(claimed).union(siblings).count
    }

    /// Nothing is wanted any more; what is claimed may still be finished.
    package mutating func abandon() {
        wanted = []
        required = MemberForms()
        focus = nil
    }

    /// Whether somebody waits for a form.
    package var isTileAwaited: Bool { !wanted.isEmpty }

    /// Whether nobody waits for anything.
    package var isUnwanted: Bool { wanted.isEmpty && !isRequired }

    /// Whether everything that a pre-warm required is made.
    package var isComplete: Bool { possible.subtracting(done).isEmpty }

    /// Siblings that have not been made.
    package var remainingSiblings: Int { siblings.count }

    private var siblings: MemberForms {
        guard let focus else { return MemberForms() }
        // The form of the focus where a member has it, else its only form; the parent is stored, not made.
        let candidates = possible.filter { form in
            form.member != 0
                && (form.isPadded == focus.isPadded
                    || !possible.contains(MemberForm(member: form.member, isPadded: focus.isPadded)))
        }
        return MemberForms(candidates).subtracting(done).subtracting(claimed).subtracting(MemberForms(wanted))
    }

    /// What a pre-warm waits for: of the child that the worker has decoded already, then of one that nobody has begun, so that
    /// several workers decode as little as can be of the same.
    private func nextRequired(after last: MemberForm?) -> MemberForm? {
        let rest = required.subtracting(done).subtracting(claimed)
        if let child = last.flatMap({ Family.child(ofMember: $0.member) }),
            let next = rest.first(where: { Family.child(ofMember: $0.member) == child })
        {
            return next
        }
        let begun = Set(done.union(claimed).compactMap { Family.child(ofMember: $0.member) })
        return rest.first { form in Family.child(ofMember: form.member).map { !begun.contains($0) } ?? true }
            ?? rest.first { _ in true }
    }

    private func nearestSibling() -> MemberForm? {
        guard let focus else { return nil }
        return siblings.min { Self.distance($0, focus) < Self.distance($1, focus) }
    }

    /// Members of the same level first, the nearer the earlier; then the other level.
    private static func distance(_ a: MemberForm, _ b: MemberForm) -> Int {
        let (depthA, depthB) = (Family.depth(ofMember: a.member), Family.depth(ofMember: b.member))
        guard depthA == depthB else { return 100 + a.member }
        let first = depthA == 1 ? 1 : 5
        let mask = (1 << depthA) - 1
        let columns = ((a.member - first) & mask) - ((b.member - first) & mask)
        let rows = ((a.member - first) >> depthA) - ((b.member - first) >> depthA)
        return columns * columns + rows * rows
    }
}
