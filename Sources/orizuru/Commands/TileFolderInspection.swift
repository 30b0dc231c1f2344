// SPDX-License-Identifier: Apache-2.0

import DiskTier
import JSONText

/// `orizuru inspect FOLDER` for a folder of the disk tier.
enum TileFolderInspection {
    /// Whether the path is such a folder.
    static func recognizes(_ path: String) -> Bool { DiskTier.isTileFolder(path) }

    /// Prints what is in it, as JSON where that is asked; `verifies` compares every tile with its checksum. Exit code: 0
    /// sound, as far as was looked; 1 not, or it cannot be read. Changes nothing, also while a server uses the folder.
    static func run(_ path: String, verifies: Bool, asJSON: Bool) -> Int32 {
        do throws(DiskTierError) {
            let report = try DiskTier.inspect(path, verify: verifies)
            let text = asJSON ? json(report).text : report.lines.joined(separator: "\n")
            Output.write(text + "\n", to: .standardOutput)
            return report.isSound ? 0 : 1
        } catch {
            Output.write("orizuru: \(error)\n", to: .standardError)
            return 1
        }
    }

    private static func json(_ report: DiskReport) -> JSONOutput {
        let files = report.files.map { file in
            JSONOutput.object([
                ("name", .string(file.name)), ("bytes", .integer(file.byteCount)), ("tiles", .integer(file.tiles)),
                ("tile_bytes", .integer(file.bodyBytes)), ("deletions", .integer(file.deletions)),
                ("damaged_tiles", .integer(file.damagedTiles)), ("has_hint", .bool(file.hasHint)),
                ("fault", JSONOutput(file.fault)),
            ])
        }
        let faults = report.files.count { $0.fault != nil } + report.damagedTiles
        return .object([
            ("form", .string("cache")), ("bytes", .integer(report.byteCount)), ("tiles", .integer(report.tiles)),
            ("editions", .integer(report.editions.count)), ("verified", .bool(report.isVerified)),
            ("fault_count", .integer(faults)), ("files", .array(files)),
        ])
    }
}
