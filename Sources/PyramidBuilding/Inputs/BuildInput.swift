// SPDX-License-Identifier: Apache-2.0

import Glibc
package import ImageCodecs
package import Telemetry
import TileModel
package import TileSources

/// What is built from.
package struct BuildInput {
    /// How it is read.
    package enum Contents {
        case rows(any RowSource)
        case tileset(any TileSource)
    }

    package let contents: Contents
    /// What it says of itself.
    package var description: BuildDescription
    /// Tells one state of the input from another.
    package let identity: UInt64
    /// What it is, for people: `PNG, 300x200 pixels`.
    package let summary: String
}

/// A format of pictures that an optional module reads.
package struct PictureForm: Sendable {
    /// For people: `TIFF`.
    package let name: String
    /// Whether a file is of it, by its path and first bytes.
    package let recognizes: @Sendable (_ path: String, _ head: [UInt8]) -> Bool
    package let open: @Sendable (_ path: String) throws(CodecError) -> any DescribedRows

    package init(
        name: String,
        recognizes: @escaping @Sendable (_ path: String, _ head: [UInt8]) -> Bool,
        open: @escaping @Sendable (_ path: String) throws(CodecError) -> any DescribedRows
    ) {
        self.name = name
        self.recognizes = recognizes
        self.open = open
    }
}

/// How inputs are opened: what may be held, and what optional modules add.
package struct BuildInputForms: Sendable {
    /// The most bytes that a picture may take that cannot be read by rows.
    package var maxHeldBytes = 2 << 30
    /// Reads a JPEG by rows; nil where it can only be held as planes.
    package var jpegRows: (@Sendable (_ descriptor: Int32, _ maxHeldBytes: Int) throws(CodecError) -> any RowSource)?
    /// Pictures of other formats.
    package var pictures: [PictureForm] = []
    /// The forms of tilesets.
    package var recognizers = SourceRecognizer.core
    /// What optional forms are not built in, for messages.
    package var absent: [String] = []

    package init() {}
}

extension BuildInput {
    /// Opens what `path` is: a PNG or JPEG by its first bytes, else a tileset by its name.
    package init(path: String, forms: BuildInputForms, logger: Logger) throws(BuildError) {
        let file = try InputFile(path)
        let title = Self.title(path)
        if !file.isFolder, let rows = try Self.rows(file, forms) {
            contents = .rows(rows.source)
            description = BuildDescription(title: title)
            if let facts = (rows.source as? any DescribedRows)?.facts {
                description.micronsPerPixel = facts.micronsPerPixel
                description.objectivePower = facts.objectivePower
                description.vendor = facts.vendor
            }
            identity = file.identity
            summary = "\(rows.form), \(rows.source.width)x\(rows.source.height) pixels"
            return
        }
        do {
            let source = try openSource(path, logger: logger, recognizers: forms.recognizers)
            contents = .tileset(source)
            let info = source.info
            description = BuildDescription(title: info.title, attribution: info.attribution)
            description.micronsPerPixel = info.micronsPerPixel
            description.objectivePower = info.objectivePower
            description.vendor = info.vendor
            identity = info.version.hash
            summary = "\(info.form), \(info.pyramid.size) pixels"
        } catch {
            var reason = error.description
            if case .notRecognised = error {
                reason = "neither a PNG nor a JPEG, nor a tileset"
                if !forms.absent.isEmpty { reason += " (not built in: \(forms.absent.joined(separator: ", ")))" }
            }
            throw .input(path: path, reason: reason)
        }
    }

    private static func rows(
        _ file: InputFile,
        _ forms: BuildInputForms
    ) throws(BuildError) -> (source: any RowSource, form: String)? {
        do throws(CodecError) {
            switch file.head {
            case let head where head.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]):
                let source = try PNGRows(descriptor: file.descriptor, maxHeldBytes: forms.maxHeldBytes)
                return (OpenRows(source, file), "PNG")
            case let head where head.starts(with: [0xFF, 0xD8, 0xFF]):
                if let jpegRows = forms.jpegRows {
                    return (OpenRows(try jpegRows(file.descriptor, forms.maxHeldBytes), file), "JPEG")
                }
                return (try heldJPEG(file, forms.maxHeldBytes), "JPEG")
            default: return try picture(file, forms)
            }
        } catch {
            throw .input(path: file.path, reason: error.description)
        }
    }

    /// What the first of the optional forms gives that knows the file and can read it: where one refuses, such as
    /// libtiff a compression, the next may not. Nil where none knows it.
    private static func picture(
        _ file: InputFile,
        _ forms: BuildInputForms
    ) throws(CodecError) -> (source: any RowSource, form: String)? {
        var refusal: CodecError?
        for form in forms.pictures where form.recognizes(file.path, file.head) {
            do throws(CodecError) {
                return (try form.open(file.path), form.name)
            } catch {
                refusal = refusal ?? error
            }
        }
        if let refusal { throw refusal }
        return nil
    }

    /// A JPEG as planes. The file is mapped while it is decoded, so that its bytes take no memory beside the planes:
    /// whoever builds must be ready for SIGBUS, should somebody cut the file short meanwhile.
    private static func heldJPEG(_ file: InputFile, _ limit: Int) throws(CodecError) -> any RowSource {
        let decoder = JPEGDecoder()
        return try unsafe file.withMapping { raw throws(CodecError) in
            let header = try unsafe decoder.header(of: raw, limits: ImageLimits(maxPixels: 1 << 40))
            let held = unsafe JPEGDecoder.planarBytes(of: header, in: raw)
            guard held <= limit else {
                let what = "a picture of \(header.width)x\(header.height) (the trait JPEGRows reads it by rows)"
                throw .tooLargeToHold(.jpeg, what: what, bytes: held, limit: limit)
            }
            return try unsafe decoder.decodePlanar(raw, header: header)
        }
    }

    private static func title(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
        return String(name[..<dot])
    }
}

/// An input's file, open for reading.
final class InputFile {
    let path: String
    let descriptor: Int32
    let size: Int
    let isFolder: Bool
    /// The first bytes.
    let head: [UInt8]
    let identity: UInt64

    init(_ path: String) throws(BuildError) {
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            let code = errno
            throw .input(path: path, reason: code == ENOENT ? "no such file or folder" : Self.text(ofCode: code))
        }
        var status = stat()
        // SAFETY: fstat writes one `stat` into a local of that type.
        guard unsafe fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw .input(path: path, reason: Self.text(ofCode: code))
        }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFDIR else {
            close(descriptor)
            throw .input(path: path, reason: "neither a file nor a folder")
        }
        isFolder = kind == S_IFDIR
        size = Int(status.st_size)
        var hash = StableHash()
        hash.combine(size)
        hash.combine(Int(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int(status.st_mtim.tv_nsec))
        hash.combine(Int(truncatingIfNeeded: status.st_ino))
        identity = hash.value
        var bytes = [UInt8](repeating: 0, count: 16)
        // SAFETY: the buffer is the array's own, alive for the call.
        let opened = descriptor
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe pread(opened, buffer.baseAddress, buffer.count, 0)
        }
        head = Array(bytes.prefix(max(count, 0)))
    }

    deinit { close(descriptor) }

    /// Calls `body` with the whole file, mapped.
    func withMapping<Value>(
        _ body: (UnsafeRawBufferPointer) throws(CodecError) -> Value
    ) throws(CodecError) -> Value {
        guard size > 0, let start = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0),
            unsafe start != MAP_FAILED
        else { throw .unreadable(reason: Self.text(ofCode: size > 0 ? errno : EIO)) }
        // SAFETY: mapped above with this size, and unmapped once, when nobody reads it any more.
        defer { unsafe munmap(start, size) }
        _ = unsafe madvise(start, size, MADV_SEQUENTIAL)
        return try unsafe body(UnsafeRawBufferPointer(start: start, count: size))
    }

    /// A part of the file; shorter where the file ends before.
    func contents(_ range: Range<Int>) throws(CodecError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, initialized in
            while initialized < range.count {
                // SAFETY: from `initialized` on the buffer has `range.count - initialized` bytes.
                let count = unsafe pread(
                    descriptor,
                    buffer.baseAddress! + initialized,
                    range.count - initialized,
                    off_t(range.lowerBound + initialized)
                )
                if count < 0, errno == EINTR { continue }
                if count < 0 { failure = errno }
                guard count > 0 else { break }
                initialized += count
            }
        }
        guard failure == 0 else { throw .unreadable(reason: Self.text(ofCode: failure)) }
        return bytes
    }

    private static func text(ofCode code: Int32) -> String {
        switch code {
        case EACCES: "permission denied"
        case EIO: "input/output error"
        case EMFILE, ENFILE: "too many open files"
        default: "error \(code)"
        }
    }
}

/// Keeps a file open as long as its rows are read.
private final class OpenRows: RowSource {
    private let source: any RowSource
    private let file: InputFile

    init(_ source: any RowSource, _ file: InputFile) {
        self.source = source
        self.file = file
    }

    var width: Int { source.width }
    var height: Int { source.height }
    var subsampling: ChromaSubsampling { source.subsampling }
    var keepsRows: Bool { source.keepsRows }

    func read(_ count: Int) throws(CodecError) -> PlanarPicture { try source.read(count) }
}
