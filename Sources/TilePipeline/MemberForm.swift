// SPDX-License-Identifier: Apache-2.0

import TileModel

/// One thing that a job can make: a member of its family in one of its two forms.
///
/// Packed into 0...41 so that a job keeps its progress in 64-bit sets: twice the member number, plus one where padded.
package struct MemberForm: Hashable, Sendable {
    package let member: Int
    package let isPadded: Bool

    package init(member: Int, isPadded: Bool) {
        precondition((0..<Family.memberCount).contains(member), "no member \(member)")
        self.member = member
        self.isPadded = isPadded
    }

    fileprivate init(bit: Int) { self.init(member: bit >> 1, isPadded: bit & 1 == 1) }
    fileprivate var bit: Int { member << 1 | (isPadded ? 1 : 0) }
}

/// A set of member forms. All operations are constant time, iteration is in member order.
package struct MemberForms: Hashable, Sendable {
    private var bits: UInt64 = 0

    package init() {}

    package init(_ forms: some Sequence<MemberForm>) {
        for form in forms { insert(form) }
    }

    package var isEmpty: Bool { bits == 0 }
    package var count: Int { bits.nonzeroBitCount }
    package func contains(_ form: MemberForm) -> Bool { bits & (1 << UInt64(form.bit)) != 0 }
    package mutating func insert(_ form: MemberForm) { bits |= 1 << UInt64(form.bit) }
    package mutating func remove(_ form: MemberForm) { bits &= ~(1 << UInt64(form.bit)) }
    package func union(_ other: MemberForms) -> MemberForms { MemberForms(bits: bits | other.bits) }
    package func subtracting(_ other: MemberForms) -> MemberForms { MemberForms(bits: bits & ~other.bits) }

    private init(bits: UInt64) { self.bits = bits }
}

extension MemberForms: Sequence {
    package struct Iterator: IteratorProtocol {
        fileprivate var rest: UInt64

        package mutating func next() -> MemberForm? {
            guard rest != 0 else { return nil }
            let bit = rest.trailingZeroBitCount
            rest &= rest - 1
            return MemberForm(bit: bit)
        }
    }

    package func makeIterator() -> Iterator { Iterator(rest: bits) }
}
