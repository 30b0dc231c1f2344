// SPDX-License-Identifier: Apache-2.0

internal import CPlatform

/// Two mebibytes of addresses that hold blocks of one size: a header, then the blocks.
///
/// Addresses cost nothing; only pages that were touched do, and those are charged. Blocks are carved in order. A freed
/// block's pages stay resident (it is on the *resident* stack) until the keeper needs the memory elsewhere and
/// discards the pages inside it (then it is on the *discarded* stack). Both stacks of 16-bit block numbers lie in the
/// header, so free blocks hold nothing: they may be poisoned or discarded.
///
/// A *huge* chunk is charged as a whole from the start and may be one huge page: a look-up then finds the block's header
/// without a walk through page tables (docs/decisions.md has what that gains). It becomes an ordinary one when part of
/// it is given back.
///
///     0 pool, unretained   8 block bytes   12 class   14 stripe   16 capacity   20 carved   24 resident   28 discarded
///     32 live   36 touched bytes   40 discarded bytes   44 flags   48 mapping bytes
///     56 offset of the first block   64 the two stacks
///
/// Everything but what is constant from the start (0...19, 48...59) is guarded by the lock of the chunk's shard.
///
/// @unchecked Sendable: an address; what may be done with it is said above.
@safe
struct Chunk: Equatable, @unchecked Sendable {
    let base: UnsafeMutableRawPointer

    /// The huge page of x86-64, and of AArch64 with pages of 4 KiB.
    static let bytes = 2 << 20
    static let page = Int(platform_page_bytes())
    /// Whether the kernel has huge pages of just this size.
    static let canBeHuge = Int(platform_huge_page_bytes()) == bytes
    /// The class of a chunk that holds one block with a mapping of its own.
    static let ownMapping = UInt16.max

    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    /// The chunk that a block lies in. Chunks are aligned to their size, and a block starts within that.
    init(ofBlockAt pointer: UnsafeMutableRawPointer) {
        let address = UInt(bitPattern: pointer) & ~UInt(Self.bytes - 1)
        // SAFETY: the address of a mapped chunk, never zero, because a block lies behind it.
        unsafe base = UnsafeMutableRawPointer(bitPattern: address)!
    }

    /// The address, as a number to compare.
    var address: UInt { unsafe UInt(bitPattern: base) }

    static func == (left: Chunk, right: Chunk) -> Bool { unsafe left.base == right.base }

    /// Where the first block of a chunk of this class starts, and how many there are.
    static func layout(blockBytes: Int) -> (offset: Int, capacity: Int) {
        var capacity = (bytes - 64) / (blockBytes + 2)
        while true {
            let offset = (64 + 2 * capacity + SizeClass.granule - 1) / SizeClass.granule * SizeClass.granule
            if offset + capacity * blockBytes <= bytes { return (offset, capacity) }
            capacity -= 1
        }
    }

    static func roundedToPages(_ count: Int) -> Int { (count + page - 1) & ~(page - 1) }
}

// SAFETY (all accessors): a chunk's header is mapped as long as one of its blocks is live or its shard lists it.
extension Chunk {
    var pool: Unmanaged<BlockPool> {
        get { unsafe base.load(as: Unmanaged<BlockPool>.self) }
        nonmutating set { unsafe base.storeBytes(of: newValue, as: Unmanaged<BlockPool>.self) }
    }
    var blockBytes: Int {
        get { word(8) }
        nonmutating set { setWord(8, newValue) }
    }
    var classIndex: UInt16 {
        get { unsafe base.load(fromByteOffset: 12, as: UInt16.self) }
        nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 12, as: UInt16.self) }
    }
    var stripe: Int {
        get { unsafe Int(base.load(fromByteOffset: 14, as: UInt16.self)) }
        nonmutating set { unsafe base.storeBytes(of: UInt16(newValue), toByteOffset: 14, as: UInt16.self) }
    }
    var capacity: Int {
        get { word(16) }
        nonmutating set { setWord(16, newValue) }
    }
    var carved: Int {
        get { word(20) }
        nonmutating set { setWord(20, newValue) }
    }
    var residentCount: Int {
        get { word(24) }
        nonmutating set { setWord(24, newValue) }
    }
    var discardedCount: Int {
        get { word(28) }
        nonmutating set { setWord(28, newValue) }
    }
    var live: Int {
        get { word(32) }
        nonmutating set { setWord(32, newValue) }
    }
    var touchedBytes: Int {
        get { word(36) }
        nonmutating set { setWord(36, newValue) }
    }
    var discardedBytes: Int {
        get { word(40) }
        nonmutating set { setWord(40, newValue) }
    }
    var mappingBytes: Int {
        get { unsafe base.load(fromByteOffset: 48, as: Int.self) }
        nonmutating set { unsafe base.storeBytes(of: newValue, toByteOffset: 48, as: Int.self) }
    }

    /// In the shard's list of chunks with resident free blocks.
    var isListedResident: Bool {
        get { flag(1) }
        nonmutating set { setFlag(1, newValue) }
    }
    /// In the shard's list of chunks with blocks that are not resident: uncarved or discarded.
    var isListedFresh: Bool {
        get { flag(2) }
        nonmutating set { setFlag(2, newValue) }
    }
    /// Being emptied by the keeper: gives no block.
    var isVacating: Bool {
        get { flag(4) }
        nonmutating set { setFlag(4, newValue) }
    }

    /// Charged as a whole, and perhaps one huge page.
    var isHuge: Bool {
        get { flag(8) }
        nonmutating set { setFlag(8, newValue) }
    }

    /// Of a huge chunk: bytes of blocks that are charged and were never carved.
    var uncarvedBytes: Int { isHuge ? (capacity - carved) * blockBytes : 0 }

    /// What of the budget the chunk takes.
    var chargedBytes: Int { touchedBytes - discardedBytes }

    var blocksOffset: Int {
        get { word(56) }
        nonmutating set { setWord(56, newValue) }
    }

    func block(_ index: Int) -> UnsafeMutableRawPointer {
        unsafe base + blocksOffset + index * blockBytes
    }

    func index(of pointer: UnsafeMutableRawPointer) -> Int {
        unsafe (pointer - base - blocksOffset) / blockBytes
    }

    /// The whole pages inside a block: what discarding it gives back.
    func innerPages(_ index: Int) -> Range<Int> {
        let start = blocksOffset + index * blockBytes
        let first = Self.roundedToPages(start)
        let end = (start + blockBytes) & ~(Self.page - 1)
        return first..<max(first, end)
    }

    func pushResident(_ index: Int) {
        setEntry(residentCount, index)
        residentCount += 1
    }

    func popResident() -> Int {
        residentCount -= 1
        return entry(residentCount)
    }

    /// The discarded stack grows down from the end of the same array.
    func pushDiscarded(_ index: Int) {
        discardedCount += 1
        setEntry(capacity - discardedCount, index)
    }

    func popDiscarded() -> Int {
        discardedCount -= 1
        return entry(capacity - discardedCount - 1)
    }

    private func entry(_ position: Int) -> Int {
        unsafe Int(base.load(fromByteOffset: 64 + 2 * position, as: UInt16.self))
    }

    private func setEntry(_ position: Int, _ index: Int) {
        unsafe base.storeBytes(of: UInt16(index), toByteOffset: 64 + 2 * position, as: UInt16.self)
    }

    private func word(_ offset: Int) -> Int { unsafe Int(base.load(fromByteOffset: offset, as: UInt32.self)) }

    private func setWord(_ offset: Int, _ value: Int) {
        unsafe base.storeBytes(of: UInt32(value), toByteOffset: offset, as: UInt32.self)
    }

    private func flag(_ bit: UInt32) -> Bool { unsafe base.load(fromByteOffset: 44, as: UInt32.self) & bit != 0 }

    private func setFlag(_ bit: UInt32, _ value: Bool) {
        let flags = unsafe base.load(fromByteOffset: 44, as: UInt32.self)
        unsafe base.storeBytes(of: value ? flags | bit : flags & ~bit, toByteOffset: 44, as: UInt32.self)
    }
}
