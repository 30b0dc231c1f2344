// SPDX-License-Identifier: Apache-2.0

import DiskTier

/// `orizuru inspect FOLDER` for a folder of the disk tier.
enum TileFolderInspection {
    /// Whether the path is such a folder.
    static func recognizes(_ path: String) -> Bool { DiskTier.isTileFolder(path) }

    /// Prints what is in it; `verifies` compares every tile with its checksum. Exit code: 0 sound, as far as was looked; 1 not,
    /// or it cannot be read. Changes nothing, also while a server uses the folder.
    static func run(_ path: String, verifies: Bool) -> Int32 {
        do throws(DiskTierError) {
            let report = try DiskTier.inspect(path, verify: verifies)
            Output.write(report.lines.joined(separator: "\n") + "\n", to: .standardOutput)
            return report.isSound ? 0 : 1
        } catch {
            Output.write("orizuru: \(error)\n", to: .standardError)
            return 1
        }
    }
}
