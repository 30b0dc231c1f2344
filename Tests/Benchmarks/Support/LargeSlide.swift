// SPDX-License-Identifier: Apache-2.0

package import Foundation
import TestSupport

/// The slide that the traces were recorded over in size: made once, below `.build`.
package enum LargeSlide {
    /// How many copies there are where nothing else is said.
    package static let copies = 8
    /// How many families of 21 tiles it has.
    package static let families = 256

    /// A folder that holds the slide under `copies` names of their own, `slide-0` and so on, so that there is enough that
    /// is cold: hard links.
    package static func folder(copies: Int = copies) throws -> URL {
        let bench = SharedData.packageRoot.appending(path: ".build/bench")
        let folder = bench.appending(path: "slides-16384-\(copies)")
        let manager = FileManager.default
        if manager.fileExists(atPath: folder.path) { return folder }
        try manager.createDirectory(at: bench, withIntermediateDirectories: true)
        let sample = bench.appending(path: "sample-16384")
        if !manager.fileExists(atPath: sample.path) {
            print("making a slide of 16384 x 16384, once")
            let maker = try ServerProcess("orizuru", ["sample", "--size", "16384x16384", sample.path])
            guard maker.waitForExit(timeout: 1200) == 0 else { throw Failure(maker.errors) }
        }
        let unfinished = bench.appending(path: "slides-16384-\(copies).partial")
        try? manager.removeItem(at: unfinished)
        try manager.createDirectory(at: unfinished, withIntermediateDirectories: true)
        let slide = sample.appending(path: "tissue")
        for index in 0..<copies {
            try manager.linkTree(at: slide, to: unfinished.appending(path: "slide-\(index)"))
        }
        try manager.moveItem(at: unfinished, to: folder)
        return folder
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        package init(_ description: String) { self.description = description }
    }
}

extension FileManager {
    /// A folder's copy of hard links.
    fileprivate func linkTree(at source: URL, to target: URL) throws {
        try createDirectory(at: target, withIntermediateDirectories: true)
        for name in try contentsOfDirectory(atPath: source.path) {
            let (from, to) = (source.appending(path: name), target.appending(path: name))
            var isFolder: ObjCBool = false
            _ = unsafe fileExists(atPath: from.path, isDirectory: &isFolder)
            if isFolder.boolValue { try linkTree(at: from, to: to) } else { try linkItem(at: from, to: to) }
        }
    }
}
