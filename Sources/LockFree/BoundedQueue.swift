// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// A bounded first-in-first-out queue for any number of producers and consumers, without a lock.
///
/// Source: Vyukov, "Bounded MPMC queue" (1024cores.net). Each cell has a sequence number: equal to the position when
/// it is free for the producer of that position, position + 1 when it holds its element. A full queue refuses, an
/// empty one returns nil; neither waits. A producer that is suspended between claiming a cell and filling it holds up
/// the consumers of that cell, not other producers: not wait-free, and not for the path of a hit.
///
/// @unchecked Sendable: elements change hands through the sequence numbers (see ORDERING below).
@safe
public final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
    @usableFromInline let sequences: UnsafeMutablePointer<Atomic<Int>>
    @usableFromInline let elements: UnsafeMutablePointer<Element>
    /// Two atomics, 128 bytes apart: where producers and where consumers stand.
    @usableFromInline let positions: UnsafeMutablePointer<Atomic<Int>>
    @usableFromInline let mask: Int

    @usableFromInline static var consumerOffset: Int { 16 }

    /// A queue of `capacity` elements, rounded up to a power of two, 2 at least.
    public init(capacity: Int) {
        precondition((1...(1 << 24)).contains(capacity), "a queue of \(capacity) elements")
        var count = 2
        while count < capacity { count *= 2 }
        mask = count - 1
        // SAFETY: owned until `deinit`; sequences and positions are initialised here, elements as they come.
        unsafe sequences = .allocate(capacity: count)
        for index in 0..<count { unsafe (sequences + index).initialize(to: Atomic(index)) }
        unsafe elements = .allocate(capacity: count)
        let raw = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 128)
        unsafe positions = raw.bindMemory(to: Atomic<Int>.self, capacity: 32)
        for index in 0..<32 { unsafe (positions + index).initialize(to: Atomic(0)) }
    }

    deinit {
        while pop() != nil {}
        unsafe sequences.deallocate()
        unsafe elements.deallocate()
        unsafe UnsafeMutableRawPointer(positions).deallocate()
    }

    /// How many elements fit.
    public var capacity: Int { mask + 1 }

    /// Roughly how many elements wait; exact when nobody pushes or pops.
    public var count: Int {
        // SAFETY: inside the 32 cells of `positions`.
        let pushed = unsafe positions[0].load(ordering: .relaxed)
        let popped = unsafe positions[Self.consumerOffset].load(ordering: .relaxed)
        return min(max(pushed &- popped, 0), capacity)
    }

    /// Appends; false where the queue is full.
    @inlinable
    public func push(_ element: Element) -> Bool {
        var position = unsafe positions[0].load(ordering: .relaxed)
        while true {
            let index = position & mask
            // ORDERING: acquiring; pairs with the releasing store of pop(): its move out of the cell is over.
            let sequence = unsafe sequences[index].load(ordering: .acquiring)
            if sequence == position {
                let (claimed, current) = unsafe positions[0].weakCompareExchange(
                    expected: position,
                    desired: position &+ 1,
                    ordering: .relaxed
                )
                if claimed {
                    // SAFETY: the claim makes this thread the only one to touch the cell until the next line.
                    unsafe (elements + index).initialize(to: element)
                    // ORDERING: releasing; pairs with the acquiring load of pop(), which then sees the element.
                    unsafe sequences[index].store(position &+ 1, ordering: .releasing)
                    return true
                }
                position = current
            } else if sequence &- position < 0 {
                return false
            } else {
                position = unsafe positions[0].load(ordering: .relaxed)
            }
        }
    }

    /// Takes the oldest element; nil where there is none.
    @inlinable
    public func pop() -> Element? {
        var position = unsafe positions[Self.consumerOffset].load(ordering: .relaxed)
        while true {
            let index = position & mask
            // ORDERING: acquiring; pairs with the releasing store of push(): the element is in the cell.
            let sequence = unsafe sequences[index].load(ordering: .acquiring)
            if sequence == position &+ 1 {
                let (claimed, current) = unsafe positions[Self.consumerOffset].weakCompareExchange(
                    expected: position,
                    desired: position &+ 1,
                    ordering: .relaxed
                )
                if claimed {
                    // SAFETY: the claim makes this thread the only one to touch the cell until the next line.
                    let element = unsafe (elements + index).move()
                    // ORDERING: releasing; pairs with the acquiring load of push() a lap later.
                    unsafe sequences[index].store(position &+ mask &+ 1, ordering: .releasing)
                    return element
                }
                position = current
            } else if sequence &- (position &+ 1) < 0 {
                return nil
            } else {
                position = unsafe positions[Self.consumerOffset].load(ordering: .relaxed)
            }
        }
    }
}
