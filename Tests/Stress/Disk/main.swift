// SPDX-License-Identifier: Apache-2.0
//
// Kills a process that writes to and reads from the disk tier, at a random call that changes the disk, again and again, and
// compares every tile that the next one finds with the true one.
//
//     stress-disk [--kills N] [--folder DIR]
//     stress-disk writer FOLDER FIRST-FAMILY CALLS-UNTIL-DEATH      what it starts and what dies

import DiskFaults
import DiskTier
import Foundation
import LockFree
import Synchronization
import TestSupport
import TileModel

/// 32 families to the segment, 15 segments: each run seals, evicts and gives second chances.
func configuration(_ folder: String) -> DiskTierConfiguration {
    DiskTierConfiguration(
        folder: folder,
        byteBudget: 48 << 20,
        segmentBytes: 3 << 20,
        syncInterval: .milliseconds(20),
        scrubBytesPerSecond: 64 << 20
    )
}

let families = 400
let edition = TrueTiles.edition(1)

/// Writes families from `first` on, two threads at once, while two others read what is there; dies in the middle of it.
func runWriter(_ folder: String, first: Int, calls: Int) throws -> Never {
    var faults = FaultyFileSystem.Faults()
    faults.callsUntilDeath = calls
    let tier = try DiskTier(configuration(folder), files: FaultyFileSystem(faults))
    let wrong = Atomic<Int>(0)
    var threads: [OSThread] = []
    for number in 0..<2 {
        threads.append(
            try OSThread(name: "write-\(number)") {
                for step in 0..<100_000 {
                    let (family, keys) = TrueTiles.family((first + 2 * step + number) % families, of: edition)
                    _ = tier.insert(TrueTiles.write(family, keys))
                    if step % 16 == 5 { _ = tier.delete([keys[step % keys.count]], of: family) }
                }
            }
        )
        threads.append(
            try OSThread(name: "read-\(number)") {
                var sum = TrueTiles.Comparison()
                for step in 0..<1_000_000 {
                    let (family, keys) = TrueTiles.family((first + 7 * step + number) % families, of: edition)
                    TrueTiles.compare(tier, family, keys, into: &sum)
                    if sum.wrong > 0 { wrong.store(1, ordering: .relaxed) }
                    if wrong.load(ordering: .relaxed) > 0 { exit(3) }
                }
            }
        )
    }
    for thread in threads { thread.join() }
    exit(4)
}

/// How a round went.
struct Sum {
    var right = 0
    var damaged = 0
    var found: [Int] = []
}

func run(kills: Int, folder: String, seed: Seed) throws -> Sum {
    var generator = seed.generator()
    var sum = Sum()
    for kill in 0..<kills {
        let first = Int.random(in: 0..<families, using: &generator)
        let calls = Int.random(in: 1...300, using: &generator)
        let writer = try ServerProcess(CommandLine.arguments[0], ["writer", folder, "\(first)", "\(calls)"])
        guard writer.waitForExit(timeout: 120) == 128 + SIGKILL else {
            throw StressFailure("kill \(kill): the writer ended otherwise: \(writer.errors)")
        }
        let tier = try DiskTier(configuration(folder))
        guard tier.waitUntilLoaded(forAtMost: .seconds(60)) else { throw StressFailure("kill \(kill): not loaded") }
        var comparison = TrueTiles.Comparison()
        for number in 0..<families {
            let (family, keys) = TrueTiles.family(number, of: edition)
            TrueTiles.compare(tier, family, keys, into: &comparison)
        }
        // It goes on: what is written now is found.
        let (family, keys) = TrueTiles.family(families + kill, of: edition)
        guard tier.insert(TrueTiles.write(family, keys)) == .stored else {
            throw StressFailure("kill \(kill): no room")
        }
        var fresh = TrueTiles.Comparison()
        TrueTiles.compare(tier, family, keys, into: &fresh)
        guard comparison.wrong == 0, comparison.unavailable == 0, fresh.right == keys.count else {
            throw StressFailure("kill \(kill) after \(calls) calls: \(comparison), then \(fresh)")
        }
        guard tier.diskBytes <= 48 << 20 else { throw StressFailure("kill \(kill): \(tier.diskBytes) bytes on disk") }
        // Half of the starts find a sealed log, half what the next kill leaves.
        tier.close()
        sum.right += comparison.right
        sum.damaged += comparison.damaged
        sum.found.append(comparison.right)
    }
    return sum
}

struct StressFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "writer", arguments.count == 4, let first = Int(arguments[2]), let calls = Int(arguments[3]) {
    try runWriter(arguments[1], first: first, calls: calls)
}
var kills = 200
var folder: String?
var rest = arguments[...]
while let option = rest.popFirst() {
    switch option {
    case "--kills": kills = rest.popFirst().flatMap { Int($0) } ?? kills
    case "--folder": folder = rest.popFirst()
    default:
        print("unknown option \(option)")
        exit(2)
    }
}
let seed = Seed.ofThisRun
let temporary = try TemporaryDirectory()
do {
    let sum = try run(kills: kills, folder: folder ?? temporary.path("tiles"), seed: seed)
    let least = sum.found.min() ?? 0
    let most = sum.found.max() ?? 0
    print(
        "stress-disk: \(kills) kills, \(sum.right) tiles found and right (\(least) to \(most) after a kill), "
            + "\(sum.damaged) found damaged and refused, none wrong (\(seed))"
    )
    // A suite that finds nothing has shown nothing.
    guard most > 1000 else { throw StressFailure("too few tiles survived to tell") }
} catch {
    print("stress-disk failed: \(error) (\(seed))")
    exit(1)
}
