// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockFree
import Synchronization
import TestSupport
import TileModel

/// The finest tiles of a slide that is far larger than the server's memory: each is cold when it is asked for again.
struct ColdTiles: Sendable {
    let paths: [String]

    /// One tile of each family of the slide `id`, whose size is given.
    init?(id: String, size: GridSize) {
        guard let pyramid = Pyramid(deepZoom: size, tileSize: 256, overlap: 0) else { return nil }
        let grid = pyramid.grid(ofLevel: pyramid.maxLevel)
        var paths: [String] = []
        for y in stride(from: 0, to: grid.height, by: 4) {
            for x in stride(from: 0, to: grid.width, by: 4) {
                paths.append("/dzi/\(id)_files/\(pyramid.maxLevel)/\(x)_\(y).jpg")
            }
        }
        self.paths = paths
    }
}

/// Clients that ask for cold tiles without a pause, so that every worker has something to render.
final class ColdLoad: Sendable {
    private let isOver = Atomic<Bool>(false)
    private let next = Atomic<Int>(0)
    private let answered = Atomic<Int>(0)
    private let threads = Lock<[OSThread]>([])

    init(port: UInt16, clients: Int, tiles: ColdTiles) throws {
        for index in 0..<clients {
            let thread = try OSThread(name: "cold-\(index)") { [self] in
                guard let client = try? HTTPClient(port: port) else { return }
                while !isOver.load(ordering: .relaxed) {
                    let number = next.wrappingAdd(1, ordering: .relaxed).newValue
                    guard (try? client.request(tiles.paths[number % tiles.paths.count])) != nil,
                        (try? client.readAnswer()) != nil
                    else { return }
                    answered.wrappingAdd(1, ordering: .relaxed)
                }
            }
            threads.withLock { $0.append(thread) }
        }
    }

    /// Ends it and tells how many tiles were answered.
    func stop() -> Int {
        isOver.store(true, ordering: .relaxed)
        for thread in threads.withLock({ $0 }) { thread.join() }
        return answered.load(ordering: .relaxed)
    }
}
