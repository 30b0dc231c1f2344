// SPDX-License-Identifier: Apache-2.0
import Foundation
import TileCache

func lab() {
var args = Array(CommandLine.arguments.dropFirst())
func take(_ n: String) -> String? {
    guard let i = args.firstIndex(of: n), i + 1 < args.count else { return nil }
    let v = args[i+1]; args.removeSubrange(i...i+1); return v
}
let seedBase = UInt64(take("--seed") ?? "1")!
let scale = Double(take("--scale") ?? "1")!

func tuneSet() -> [SessionParameters] {
    func n(_ x: Int) -> Int { Int(Double(x) * scale) }
    return [
        SessionParameters(name: "class", slides: 4, users: 60, requests: n(200_000), slideSkew: 1.2, hotspots: 8, hotspotShare: 0.7, prewarm: 0.02, seed: seedBase),
        SessionParameters(name: "lab", slides: 24, users: 24, requests: n(200_000), prewarm: 0.05, seed: seedBase + 1),
        SessionParameters(name: "clinic", slides: 80, users: 50, requests: n(250_000), slideSkew: 0.4, hotspotShare: 0.3, side: 64...256, prewarm: 0.03, seed: seedBase + 2),
        SessionParameters(name: "map", slides: 1, users: 80, requests: n(200_000), hotspots: 200, hotspotShare: 0.8, side: 1024...1024, hasFamilies: false, prewarm: 0.3, seed: seedBase + 3),
    ]
}
var traces: [Trace] = []
for p in tuneSet() {
    let t = SessionGenerator.trace(p)
    traces.append(t)
    if p.hasFamilies { var f = t; f.insertsFamilies = true; traces.append(f) }
}
func tuned() -> EvictionTuning {
    let t = EvictionTuning()
    for (i, a) in args.enumerated() where a == "--set" {
        let kv = args[i+1].split(separator: "="); let v = Double(kv[1])!
        switch kv[0] {
        case "warmShare": t.warmShare = v
        case "sample": t.sampleSize = Int(v)
        case "part": t.samplePart = Int(v)
        case "size": t.sizeExponent = v
        case "wsize": t.warmSizeExponent = v
        case "gen": t.generationShare = v
        case "agesByHot": t.agesByHot = v > 0
        case "unused": t.unusedAge = v
        case "ghosts": t.ghostCounts = v > 0
        case "gfactor": t.ghostFactor = v
        case "ggen": t.ghostGenerations = Int(v)
        case "once": t.onceAge = v
        case "idle": t.idleExponent = v
        case "u": t.unified = v > 0
        case "m0": t.m0 = v
        case "m1": t.m1 = v
        case "a0": t.a0 = v
        case "a1": t.a1 = v
        case "a2": t.a2 = v
        case "ce": t.countExponent = v
        case "t": t.three = v > 0
        case "us": t.unusedShare = v
        case "os": t.onceShare = v
        case "adapt": t.adapt = v
        case "min": t.minShare = v
        case "uw": t.unusedWeight = v
        case "gdecay": t.ghostDecayEvery = Int(v)
        case "wpart": t.warmPart = Int(v)
        case "visits": t.visits = Int(v)
        case "cost": t.costExponent = v
        case "stale": t.staleWeight = v
        case "sfloor": t.staleFloor = v
        case "bias": t.bias = v
        case "high": t.high = v
        case "low": t.low = v
        default: fatalError(String(kv[0]))
        }
    }
    return t
}
let tun = tuned()
let cacheFile = "/tmp/oz/evict-baselines-\(seedBase)-\(scale).json"
var cached: [String: [String: [Double]]] = (try? JSONDecoder().decode([String: [String: [Double]]].self, from: Data(contentsOf: URL(fileURLWithPath: cacheFile)))) ?? [:]
func one<P: Contender>(_ t: Trace, _ p: P) -> HitCounts { var p = p; return replay(t, &p) }
var margins: [Double] = []
for t in traces {
    let distinct = t.distinctBytes()
    let label = t.name + (t.insertsFamilies ? "+fam" : "")
    if cached[label] == nil { print("== \(label): \(t.requests.count) requests, \(t.objectCount) objects, distinct \(distinct >> 20) MiB mean \(t.meanBytes())") }
    var line = "\(label)".padding(toLength: 14, withPad: " ", startingAt: 0)
    for share in [0.01, 0.05, 0.1, 0.25] {
        let c = Int(Double(distinct) * share)
        let key = "\(share)"
        if cached[label]?[key] == nil {
            let start = clock()
            let names = ["LRU", "FIFO", "SIEVE", "S3-2", "S3-1", "GDSF0", "GDSF1", "W-TinyLFU", "moka", "agefreq", "farthest"]
            let rs = [one(t, RecencyPolicy(t, capacity: c, promotes: true)), one(t, RecencyPolicy(t, capacity: c, promotes: false)), one(t, SievePolicy(t, capacity: c)),
                one(t, S3FIFOPolicy(t, capacity: c, threshold: 2)), one(t, S3FIFOPolicy(t, capacity: c, threshold: 1)),
                one(t, GDSFPolicy(t, capacity: c, siblingUses: 0)), one(t, GDSFPolicy(t, capacity: c, siblingUses: 1)),
                one(t, WindowTinyLFUPolicy(t, capacity: c)), one(t, MokaTinyLFUPolicy(t, capacity: c)), one(t, AgeFrequencyPolicy(t, capacity: c)), one(t, BeladyPolicy(t, capacity: c))]
            print(String(format: "%4.0f%% ", share * 100) + zip(names, rs).map { String(format: "%@ %.1f/%.1f", $0, $1.objectRatio, $1.byteRatio) }.joined(separator: "  "), Double(clock() - start) / 1e6)
            cached[label, default: [:]][key] = rs.dropLast().map(\.objectRatio)
        }
        var keeper = KeeperPolicy(t, capacity: c, .twoClass, tuning: tun)
        let ours = replay(t, &keeper).objectRatio
        line += " " + keeper.visitText
        let best = cached[label]![key]!.max()!
        margins.append(ours - best)
        line += String(format: "  %5.1f (%+5.2f)", ours, ours - best)
    }
    print(line)
}
try! JSONEncoder().encode(cached).write(to: URL(fileURLWithPath: cacheFile))
let at1 = stride(from: 0, to: margins.count, by: 4).map { margins[$0] }
let rest = margins.indices.filter { $0 % 4 != 0 }.map { margins[$0] }
print(String(format: "mean %+.2f  worst@1%% %+.2f  worst %+.2f", margins.reduce(0, +) / Double(margins.count), at1.min()!, rest.min()!))
fflush(nil)
}
lab()
