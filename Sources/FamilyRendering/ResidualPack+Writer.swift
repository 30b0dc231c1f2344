// SPDX-License-Identifier: Apache-2.0

import CPlatform
internal import TileModel

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

        /// Adds the chroma weights of members 1...20, in their order.
        package mutating func add(weights: [ChromaWeights]) {
            precondition(weights.count == Family.memberCount - 1, "\(weights.count) chroma weights")
            let bytes = weights.flatMap { [UInt8(bitPattern: $0.blue), UInt8(bitPattern: $0.red)] }
            add(kind: Kind.chromaWeights, index: 0, bytes: bytes)
        }

        /// Adds the chroma residual of a child, 1...4.
        package mutating func add(child: Int, chromaResidual: [UInt8]) {
            precondition((1...4).contains(child), "no child \(child)")
            add(kind: Kind.chromaResidual, index: UInt8(child - 1), bytes: chromaResidual)
        }

        /// The residuals of luma that were added, by member.
        package var residuals: [(member: Int, jpeg: [UInt8])] {
            let found = entries.compactMap { entry -> (member: Int, jpeg: [UInt8])? in
                switch entry.kind {
                case Kind.child: (1 + Int(entry.index), entry.bytes)
                case Kind.grandchild: (5 + Int(entry.index), entry.bytes)
                default: nil
                }
            }
            return found.sorted { $0.member < $1.member }
        }

        /// Whether nothing was added.
        package var isEmpty: Bool { entries.isEmpty }

        /// The file: children first, then grandchildren, each row by row, then other kinds in their order of kind, a
        /// checksum last, unless the file is to be as the reference's writers make it. Throws `tooLarge` where a reader would
        /// refuse it. Complexity: O(bytes).
        package func file(hasChecksum: Bool = true) throws(PackError) -> [UInt8] {
            let order: (UInt8) -> Int = { $0 == 1 ? -1 : Int($0) }
            precondition(!entries.contains { $0.kind == Kind.checksum }, "the checksum is the writer's")
            var sorted = entries.sorted { (order($0.kind), $0.index) < (order($1.kind), $1.index) }
            if hasChecksum { sorted.append((Kind.checksum, 0, [0, 0, 0, 0])) }
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
            if hasChecksum {
                pack.removeLast(4)
                // SAFETY: the call reads the array's own bytes.
                let checksum = unsafe pack.withUnsafeBytes { unsafe platform_crc32c(0, $0.baseAddress, $0.count) }
                LittleEndian.append(checksum, to: &pack)
            }
            guard pack.count <= maxUncompressedBytes else { throw .tooLarge(bytes: pack.count) }
            var file: [UInt8] = []
            LittleEndian.append(UInt32(pack.count), to: &file)
            file.append(contentsOf: LZ4Block.compress(pack))
            return file
        }
    }
}
