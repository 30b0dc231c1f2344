// SPDX-License-Identifier: Apache-2.0

import TileModel

/// A scan put into a trace: a fifth of the way in, tiles that nobody looks at, for so many bytes, spread over the next
/// fifth of the requests.
struct Scan {
    /// Who scans: `.prewarm` or `.crawler`.
    let kind: TraceRequest.Kind
    /// The trace with the scan in it.
    let trace: Trace
    /// The requests that are compared: from the scan's first to as long after its last as it took; in the trace without
    /// and with the scan.
    let windowBefore: Range<Int>
    let window: Range<Int>

    init(_ original: Trace, kind: TraceRequest.Kind, bytes: Int) {
        self.kind = kind
        let count = original.requests.count
        let first = count * 2 / 5
        let length = count / 5
        var scanned = original
        var requests = Array(original.requests[..<first])
        requests.reserveCapacity(count * 2)
        let model = SlideModel(width: 4096, height: 4096, hasFamilies: true, seed: 99)
        var sent = 0
        var family: [Int32] = []
        func next() -> Int32 {
            let number = scanned.objectCount
            let x = number % 4096
            let y = number / 4096 % 4096
            let size = model.bytes(level: model.maxLevel, x: x, y: y)
            scanned.bytes.append(size)
            scanned.hashes.append(TileKey.mix(UInt64(number) ^ 0x5CA9_5CA9_0000_0000))
            // Families of 21 only where the trace has them: a crawler that asks for one tile makes its siblings too.
            if scanned.insertsFamilies {
                if family.isEmpty { scanned.families.append([]) }
                family.append(Int32(number))
                scanned.familyOf.append(Int32(scanned.families.count - 1))
                scanned.families[scanned.families.count - 1].append(Int32(number))
                if family.count == Family.memberCount { family = [] }
            } else {
                scanned.familyOf.append(-1)
            }
            sent += Int(size)
            return Int32(number)
        }
        for index in first..<count {
            let request = original.requests[index]
            requests.append(request)
            while sent < bytes && sent < Int(Double(bytes) * Double(index - first) / Double(length)) {
                requests.append(TraceRequest(object: next(), kind: kind, time: request.time))
            }
        }
        scanned.requests = requests
        trace = scanned
        windowBefore = first..<first + 2 * length
        // The scan lies wholly inside.
        window = first..<first + 2 * length + (requests.count - count)
    }
}
