// SPDX-License-Identifier: Apache-2.0

/// Coarse timers for numbered slots: a hashed wheel (Varghese and Lauck, 1987, scheme 5) with lists through an array.
///
/// It is told when to look at a slot *at the latest*; the slot's own deadline decides whether anything happens, and a
/// slot looked at too early is put back. So moving a deadline later, which every request does, costs the wheel nothing.
/// Times are ticks; a time further away than the wheel is long is looked at once on the way. One thread.
struct TimerWheel: ~Copyable {
    static let length: UInt32 = 1024
    private static let none = UInt32.max

    private struct Entry {
        var next = none
        var previous = none
        /// The place in the wheel, or `none` where the slot has no timer.
        var place = none
    }

    private var heads = [UInt32](repeating: none, count: Int(length))
    /// One bit per place that has entries.
    private var occupied = [UInt64](repeating: 0, count: Int(length) / 64)
    private var entries: [Entry] = []
    /// The last tick that was looked at.
    private var now: UInt32
    private var count = 0
    /// The tick of the first timer, or nil where it has to be searched for. Most turns change nothing.
    private var first: UInt32?

    init(now: UInt32) { self.now = now }

    /// Looks at `slot` at `tick` or, where it has a timer already, at the earlier of the two. A tick that has passed
    /// counts as the next one.
    mutating func schedule(_ slot: UInt32, at tick: UInt32) {
        let distance = min(max(Int32(bitPattern: tick &- now), 1), Int32(Self.length - 1))
        let target = now &+ UInt32(distance)
        let place = target % Self.length
        while entries.count <= Int(slot) { entries.append(Entry()) }
        let old = entries[Int(slot)].place
        if old != Self.none {
            guard distance < Int32((old &- now) % Self.length) else { return }
            cancel(slot)
        }
        let head = heads[Int(place)]
        entries[Int(slot)] = Entry(next: head, previous: Self.none, place: place)
        if head != Self.none { entries[Int(head)].previous = slot }
        heads[Int(place)] = slot
        occupied[Int(place / 64)] |= 1 << UInt64(place % 64)
        count += 1
        if let known = first, Int32(bitPattern: target &- known) < 0 { first = target }
    }

    /// Forgets the timer of `slot`, if it has one.
    mutating func cancel(_ slot: UInt32) {
        guard Int(slot) < entries.count else { return }
        let entry = entries[Int(slot)]
        guard entry.place != Self.none else { return }
        if entry.next != Self.none { entries[Int(entry.next)].previous = entry.previous }
        if entry.previous != Self.none {
            entries[Int(entry.previous)].next = entry.next
        } else {
            heads[Int(entry.place)] = entry.next
            if entry.next == Self.none { occupied[Int(entry.place / 64)] &= ~(1 << UInt64(entry.place % 64)) }
        }
        entries[Int(slot)].place = Self.none
        count -= 1
        if let known = first, known % Self.length == entry.place { first = nil }
    }

    /// Takes out one slot whose time has come by `tick`; nil when there is none left. Call until nil.
    mutating func next(by tick: UInt32) -> UInt32? {
        while Int32(bitPattern: tick &- now) > 0 {
            if let known = first, Int32(bitPattern: known &- tick) > 0 {
                now = tick
                return nil
            }
            guard let distance = distanceToFirst() else {
                now = tick
                return nil
            }
            guard Int32(bitPattern: tick &- now) >= Int32(distance) else {
                now = tick
                return nil
            }
            let slot = heads[Int((now &+ distance) % Self.length)]
            cancel(slot)
            // Stay before this tick until its list is empty.
            if distanceToFirst() != distance { now = now &+ distance }
            return slot
        }
        return nil
    }

    /// Ticks until the first timer, at least 1; nil without timers.
    mutating func ticksToFirst() -> UInt32? {
        if let first { return first &- now }
        guard let distance = distanceToFirst() else { return nil }
        first = now &+ distance
        return distance
    }

    private func distanceToFirst() -> UInt32? {
        guard count > 0 else { return nil }
        let start = (now &+ 1) % Self.length
        var word = Int(start / 64)
        var bits = occupied[word] & (UInt64.max << UInt64(start % 64))
        for _ in 0...occupied.count {
            if bits != 0 {
                let place = UInt32(word * 64 + bits.trailingZeroBitCount)
                let distance = (place &- now) % Self.length
                return distance == 0 ? Self.length : distance
            }
            word = (word + 1) % occupied.count
            bits = occupied[word]
        }
        return nil
    }
}
