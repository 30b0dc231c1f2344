// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The sample slide under many names: a folder of slides whose files are links, for tests that need many cold families.
package enum CopiedSlides {
    /// The families of one slide: parents at level 10 in 3 columns and 3 rows.
    package static let familiesPerSlide = 9

    /// Makes `count` slides `s0`, `s1`, ... in a folder and returns its path.
    package static func make(_ count: Int, in directory: TemporaryDirectory) throws -> String {
        let sample = SharedData.packageRoot.appending(path: "tiles-sample/tissue")
        let manager = FileManager.default
        let folder = try directory.makeFolder("slides")
        for index in 0..<count {
            let slide = try directory.makeFolder("slides/s\(index)")
            for name in try manager.contentsOfDirectory(atPath: sample.path) {
                try manager.createSymbolicLink(
                    atPath: "\(slide)/\(name)",
                    withDestinationPath: sample.appending(path: name).path
                )
            }
        }
        return folder
    }

    /// The path of a child of family `number`, counted over all slides. `child` is 0 or 1: the lower row is not always there.
    package static func path(family number: Int, child: Int = 0) -> String {
        let slide = number / familiesPerSlide
        let place = number % familiesPerSlide
        return "/dzi/s\(slide)_files/11/\(place % 3 * 2 + child)_\(place / 3 * 2).jpg"
    }
}
