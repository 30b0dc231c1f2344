// SPDX-License-Identifier: Apache-2.0

/// A tiled RGB TIFF without compression, put together byte by byte (TIFF 6.0, sections 2 and 15).
package struct HandmadeTIFF {
    package var width: Int
    package var height: Int
    /// A multiple of 16.
    package var tileSide = 16
    package var description: String?
    package var pixelsPerCentimetre: Int?

    package init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// The file. `tile` gives the RGB bytes of a whole tile by its column and row, or nil for one that is left out, as
    /// sparse files do.
    package func bytes(tile: (_ column: Int, _ row: Int) -> [UInt8]?) -> [UInt8] {
        func short(_ value: Int) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }
        func long(_ value: Int) -> [UInt8] { short(value & 0xFFFF) + short(value >> 16) }
        var file = Array("II".utf8) + short(42) + long(0)
        var (offsets, counts): ([Int], [Int]) = ([], [])
        for row in 0..<(height + tileSide - 1) / tileSide {
            for column in 0..<(width + tileSide - 1) / tileSide {
                let samples = tile(column, row)
                precondition(samples == nil || samples?.count == 3 * tileSide * tileSide, "a tile of another size")
                offsets.append(samples == nil ? 0 : file.count)
                counts.append(samples?.count ?? 0)
                file += samples ?? []
            }
        }
        /// Tag, type (2 text, 3 short, 4 long, 5 rational), values and their bytes.
        var entries: [(tag: Int, type: Int, count: Int, bytes: [UInt8])] = [
            (256, 4, 1, long(width)), (257, 4, 1, long(height)), (258, 3, 3, short(8) + short(8) + short(8)),
            (259, 3, 1, short(1)), (262, 3, 1, short(2)), (277, 3, 1, short(3)), (284, 3, 1, short(1)),
            (322, 4, 1, long(tileSide)), (323, 4, 1, long(tileSide)),
            (324, 4, offsets.count, offsets.flatMap(long)), (325, 4, counts.count, counts.flatMap(long)),
        ]
        if let description {
            let text = Array(description.utf8) + [0]
            entries.append((270, 2, text.count, text))
        }
        if let pixelsPerCentimetre {
            for tag in [282, 283] { entries.append((tag, 5, 1, long(pixelsPerCentimetre) + long(1))) }
            entries.append((296, 3, 1, short(3)))
        }
        var directory = short(entries.count)
        for entry in entries.sorted(by: { $0.tag < $1.tag }) {
            directory += short(entry.tag) + short(entry.type) + long(entry.count)
            if entry.bytes.count <= 4 {
                directory += entry.bytes + [UInt8](repeating: 0, count: 4 - entry.bytes.count)
            } else {
                if file.count % 2 == 1 { file.append(0) }
                directory += long(file.count)
                file += entry.bytes
            }
        }
        if file.count % 2 == 1 { file.append(0) }
        file.replaceSubrange(4..<8, with: long(file.count))
        return file + directory + long(0)
    }
}
