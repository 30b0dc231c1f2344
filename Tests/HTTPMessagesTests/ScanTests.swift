// SPDX-License-Identifier: Apache-2.0

import CPlatform
import TestSupport
import Testing

@Suite("Scans of header bytes")
struct ScanTests {
    private typealias Scan = (UnsafePointer<UInt8>, Int) -> Int

    @Test("the vector scans agree with their scalar twins at every alignment and at the end of a page")
    func twins() {
        let seed = Seed.ofThisRun
        print("scans against their twins: \(seed)")
        var random = seed.generator()
        let pairs: [(Scan, Scan)] = unsafe [
            (platform_scan_token, platform_scan_token_scalar),
            (platform_scan_value, platform_scan_value_scalar),
            (platform_scan_target, platform_scan_target_scalar),
            (platform_scan_path, platform_scan_path_scalar),
        ]
        let guarded = GuardedBytes(capacity: 256)
        let mostly = Array("abcXYZ-019".utf8)
        for _ in 0..<4000 {
            let count = Int.random(in: 0...100, using: &random)
            let isWild = Bool.random(using: &random)
            var bytes = (0..<count).map { _ in
                isWild ? UInt8.random(in: 0...255, using: &random) : mostly.randomElement(using: &random)!
            }
            if count > 0, !isWild {
                bytes[Int.random(in: 0..<count, using: &random)] = .random(in: 0...255, using: &random)
            }
            unsafe guarded.with(bytes) { place in
                guard let base = place.baseAddress else { return }
                let start = unsafe base.assumingMemoryBound(to: UInt8.self)
                for offset in 0..<min(count, 17) {
                    for index in 0..<4 {
                        let (fast, plain) = unsafe pairs[index]
                        let results = unsafe (
                            fast(start + offset, count - offset), plain(start + offset, count - offset)
                        )
                        #expect(results.0 == results.1, "\(seed): \(bytes) from \(offset)")
                    }
                }
            }
        }
    }

    @Test("each scan stops at exactly the bytes of its class")
    func classes() {
        let hosts = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%".utf8)
        let tokens = Set("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        for byte in UInt8.min...UInt8.max {
            let bytes = [UInt8](repeating: byte, count: 40)
            unsafe bytes.withUnsafeBufferPointer { place in
                let start = place.baseAddress!
                unsafe #expect(platform_scan_token(start, 40) == (tokens.contains(byte) ? 40 : 0))
                unsafe #expect(platform_scan_host(start, 40) == (hosts.contains(byte) ? 40 : 0))
                let isPath = byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
                unsafe #expect(platform_scan_path(start, 40) == (isPath ? 40 : 0))
                let isValue = byte == 9 || (byte >= 32 && byte != 127)
                unsafe #expect(platform_scan_value(start, 40) == (isValue ? 40 : 0))
                unsafe #expect(platform_scan_target(start, 40) == (byte > 32 && byte < 127 ? 40 : 0))
            }
        }
    }
}
