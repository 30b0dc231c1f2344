// SPDX-License-Identifier: Apache-2.0

internal import TileModel

/// The files of a run: how far it came (`--resume`), what failed (`--failed`), and what of an earlier run is to be tried
/// again (`--retry-failed`).
///
/// Thread rule: its calls come one at a time, under the board's lock.
final class WarmJournal: Sendable {
    /// What the run does.
    let queue: WarmQueue
    /// Requests that an earlier run had ended.
    let doneEarlier: Int
    private let purpose: String
    private let resumeFile: String?
    private let failedFile: String?

    /// Reads the files of earlier runs.
    init(_ options: PrewarmOptions, _ tilesets: [WarmTileset]) throws(PrewarmError) {
        resumeFile = options.resumeFile
        failedFile = options.failedFile
        let purpose = Self.purpose(options, tilesets)
        self.purpose = purpose
        if let path = options.retryFile {
            guard let bytes = try WarmFile.read(path, maxBytes: FailureLines.maxFileBytes) else {
                throw .file(path: path, reason: "there is no such file; --failed writes one")
            }
            let lines = try Self.checked(path) { () throws(ResumeFault) in try FailureLines.read(bytes) }
            queue = WarmQueue(try Self.items(lines, tilesets, path))
            doneEarlier = 0
            // What fails again is written anew.
            if path == failedFile { try WarmFile.replace(path, with: "") }
            return
        }
        guard let path = resumeFile, let bytes = try WarmFile.read(path, maxBytes: ResumePoint.maxFileBytes) else {
            queue = WarmQueue(tilesets, options.part)
            doneEarlier = 0
            return
        }
        let point = try Self.checked(path) { () throws(ResumeFault) in try ResumePoint(reading: bytes) }
        guard point.purpose == purpose else {
            throw .file(
                path: path,
                reason: """
                    it belongs to a run of something else: another server, other tilesets, levels or regions, or a tileset \
                    that has changed since; remove it to begin anew
                    """
            )
        }
        guard Self.isPlace(point.position, in: tilesets) else {
            throw .file(path: path, reason: "it goes on at a tile that is not there; remove it to begin anew")
        }
        let queue = WarmQueue(
            tilesets,
            options.part,
            after: point.position,
            first: try Self.items(point.open, tilesets, path)
        )
        guard point.done <= queue.total else {
            throw .file(
                path: path,
                reason: "it says that \(point.done) of \(queue.total) requests are done; remove it to begin anew"
            )
        }
        self.queue = queue
        doneEarlier = point.done
    }

    private static func isPlace(_ place: WarmQueue.Position, in tilesets: [WarmTileset]) -> Bool {
        guard let tile = place.tile else { return place.tileset <= tilesets.count }
        return place.tileset < tilesets.count && tilesets[place.tileset].pyramid.contains(tile)
    }

    /// What tells one run's work from another's: the server, the tilesets with their versions (which stand in their URLs),
    /// and what is wanted of them.
    private static func purpose(_ options: PrewarmOptions, _ tilesets: [WarmTileset]) -> String {
        var hash = StableHash()
        for tileset in tilesets {
            hash.combine(tileset.id)
            hash.combine(tileset.template.description)
            hash.combine("\(tileset.pyramid)")
        }
        hash.combine("\(options.part)")
        return "\(options.name ?? options.endpoint.description) \(hexadecimal(hash.value))"
    }

    private static func items(
        _ open: [ResumePoint.Open],
        _ tilesets: [WarmTileset],
        _ path: String
    ) throws(PrewarmError) -> [WarmQueue.Item] {
        var items: [WarmQueue.Item] = []
        for entry in open {
            guard let tileset = tilesets.first(where: { $0.id == entry.tileset }) else {
                throw .file(path: path, reason: "it names the tileset \(entry.tileset), which the server does not have")
            }
            guard tileset.pyramid.contains(entry.request.tile) else {
                throw .file(path: path, reason: "it names a tile that \(entry.tileset) does not have")
            }
            items.append(WarmQueue.Item(tileset: tileset, request: entry.request))
        }
        return items
    }

    private static func checked<Result>(
        _ path: String,
        _ body: () throws(ResumeFault) -> Result
    ) throws(PrewarmError) -> Result {
        do throws(ResumeFault) {
            return try body()
        } catch {
            throw .file(path: path, reason: error.reason)
        }
    }

    /// Writes how far the run came.
    func note(position: WarmQueue.Position, open: [WarmQueue.Item], done: Int) throws(PrewarmError) {
        guard let resumeFile else { return }
        var point = ResumePoint(purpose: purpose)
        point.position = position
        point.open = open.map { ResumePoint.Open(tileset: $0.tileset.id, request: $0.request) }
        point.done = done
        try WarmFile.replace(resumeFile, with: point.text)
    }

    /// Adds a line to the file of failures.
    func noteFailure(_ item: WarmQueue.Item, reason: String) throws(PrewarmError) {
        guard let failedFile else { return }
        try WarmFile.append(FailureLines.line(item, reason: reason), to: failedFile)
    }

    /// All is done: there is nothing to go on with.
    func finish() {
        if let resumeFile { WarmFile.remove(resumeFile) }
    }
}
