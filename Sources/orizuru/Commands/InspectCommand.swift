// SPDX-License-Identifier: Apache-2.0

import Glibc
import JSONText
import PyramidBuilding
import Telemetry
import TileModel
import TileSources

/// The command `inspect`: what a slide, a pack, a bundle or a folder holds, whether it is sound, and how good it is.
enum InspectCommand {
    static let command = CommandSpec(
        name: "inspect",
        purpose: "Show what a slide, pack or folder holds, and check it.",
        discussion: [
            """
            PATH is a slide, a .dzi, a folder of map tiles, a .pack or .bundle of residuals, or the cache folder of a \
            server. Every file is read; checksums of packs are always compared, those of cached tiles with --verify.
            """,
            """
            Exit code: 0 it is sound, as far as was looked; 1 something is damaged or missing, or it cannot be read; \
            2 the command line was wrong.
            """,
        ],
        positionals: [PositionalSpec("PATH", help: "What to look at.")],
        options: [
            OptionSpec("verify", help: "Decode every tile and residual, and compare sizes with their places."),
            OptionSpec(
                "compare",
                "IMAGE",
                help: """
                    Compare every level with a picture or tileset of the same size: PSNR of luma and of RGB, SSIM of \
                    luma. A pyramid of the same tiles is compared level by level, another picture is halved as build \
                    halves.
                    """
            ),
            OptionSpec(
                "quality",
                "Q",
                help: "With --compare: the JPEG quality at which residuals are rendered, 1 to 100.",
                defaultText: "95"
            ),
            OptionSpec("json", help: "Print one JSON object."),
        ],
        examples: [
            ExampleSpec("orizuru inspect slides/liver", says: "Levels, tiles, bytes"),
            ExampleSpec("orizuru inspect --verify slides/liver", says: "Is all of it readable?"),
            ExampleSpec("orizuru inspect --compare liver.png slides/liver", says: "What did the residuals lose?"),
        ]
    )

    /// Inspects. Exit code: 0 sound, 1 not.
    static func run(_ command: ParsedCommand) throws(UsageError) -> Int32 {
        let path = command.positionals[0]
        var quality = 95
        if let text = command.value("quality") {
            guard let value = Int(text), (1...100).contains(value) else {
                throw UsageError(
                    message: "--quality: \(CommandLineParser.quoted(text)) is not a whole number from 1 to 100",
                    command: command.name
                )
            }
            quality = value
        }
        InterruptFlag.install()
        MappedInputFault.install()
        if TileFolderInspection.recognizes(path) {
            return TileFolderInspection.run(path, verifies: command.flag("verify"), asJSON: command.flag("json"))
        }
        do throws(BuildError) {
            let (document, isSound) =
                PackInspection.recognizes(path)
                ? document(of: try PackInspection(path: path))
                : try tileset(path, verifies: command.flag("verify"), compared: command.value("compare"), quality)
            Output.write(
                command.flag("json") ? document.json.text + "\n" : document.text,
                to: .standardOutput
            )
            return isSound ? 0 : 1
        } catch {
            Output.write("orizuru: \(error)\n", to: .standardError)
            return error == .stopped ? 130 : 1
        }
    }

    /// The same facts for people and for programs.
    private struct Document {
        var json: JSONOutput
        var text: String
    }

    private static func tileset(
        _ path: String,
        verifies: Bool,
        compared: String?,
        _ quality: Int
    ) throws(BuildError) -> (Document, Bool) {
        let logger = Logger(level: .error, format: .text, descriptor: STDERR_FILENO)
        var forms = BuildInputForms()
        Integrations.addForms(to: &forms)
        let source: any TileSource
        do {
            source = try openSource(path, logger: logger, recognizers: forms.recognizers)
        } catch {
            throw .input(path: path, reason: error.description)
        }
        let watch = { !InterruptFlag.isRaised }
        var inspection = try TilesetInspection(source, verifies: verifies, watch: watch)
        if let compared {
            let reference = try BuildInput(path: compared, forms: forms, logger: logger)
            try inspection.compare(source, with: reference.contents, quality: quality, watch: watch)
        }
        return (document(of: inspection, verifies: verifies), inspection.faultCount == 0)
    }

    private static func document(of inspection: TilesetInspection, verifies: Bool) -> Document {
        let info = inspection.info
        var members: [(String, JSONOutput)] = [
            ("form", .string(info.form)), ("title", .string(info.title)),
            ("width", .integer(info.pyramid.size.width)), ("height", .integer(info.pyramid.size.height)),
            ("tile_size", .integer(info.pyramid.tileSize)), ("overlap", .integer(info.pyramid.overlap)),
        ]
        var text = "\(info.title): \(info.form), \(info.pyramid.size) pixels, tiles of \(info.pyramid.tileSize)"
        text += info.pyramid.overlap > 0 ? ", overlap \(info.pyramid.overlap)\n" : "\n"
        if let scale = info.micronsPerPixel {
            members.append(("microns_per_pixel", JSONOutput(scale)))
            text += "microns per pixel: \(scale)\n"
        }
        if let power = info.objectivePower {
            members.append(("objective_power", JSONOutput(power)))
            text += "objective: \(power)x\n"
        }
        if let vendor = info.vendor {
            members.append(("vendor", .string(vendor)))
            text += "vendor: \(vendor)\n"
        }
        let rows = inspection.levels.map(row)
        text += table(
            ["level", "size", "tiles", "stored", "residuals", "bytes", "PSNR Y", "PSNR RGB", "SSIM"],
            rows.map(\.cells)
        )
        let bytes = inspection.levels.reduce(0) { $0 + $1.bytes }
        members += [
            ("bytes", .integer(bytes)), ("levels", .array(rows.map(\.json))),
            ("families", .integer(inspection.families)),
            ("families_with_checksum", .integer(inspection.checkedFamilies)),
            ("families_with_chroma", .integer(inspection.chromaFamilies)),
            ("chroma_bytes", .integer(inspection.chromaBytes)),
            ("verified", .bool(verifies)), ("fault_count", .integer(inspection.faultCount)),
            ("faults", .array(inspection.faults.map(JSONOutput.string))),
        ]
        text += "\(bytes) bytes in tiles and residuals of luma\n"
        if inspection.families > 0 {
            text += "\(inspection.families) families, \(inspection.checkedFamilies) with a checksum that holds, "
            text += "\(inspection.chromaFamilies) with chroma of their own (\(inspection.chromaBytes) bytes)\n"
        }
        for fault in inspection.faults { text += "damaged: \(fault)\n" }
        if inspection.faultCount > inspection.faults.count { text += "\(inspection.faultCount) faults in all\n" }
        if inspection.faultCount == 0 { text += verifies ? "everything decodes\n" : "no fault seen (try --verify)\n" }
        return Document(json: .object(members), text: text)
    }

    private static func row(_ level: TilesetInspection.Level) -> (json: JSONOutput, cells: [String]) {
        var members: [(String, JSONOutput)] = [
            ("level", .integer(level.level)), ("width", .integer(level.size.width)),
            ("height", .integer(level.size.height)), ("tiles", .integer(level.tiles)),
            ("stored", .integer(level.stored)), ("residuals", .integer(level.residuals)),
            ("bytes", .integer(level.bytes)),
        ]
        var cells = [level.level, level.tiles, level.stored, level.residuals, level.bytes].map { "\($0)" }
        cells.insert(level.size.description, at: 1)
        if let likeness = level.similarity {
            members += [
                ("psnr_y", JSONOutput(likeness.lumaPSNR)), ("psnr_rgb", JSONOutput(likeness.colourPSNR)),
                ("ssim_y", JSONOutput(likeness.ssim)),
            ]
            cells += [likeness.lumaPSNR, likeness.colourPSNR].map { $0.map { fixed($0, 2) } ?? "equal" }
            cells.append(fixed(likeness.ssim, 4))
        }
        return (.object(members), cells)
    }

    private static func document(of pack: PackInspection) -> (Document, Bool) {
        var text = "\(pack.form), \(pack.bytes) bytes"
        text += pack.form == "bundle" ? ", \(pack.packs) packs for \(pack.families) families" : ""
        text += ", \(pack.checkedPacks) with a checksum that holds\n"
        if !pack.entries.isEmpty {
            text += table(["entry", "bytes", "size"], pack.entries.map { [$0.name, "\($0.bytes)", $0.size ?? ""] })
        }
        for fault in pack.faults { text += "damaged: \(fault)\n" }
        let entries = pack.entries.map { entry in
            JSONOutput.object([
                ("name", .string(entry.name)), ("bytes", .integer(entry.bytes)), ("size", JSONOutput(entry.size)),
            ])
        }
        let json = JSONOutput.object([
            ("form", .string(pack.form)), ("bytes", .integer(pack.bytes)), ("packs", .integer(pack.packs)),
            ("families", .integer(pack.families)), ("packs_with_checksum", .integer(pack.checkedPacks)),
            ("entries", .array(entries)), ("faults", .array(pack.faults.map(JSONOutput.string))),
        ])
        return (Document(json: json, text: text), pack.faults.isEmpty)
    }

    /// Columns as wide as their widest cell, the first on the left. Columns without any cell are left out.
    static func table(_ heads: [String], _ rows: [[String]]) -> String {
        let count = rows.map(\.count).max() ?? 0
        let lines = [Array(heads.prefix(count))] + rows
        let widths = (0..<count).map { column in
            lines.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return lines.map { line in
            let cells = line.enumerated().map { index, cell in
                let gap = String(repeating: " ", count: widths[index] - cell.count)
                return index == 0 ? cell + gap : gap + cell
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }

    /// With so many digits behind the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = digits == 2 ? 100 : 10_000
        let whole = Int((value * Double(scale)).rounded())
        let rest = "\(abs(whole) % scale)"
        return "\(whole / scale).\(String(repeating: "0", count: digits - rest.count))\(rest)"
    }
}
