// SPDX-License-Identifier: Apache-2.0

package import ImageCodecs
import TileModel

/// Builds a pyramid: one thread reads and halves, others encode and write.
///
/// From rows: the finest level's rows arrive once, from the top. `PlaneStream` makes the coarser levels of each plane;
/// where all planes of a row of tiles (or of families: four rows of tiles of the finest level, two of the next, one of
/// parents) are there, its jobs go to the pool. Memory is one such row that is being filled and at most `heldBytes` of
/// those that are being encoded, whatever the picture's height.
///
/// What is written goes into a folder `{output}.partial` with a journal; a build that was killed goes on: it reads and
/// halves again, for coarser levels need it, and leaves out the encoding of the rows that are done.
package struct PyramidBuild {
    let context: BuildContext
    /// Bytes of rows that wait for a thread or are being encoded; a single row may be larger.
    private static let heldBytes = 32 << 20
    /// Tiles of one job: enough that handing it over costs nothing.
    private static let tilesPerJob = 16

    /// What of a build is told to whoever watches it: says whether to go on.
    package typealias Watch = (BuildStatus) -> Bool

    /// Builds the pyramid of `source` as the folder `path`. `identity` tells one state of the input from another.
    package static func build(
        _ source: any RowSource,
        identity: UInt64,
        options: BuildOptions,
        to path: String,
        watch: Watch
    ) throws(BuildError) -> BuildSummary {
        let size = GridSize(width: source.width, height: source.height)
        guard let pyramid = Pyramid(deepZoom: size, tileSize: options.tileSize, overlap: 0) else {
            throw .unsuitable(size: size, reason: "1 to \(Pyramid.maxSide) pixels a side are accepted")
        }
        let held = rowBytes(width: size.width, source.subsampling, options)
        guard held <= options.maxHeldBytes else {
            throw .unsuitable(
                size: size,
                reason: "its rows of tiles take \(held) bytes of memory where \(options.maxHeldBytes) are allowed; "
                    + "allow more or take smaller tiles"
            )
        }
        let build = PyramidBuild(
            context: try BuildContext(
                pyramid: pyramid,
                source: source.subsampling,
                identity: identity,
                options: options,
                path: path
            )
        )
        let context = build.context
        return try build.run(watch) {
            let worker = BuildWorker(context)
            return { (job) throws(BuildError) in try worker.run(job) }
        } feed: { (pool) throws(BuildError) in
            try build.read(source, into: pool, watch)
        }
    }

    /// An upper bound of what rows take that are being filled and encoded: two rows of tiles or families with their
    /// coarser levels, and what is read at once. The width is at most `Pyramid.maxSide`, so nothing overflows.
    static func rowBytes(width: Int, _ source: ChromaSubsampling, _ options: BuildOptions) -> Int {
        let rows = 2 * options.tileSize * (options.isPlain ? 1 : 4) + 128
        let halves = source == .gray ? 2 : source == .quarter ? 3 : 6
        return width * rows * halves / 2 * 4 / 3
    }

    /// Runs a build: `feed` submits rows, `makeWorker` makes on each thread what does their jobs and returns the bytes
    /// that it wrote.
    func run(
        _ watch: Watch,
        makeWorker: @escaping @Sendable () -> (BuildJob) throws(BuildError) -> Int,
        feed: (BuildPool<BuildJob>) throws(BuildError) -> Void
    ) throws(BuildError) -> BuildSummary {
        let context = context
        try context.makeFolders()
        let pool = try BuildPool<BuildJob>(threads: context.options.threads) {
            let work = makeWorker()
            return { (job) throws(BuildError) in
                if let bytes = job.row.finishJob(bytes: try work(job)) {
                    try context.journal.note(job.row.name.description, bytes: bytes)
                    // Nobody else has a job of the row any more; the pool may hold on to the row itself.
                    job.row.clear()
                    job.row.whenDone?()
                }
            }
        }
        do throws(BuildError) {
            try feed(pool)
            try pool.finish { () throws(BuildError) in
                guard watch(context.status) else { throw .stopped }
            }
        } catch {
            pool.abandon()
            throw error
        }
        pool.close()
        try context.finish()
        return BuildSummary(
            size: context.pyramid.size,
            levels: context.pyramid.maxLevel + 1,
            status: context.status,
            hasResiduals: context.hasResiduals
        )
    }

    /// Submits the jobs of a row, unless an earlier build has done them.
    func submit(_ row: BuildRow, to pool: BuildPool<BuildJob>) throws(BuildError) {
        if context.isDone(row.name) { return }
        let columns: Int
        let step: Int
        switch row.name {
        case .tiles(let level, _): (columns, step) = (context.pyramid.grid(ofLevel: level).width, Self.tilesPerJob)
        case .families: (columns, step) = (context.pyramid.grid(ofLevel: context.parentLevel).width, 1)
        }
        let jobs = stride(from: 0, to: columns, by: step).map { first in
            BuildJob(row: row, columns: first..<min(first + step, columns))
        }
        row.setJobs(jobs.count)
        let bytes = row.heldBytes
        row.whenDone = { pool.release(bytes: bytes) }
        try pool.submit(jobs, bytes: bytes, limit: Self.heldBytes)
    }

    /// Reads all rows, and submits each row of tiles or families when its planes are complete.
    private func read(
        _ source: any RowSource,
        into pool: BuildPool<BuildJob>,
        _ watch: Watch
    ) throws(BuildError) {
        var assembly = RowAssembly(context, source: source.subsampling)
        let streams = assembly.streams()
        let pyramid = context.pyramid
        // Where rows stay as they are, whole bands can be windows of them.
        let chunk = source.keepsRows ? pyramid.tileSize * (context.hasResiduals ? 4 : 1) : 64
        var row = 0
        while row < pyramid.size.height {
            guard watch(context.status) else { throw .stopped }
            let picture: PlanarPicture
            do {
                picture = try source.read(chunk)
            } catch {
                throw .input(path: "the picture, row \(row) and below", reason: error.description)
            }
            row += picture.luma.height
            var complete: [BuildRow] = []
            let planes = [picture.luma] + (picture.chroma.map { [$0.blue, $0.red] } ?? [])
            precondition(planes.count == streams.count, "\(planes.count) planes of a \(source.subsampling) picture")
            for (number, plane) in planes.enumerated() {
                try streams[number].push(plane, keepsRows: source.keepsRows) { (level, index, band) in
                    complete += assembly.add(number, level, index, band)
                }
            }
            for row in complete { try submit(row, to: pool) }
        }
    }
}
