// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import TileModel

/// What recorded viewers asked for, over a slide of 16384 x 16384.
struct Trace {
    struct Request {
        /// Seconds since the first.
        let time: Double
        let tile: TileCoordinate
    }

    let viewer: String
    let requests: [Request]
    /// Whether it is asked for by the Deep Zoom URLs, otherwise by the XYZ ones.
    let isDeepZoom: Bool

    /// The level of the parents, below which tiles are rendered.
    static let parentLevel = 12

    /// All that were recorded. Throws where the shared data is absent.
    static func all() throws -> [Trace] {
        struct Line: Decodable {
            let t: Double
            let level: Int
            let x: Int
            let y: Int
        }
        return try [("openseadragon", "osd", 0), ("maplibre", "maplibre", 8), ("leaflet", "leaflet", 8)].map {
            viewer,
            file,
            levelsAdded in
            let text = String(decoding: try SharedData.bytes("traces/\(file)-explore-15ms.jsonl"), as: UTF8.self)
            let requests = try text.split(separator: "\n").map { text in
                let line = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
                let tile = TileCoordinate(level: line.level + levelsAdded, x: line.x, y: line.y)
                return Request(time: line.t, tile: tile)
            }
            return Trace(viewer: viewer, requests: requests, isDeepZoom: levelsAdded == 0)
        }
    }

    func url(_ request: Request, tileset: String) -> String {
        let (level, x, y) = (request.tile.level, request.tile.x, request.tile.y)
        return isDeepZoom ? "/dzi/\(tileset)_files/\(level)/\(x)_\(y).jpg" : "/tiles/\(tileset)/\(level)/\(x)/\(y).jpg"
    }
}

/// The slide that the traces were recorded over in size: made once, below `.build`.
enum LargeSlide {
    /// How many copies are served under names of their own, so that there is enough that is cold.
    static let copies = 8

    /// The folder that holds `copies` slides, `slide-0` and so on; hard links but for the first.
    static func folder() throws -> URL {
        let bench = SharedData.packageRoot.appending(path: ".build/bench")
        let folder = bench.appending(path: "slides-16384")
        let manager = FileManager.default
        if manager.fileExists(atPath: folder.path) { return folder }
        try manager.createDirectory(at: bench, withIntermediateDirectories: true)
        let sample = bench.appending(path: "sample-16384")
        if !manager.fileExists(atPath: sample.path) {
            print("making a slide of 16384 x 16384, once")
            let maker = try ServerProcess("orizuru", ["sample", "--size", "16384x16384", sample.path])
            guard maker.waitForExit(timeout: 1200) == 0 else { throw Failure(maker.errors) }
        }
        let unfinished = bench.appending(path: "slides-16384.partial")
        try? manager.removeItem(at: unfinished)
        try manager.createDirectory(at: unfinished, withIntermediateDirectories: true)
        let slide = sample.appending(path: "tissue")
        for index in 0..<copies {
            try manager.linkTree(at: slide, to: unfinished.appending(path: "slide-\(index)"))
        }
        try manager.moveItem(at: unfinished, to: folder)
        return folder
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
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
