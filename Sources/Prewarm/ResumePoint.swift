// SPDX-License-Identifier: Apache-2.0

internal import JSONText
internal import TileModel

/// What the file of `--resume` says: how far a run came. Pure: text to value and back.
///
/// It is written before each request begins, with the requests that are under way, so that a run that is killed at any
/// moment does at most one request twice for each worker.
struct ResumePoint: Equatable, Sendable {
    /// What is being warmed; a run that wants something else cannot go on from here.
    var purpose: String
    var position = WarmQueue.Position()
    /// Requests that were begun and have not ended: tileset by id, tile, levels.
    var open: [Open] = []
    /// Requests that have ended.
    var done = 0

    struct Open: Equatable, Sendable {
        let tileset: String
        let request: WarmRequest
    }

    static let maxFileBytes = 4 << 20

    var text: String {
        let tile = position.tile.map { Self.numbers($0) } ?? .null
        return JSONOutput.object([
            ("orizuru_prewarm", .integer(1)), ("purpose", .string(purpose)), ("done", .integer(done)),
            ("tileset", .integer(position.tileset)), ("after", tile),
            (
                "open",
                .array(
                    open.map {
                        .object([
                            ("tileset", .string($0.tileset)), ("tile", Self.numbers($0.request.tile)),
                            ("levels", .integer($0.request.levels)),
                        ])
                    }
                )
            ),
        ]).text + "\n"
    }

    private static func numbers(_ tile: TileCoordinate) -> JSONOutput {
        .array([.integer(tile.level), .integer(tile.x), .integer(tile.y)])
    }

    init(purpose: String) { self.purpose = purpose }

    /// Reads a file. Throws the reason, in words.
    init(reading bytes: [UInt8]) throws(ResumeFault) {
        let root: JSONNode
        do throws(JSONError) {
            root = try JSONReader.read(bytes, dialect: .json)
        } catch {
            throw ResumeFault(reason: "it is no resume file: \(error)")
        }
        guard root["orizuru_prewarm"]?.integer == 1, let purpose = root["purpose"]?.string,
            let done = root["done"]?.integer, done >= 0, let tileset = root["tileset"]?.integer, tileset >= 0,
            let open = root["open"]?.array, let after = root["after"]
        else { throw ResumeFault(reason: "it is no resume file, or of another version") }
        self.purpose = purpose
        self.done = done
        position = WarmQueue.Position(tileset: tileset)
        if after.value != .null { position.tile = try Self.tile(after) }
        for entry in open {
            guard let id = entry["tileset"]?.string, let levels = entry["levels"]?.integer, (1...3).contains(levels),
                let tile = entry["tile"]
            else { throw ResumeFault(reason: "line \(entry.line) names no request") }
            self.open.append(Open(tileset: id, request: WarmRequest(tile: try Self.tile(tile), levels: levels)))
        }
    }

    static func tile(_ node: JSONNode) throws(ResumeFault) -> TileCoordinate {
        let numbers = (node.array ?? []).compactMap(\.integer)
        guard numbers.count == 3, (0...30).contains(numbers[0]), (0..<1 << 31).contains(numbers[1]),
            (0..<1 << 31).contains(numbers[2])
        else { throw ResumeFault(reason: "line \(node.line) names no tile") }
        return TileCoordinate(level: numbers[0], x: numbers[1], y: numbers[2])
    }
}

/// Why a file of an earlier run cannot be used.
struct ResumeFault: Error, Equatable {
    let reason: String
}

/// The file of `--failed`: one JSON object a line for each request that failed for good.
enum FailureLines {
    static let maxFileBytes = 256 << 20

    static func line(_ item: WarmQueue.Item, reason: String) -> String {
        let tile = item.request.tile
        return JSONOutput.object([
            ("tileset", .string(item.tileset.id)),
            ("tile", .array([.integer(tile.level), .integer(tile.x), .integer(tile.y)])),
            ("levels", .integer(item.request.levels)), ("reason", .string(reason)),
        ]).text + "\n"
    }

    /// The requests of a file, each once, in its order.
    static func read(_ bytes: [UInt8]) throws(ResumeFault) -> [ResumePoint.Open] {
        var found: [ResumePoint.Open] = []
        var seen: Set<String> = []
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            let entry: JSONNode
            do throws(JSONError) {
                entry = try JSONReader.read(Array(line), dialect: .json)
            } catch {
                throw ResumeFault(reason: "line \(number + 1) is no line of --failed: \(error.reason)")
            }
            guard let id = entry["tileset"]?.string, let levels = entry["levels"]?.integer, (1...3).contains(levels),
                let tile = entry["tile"]
            else { throw ResumeFault(reason: "line \(number + 1) is no line of --failed") }
            let request = WarmRequest(tile: try ResumePoint.tile(tile), levels: levels)
            if seen.insert("\(id) \(request)").inserted {
                found.append(ResumePoint.Open(tileset: id, request: request))
            }
        }
        return found
    }
}
