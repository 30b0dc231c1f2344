// SPDX-License-Identifier: Apache-2.0

import Foundation
import ImageCodecs
import Telemetry
import TestSupport
import Testing
import TileModel

@testable import TileSources

@Suite("What a folder of map tiles holds")
struct FolderPresenceTests {
    private static func tile() throws -> [UInt8] {
        try PNGCodec.encode(RasterImage(width: 8, height: 8, filledWith: [1, 2, 3]))
    }

    /// A map with a hole for each tile whose column and row are both odd.
    private func sparse() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        for x in 0..<8 {
            for y in 0..<8 where x & y & 1 == 0 { try directory.write("m/3/\(x)/\(y).png", Self.tile()) }
        }
        return directory
    }

    private func waitUntilKnown(_ presence: FolderPresence) -> Bool { eventually { presence.isKnown } }

    @Test("what is there is never denied, and most of what is not there is")
    func presence() throws {
        let directory = try sparse()
        let presence = FolderPresence(folder: directory.path("m"), logger: .silent)
        try #require(waitUntilKnown(presence))
        var denied = 0
        for x in 0..<8 {
            for y in 0..<8 {
                let answer = presence.mayHold(level: 3, column: x, row: y)
                if x & y & 1 == 0 { #expect(answer) } else if !answer { denied += 1 }
            }
        }
        #expect(denied >= 14)
        #expect((0..<1000).count { !presence.mayHold(level: 4, column: $0, row: 3) } > 980)
    }

    @Test("a tile that comes later is found at once, whatever way it comes")
    func laterTiles() throws {
        let ways: [(String, (TemporaryDirectory) throws -> Void)] = [
            ("written", { try $0.write("m/3/1/1.png", Self.tile()) }),
            (
                "moved",
                {
                    let path = try $0.write("other.png", Self.tile())
                    try FileManager.default.moveItem(atPath: path, toPath: $0.path("m/3/1/1.png"))
                }
            ),
            (
                "linked",
                {
                    let path = try $0.write("other.png", Self.tile())
                    try FileManager.default.createSymbolicLink(
                        atPath: $0.path("m/3/1/1.png"),
                        withDestinationPath: path
                    )
                }
            ),
            (
                "with its column",
                {
                    try $0.write("column/1.png", Self.tile())
                    try FileManager.default.removeItem(atPath: $0.path("m/3/1"))
                    try FileManager.default.moveItem(atPath: $0.path("column"), toPath: $0.path("m/3/1"))
                }
            ),
            (
                "with its level",
                {
                    try $0.write("level/1/1.png", Self.tile())
                    try FileManager.default.moveItem(atPath: $0.path("m/3"), toPath: $0.path("old"))
                    try FileManager.default.moveItem(atPath: $0.path("level"), toPath: $0.path("m/3"))
                }
            ),
        ]
        for (name, come) in ways {
            let directory = try sparse()
            let source = try MapFolder(folder: directory.path("m"), logger: .silent)
            let presence = FolderPresence(folder: directory.path("m"), logger: .silent)
            try #require(waitUntilKnown(presence))
            let hole = TileCoordinate(level: 3, x: 1, y: 1)
            let buffer = TileBuffer()
            #expect(throws: SourceError.missing(hole)) { try source.readTile(hole, into: buffer) }
            #expect(!presence.mayHold(level: 3, column: 1, row: 1), "\(name)")
            try come(directory)
            #expect(presence.mayHold(level: 3, column: 1, row: 1), "\(name)")
            #expect(try source.readTile(hole, into: buffer).format == .png, "\(name)")
        }
    }

    @Test("a folder that is a link to another one is noticed within two seconds")
    func replacedLink() throws {
        let directory = try sparse()
        try directory.write("n/3/1/1.png", Self.tile())
        let link = directory.path("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: directory.path("m"))
        let presence = FolderPresence(folder: link, logger: .silent)
        try #require(waitUntilKnown(presence))
        #expect(!presence.mayHold(level: 3, column: 1, row: 1))
        try FileManager.default.removeItem(atPath: link)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: directory.path("n"))
        #expect(eventually { presence.mayHold(level: 3, column: 1, row: 1) })
    }

    @Test("a folder that changed is listed again, and then holes are holes again")
    func listedAgain() throws {
        let directory = try sparse()
        let presence = FolderPresence(folder: directory.path("m"), logger: .silent)
        try #require(waitUntilKnown(presence))
        try directory.write("m/3/1/1.png", Self.tile())
        #expect(presence.mayHold(level: 3, column: 1, row: 1))
        #expect(presence.mayHold(level: 3, column: 3, row: 3), "nothing is denied before it is listed again")
        #expect(eventually { !presence.mayHold(level: 3, column: 3, row: 3) })
        #expect(presence.mayHold(level: 3, column: 1, row: 1))
    }

    @Test("a hole costs no file access once the folder is known")
    func noFileAccess() throws {
        let directory = try sparse()
        let source = try MapFolder(folder: directory.path("m"), logger: .silent)
        let hole = TileCoordinate(level: 3, x: 3, y: 5)
        let buffer = TileBuffer()
        let before = PresenceCounts.absent.value
        let isKnown = eventually {
            #expect(throws: SourceError.missing(hole)) { try source.readTile(hole, into: buffer) }
            return PresenceCounts.absent.value > before
        }
        #expect(isKnown)
    }

    @Test("a folder that cannot be listed whole denies nothing")
    func unlistable() throws {
        let directory = try sparse()
        try FileManager.default.createSymbolicLink(
            atPath: directory.path("m/3/99"),
            withDestinationPath: directory.path("nowhere")
        )
        let presence = FolderPresence(folder: directory.path("m"), logger: .silent)
        usleep(300_000)
        #expect(!presence.isKnown)
        #expect(presence.mayHold(level: 3, column: 1, row: 1))
        let gone = FolderPresence(folder: directory.path("nothing"), logger: .silent)
        #expect(gone.mayHold(level: 0, column: 0, row: 0))
    }
}
