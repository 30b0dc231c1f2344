// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import Synchronization
import TestSupport
import TileModel

/// The finest tiles of a slide that is far larger than the server's memory: each is cold when it is asked for again.
///
/// They come by passes over all families, another tile of each in each pass. So a family comes again when all others have
/// been made since, and a tile when all tiles have; the same tile of each family in every pass would stay in memory.
struct ColdTiles: Sendable {
    let paths: [String]

    /// The slide `id`, whose size is given.
    init?(id: String, size: GridSize) {
        guard let pyramid = Pyramid(deepZoom: size, tileSize: 256, overlap: 0) else { return nil }
        let grid = pyramid.grid(ofLevel: pyramid.maxLevel)
        var paths: [String] = []
        for member in 0..<16 {
            for top in stride(from: 0, to: grid.height, by: 4) {
                for left in stride(from: 0, to: grid.width, by: 4) {
                    let (x, y) = (left + member % 4, top + member / 4)
                    guard x < grid.width, y < grid.height else { continue }
                    paths.append("/dzi/\(id)_files/\(pyramid.maxLevel)/\(x)_\(y).jpg")
                }
            }
        }
        self.paths = paths
    }
}

/// Clients that ask for cold tiles without a pause, so that every worker has something to render.
final class ColdLoad: Sendable {
    private let isOver = Atomic<Bool>(false)
    private let next = Atomic<Int>(0)
    private let rendered = Atomic<Int>(0)
    private let others = Atomic<Int>(0)
    private let threads = Lock<[OSThread]>([])

    init(port: UInt16, clients: Int, tiles: ColdTiles) throws {
        for index in 0..<clients {
            let thread = try OSThread(name: "cold-\(index)") { [self] in
                guard let client = try? HTTPClient(port: port) else { return }
                while !isOver.load(ordering: .relaxed) {
                    let number = next.wrappingAdd(1, ordering: .relaxed).newValue
                    guard (try? client.request(tiles.paths[number % tiles.paths.count])) != nil,
                        let answer = try? client.readAnswer()
                    else { return }
                    let wasRendered = answer.status == 200 && answer["cache-status"]?.contains("detail=render") == true
                    if wasRendered {
                        rendered.wrappingAdd(1, ordering: .relaxed)
                    } else {
                        others.wrappingAdd(1, ordering: .relaxed)
                    }
                }
            }
            threads.withLock { $0.append(thread) }
        }
    }

    /// Ends it and tells how many tiles were rendered for it, and how many answers were none of these.
    func stop() -> (rendered: Int, others: Int) {
        isOver.store(true, ordering: .relaxed)
        for thread in threads.withLock({ $0 }) { thread.join() }
        return (rendered.load(ordering: .relaxed), others.load(ordering: .relaxed))
    }
}
