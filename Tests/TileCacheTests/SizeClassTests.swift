// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TileCache

@Suite("Size classes and chunks")
struct SizeClassTests {
    @Test("every size has the smallest class that holds it")
    func smallest() {
        for bytes in 1...SizeClass.largestPooled {
            let index = SizeClass.index(forBytes: bytes)
            let isSmallest =
                SizeClass.bytes(ofIndex: index) >= bytes && (index == 0 || SizeClass.bytes(ofIndex: index - 1) < bytes)
            if !isSmallest { Issue.record("class \(index) for \(bytes)") }
        }
        #expect(SizeClass.bytes(ofIndex: SizeClass.count - 1) == SizeClass.largestPooled)
    }

    @Test("rounding wastes at most an eighth above 512 bytes and at most 6 percent on average from 1 KiB to 64 KiB")
    func waste() {
        var wasted = 0.0
        for bytes in 1024...65536 {
            let block = SizeClass.bytes(ofIndex: SizeClass.index(forBytes: bytes))
            if Double(block) > Double(bytes) * 1.125 { Issue.record("\(block) bytes for \(bytes)") }
            wasted += Double(block - bytes) / Double(bytes)
        }
        let mean = wasted / Double(65536 - 1024 + 1)
        print("mean waste of rounding: \(mean)")
        #expect(mean <= 0.06)
    }

    @Test("from a kilobyte on, blocks of a class are an odd number of cache lines apart")
    func colours() {
        for index in 0..<SizeClass.count where SizeClass.bytes(ofIndex: index) > 1088 {
            #expect(SizeClass.bytes(ofIndex: index) / SizeClass.granule % 2 == 1)
        }
    }

    @Test("the blocks of every class fit their chunk behind the stacks")
    func layout() {
        for index in 0..<SizeClass.count {
            let bytes = SizeClass.bytes(ofIndex: index)
            let (offset, capacity) = Chunk.layout(blockBytes: bytes)
            #expect(offset >= 64 + 2 * capacity && offset % 64 == 0)
            #expect(offset + capacity * bytes <= Chunk.bytes)
            #expect(capacity >= 3)
        }
    }
}
