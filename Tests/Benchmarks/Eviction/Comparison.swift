// SPDX-License-Identifier: Apache-2.0

import TileCache

/// Policies on one trace at one size.
struct Cell {
    let share: Double
    let capacity: Int
    /// By the names of the policies, in the order of the table.
    private(set) var results: [(name: String, counts: HitCounts)] = []
    private(set) var looksPerEviction = 0.0
    private(set) var mostPlaces = 0

    /// Shares of the distinct bytes that the cache holds.
    static let shares = [0.01, 0.05, 0.10, 0.25]
    /// The policy that the report is about, and what bounds it.
    static let subject = EvictionPolicy.hitDensity.rawValue
    static let bound = "future known"
    /// The server's own code under the baseline's policy: printed, but no rival.
    static let keeperAgeFrequency = "age-frequency, keeper"

    init(_ trace: Trace, distinctBytes: Int, share: Double, tuning: EvictionTuning) {
        self.share = share
        capacity = Int(Double(distinctBytes) * share)
        func add<Policy: Contender>(_ policy: Policy, _ name: String? = nil) {
            var policy = policy
            results.append((name ?? policy.name, replay(trace, &policy)))
        }
        add(RecencyPolicy(trace, capacity: capacity, promotes: false))
        add(RecencyPolicy(trace, capacity: capacity, promotes: true))
        add(AgeFrequencyPolicy(trace, capacity: capacity))
        add(SievePolicy(trace, capacity: capacity))
        add(S3FIFOPolicy(trace, capacity: capacity, threshold: 1))
        add(S3FIFOPolicy(trace, capacity: capacity, threshold: 2))
        add(GDSFPolicy(trace, capacity: capacity, siblingUses: 0))
        add(GDSFPolicy(trace, capacity: capacity, siblingUses: 1))
        add(WindowTinyLFUPolicy(trace, capacity: capacity))
        add(MokaTinyLFUPolicy(trace, capacity: capacity))
        add(KeeperPolicy(trace, capacity: capacity, .ageFrequency), Self.keeperAgeFrequency)
        var keeper = KeeperPolicy(trace, capacity: capacity, .hitDensity, tuning: tuning)
        results.append((keeper.name, replay(trace, &keeper)))
        looksPerEviction = keeper.looksPerEviction
        mostPlaces = keeper.mostPlaces
        add(BeladyPolicy(trace, capacity: capacity))
    }

    func counts(_ name: String) -> HitCounts { results.first { $0.name == name }?.counts ?? HitCounts() }

    private func margin(_ ratio: (HitCounts) -> Double) -> Double {
        let own = [Self.subject, Self.bound, Self.keeperAgeFrequency]
        let best = results.filter { !own.contains($0.name) }.map { ratio($0.counts) }.max() ?? 0
        return ratio(counts(Self.subject)) - best
    }

    /// Points of object hit ratio above the best baseline of this cell.
    var objectMargin: Double { margin(\.objectRatio) }
    /// Points of byte hit ratio above the best baseline of this cell.
    var byteMargin: Double { margin(\.byteRatio) }

    /// Points of object hit ratio above one baseline.
    func margin(above name: String) -> Double { counts(Self.subject).objectRatio - counts(name).objectRatio }
}

/// Margins over many cells.
struct Margins {
    private(set) var all: [Double] = []
    private(set) var bytes: [Double] = []
    private(set) var smallest: [Double] = []
    private(set) var larger: [Double] = []
    private(set) var aboveMoka: [Double] = []
    private(set) var aboveGDSF: [Double] = []
    private(set) var aboveGDSFWithSiblings: [Double] = []
    private(set) var mostLooks = 0.0
    private(set) var mostPlaces = 0

    mutating func add(_ cell: Cell, of trace: Trace) {
        all.append(cell.objectMargin)
        bytes.append(cell.byteMargin)
        if cell.share <= 0.01 { smallest.append(cell.objectMargin) } else { larger.append(cell.objectMargin) }
        if trace.insertsFamilies {
            aboveMoka.append(cell.margin(above: "moka"))
            aboveGDSF.append(cell.margin(above: "GDSF"))
            aboveGDSFWithSiblings.append(cell.margin(above: "GDSF, siblings as uses"))
        }
        mostLooks = max(mostLooks, cell.looksPerEviction)
        mostPlaces = max(mostPlaces, cell.mostPlaces)
    }

    /// What is written to the report, by name.
    var figures: [String: Double] {
        [
            "worst_margin_points": Self.worst(larger),
            "worst_margin_points_1_percent": Self.worst(smallest),
            "mean_margin_points": Self.mean(all),
            "mean_byte_margin_points": Self.mean(bytes),
            "family_margin_moka_points": Self.worst(aboveMoka),
            "family_margin_gdsf_points": Self.worst(aboveGDSF),
            "family_margin_gdsf_siblings_points": Self.worst(aboveGDSFWithSiblings),
            "looks_per_eviction": mostLooks,
            "places_per_step": Double(mostPlaces),
        ]
    }

    static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }
    static func worst(_ values: [Double]) -> Double { values.min() ?? 0 }
}
