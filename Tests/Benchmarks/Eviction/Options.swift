// SPDX-License-Identifier: Apache-2.0

import TileCache

/// The command line of bench-eviction.
struct Options {
    private(set) var usesTuningTraces = false
    private(set) var usesScans = true
    private(set) var seed: UInt64
    private(set) var tuning = EvictionTuning()
    /// Whether this is the run that the figures are kept of.
    private(set) var isReport = true

    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    init(_ arguments: some Sequence<String>) throws {
        seed = TraceSets.reportSeed
        var givenSeed: UInt64?
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            isReport = false
            switch argument {
            case "--no-scans":
                usesScans = false
            case "--tuning":
                usesTuningTraces = true
            case "--seed":
                guard let seed = rest.popFirst().flatMap(UInt64.init) else {
                    throw Refusal(description: "--seed wants a whole number")
                }
                givenSeed = seed
            case "--set":
                try set(rest.popFirst() ?? "")
            default:
                throw Refusal(
                    description: "'\(argument)' is no option; --tuning, --seed N, --no-scans and --set name=value are"
                )
            }
        }
        seed = givenSeed ?? (usesTuningTraces ? TraceSets.tuningSeed : TraceSets.reportSeed)
    }

    private mutating func set(_ text: String) throws {
        let parts = text.split(separator: "=")
        guard parts.count == 2, let value = Double(parts[1]), value >= 0, value <= 100_000 else {
            throw Refusal(description: "--set wants name=value, not '\(text)'")
        }
        let whole = max(Int(value), 1)
        switch parts[0] {
        case "sampleSize": tuning.sampleSize = whole
        case "keptSize": tuning.keptSize = whole
        case "part": tuning.part = whole
        case "generationBudgets": tuning.generationBudgets = value
        case "turnTicks": tuning.turnTicks = whole
        case "lessonShare": tuning.lessonShare = value
        case "lessonEntries": tuning.lessonEntries = whole
        default: throw Refusal(description: "'\(parts[0])' is no number of EvictionTuning")
        }
    }
}
