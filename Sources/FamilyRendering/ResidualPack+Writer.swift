// SPDX-License-Identifier: Apache-2.0

extension ResidualPack {
    /// Collects residuals and writes a pack file that the reference reads.
    package struct Writer {
        private var entries: [(kind: UInt8, index: UInt8, bytes: [UInt8])] = []

        package init() {}

        /// Adds the residual of a member, 1...20. Each member at most once; members may come in any order.
        package mutating func add(member: Int, residual: [UInt8]) {
            precondition((1...20).contains(member), "no residual for member \(member)")
            let isChild = member < 5
            add(kind: isChild ? 1 : 0, index: UInt8(isChild ? member - 1 : member - 5), bytes: residual)
        }

        /// Adds an entry of any kind. Readers ignore kinds that they do not know.
        package mutating func add(kind: UInt8, index: UInt8, bytes: [UInt8]) {
            precondition(!entries.contains { $0.kind == kind && $0.index == index }, "entry \(kind)/\(index) twice")
            entries.append((kind, index, bytes))
        }

        /// Whether nothing was added.
        package var isEmpty: Bool { entries.isEmpty }

        /// The file: children first, then grandchildren, each row by row, then other kinds in their order of kind.
        /// Complexity: O(bytes).
        package func file() -> [UInt8] {
            let order: (UInt8) -> Int = { $0 == 1 ? -1 : Int($0) }
            let sorted = entries.sorted { (order($0.kind), $0.index) < (order($1.kind), $1.index) }
            let dataOffset = headerBytes + sorted.count * entryBytes
            var pack: [UInt8] = []
            pack.reserveCapacity(dataOffset + sorted.reduce(0) { $0 + $1.bytes.count })
            pack.append(contentsOf: "ORIG".utf8)
            LittleEndian.append(UInt16(1), to: &pack)
            LittleEndian.append(UInt16(0), to: &pack)
            LittleEndian.append(UInt32(sorted.count), to: &pack)
            LittleEndian.append(UInt32(headerBytes), to: &pack)
            LittleEndian.append(UInt32(dataOffset), to: &pack)
            LittleEndian.append(UInt32(0), to: &pack)
            var offset = 0
            for entry in sorted {
                pack.append(entry.kind)
                pack.append(entry.index)
                LittleEndian.append(UInt16(0), to: &pack)
                LittleEndian.append(UInt32(offset), to: &pack)
                LittleEndian.append(UInt32(entry.bytes.count), to: &pack)
                LittleEndian.append(UInt32(0), to: &pack)
                offset += entry.bytes.count
            }
            for entry in sorted { pack.append(contentsOf: entry.bytes) }
            precondition(pack.count <= maxUncompressedBytes, "a residual pack of \(pack.count) bytes")
            var file: [UInt8] = []
            LittleEndian.append(UInt32(pack.count), to: &file)
            file.append(contentsOf: LZ4Block.literals(pack))
            return file
        }
    }
}
