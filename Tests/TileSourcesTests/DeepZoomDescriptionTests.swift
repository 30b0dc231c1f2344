// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TileModel

@testable import TileSources

@Suite("Reading .dzi files")
struct DeepZoomDescriptionTests {
    private static let namespace = "http://schemas.microsoft.com/deepzoom/2008"

    private func parse(_ text: String) throws -> DeepZoomDescription {
        try DeepZoomDescription(parsing: Array(text.utf8))
    }

    /// The reason for which a text is refused, or nil where it is accepted.
    private func refusal(_ text: String) -> String? {
        do {
            _ = try DeepZoomDescription(parsing: Array(text.utf8))
            return nil
        } catch {
            return error.reason
        }
    }

    @Test(
        "what tools write is understood: order, quotes, comments, prefixes, both namespaces, no namespace",
        arguments: [
            "<Image xmlns='\(namespace)' TileSize='254' Overlap='1' Format='jpg'><Size Width='500' Height='2000'/></Image>",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- a > b --><Image Format=\"jpg\" Overlap = \"1\" TileSize=\"254\" xmlns=\"http://schemas.microsoft.com/deepzoom/2009\">\n <Size\n Height=\"2000\"\n Width=\"500\"\n ></Size>\n<!-- end --></Image>\n",
            "\u{FEFF}<dz:Image xmlns:dz=\"\(namespace)\" TileSize=\"254\" Overlap=\"1\" Format=\"jpg\"><dz:Size Width=\"500\" Height=\"2000\"/></dz:Image>",
            "<Image TileSize=\"254\" Overlap=\"1\" Format=\"&#106;p&#x67;\"><Size Width=\"500\" Height=\"2000\"/><DisplayRects/></Image>",
        ]
    )
    func accepted(text: String) throws {
        let description = try parse(text)
        #expect(description.pyramid == Pyramid(deepZoom: GridSize(width: 500, height: 2000), tileSize: 254, overlap: 1))
        #expect(description.format == .jpeg)
        #expect(description.fileExtension == "jpg")
    }

    @Test(
        "Format is kept as written, because the tiles are called so",
        arguments: ["jpg", "jpeg", "png", "webp", "JPG"]
    )
    func formats(name: String) throws {
        let text = "<Image TileSize='256' Overlap='0' Format='\(name)'><Size Width='5' Height='2'/></Image>"
        #expect(try parse(text).fileExtension == name)
        #expect(try parse(text).format == TileFormat(fileExtension: name.lowercased()))
    }

    @Test(
        "a number that cannot be is refused with its attribute's name",
        arguments: [
            ("Width", "0"), ("Width", "-5"), ("Width", "99999999999999999999"), ("Width", "2147483647"), ("Width", ""),
            ("Width", "1e3"), ("Width", "0x10"), ("Width", "٣"), ("Height", "0"), ("Height", " 7"),
            ("Height", "1073741825"),
            ("TileSize", "0"), ("TileSize", "4097"), ("TileSize", "-256"), ("Overlap", "256"), ("Overlap", "-1"),
            ("Overlap", "x"), ("Format", "gif"), ("Format", ""), ("Format", "../jpg"),
        ]
    )
    func refusedValues(attribute: String, value: String) throws {
        var values = ["Width": "500", "Height": "400", "TileSize": "256", "Overlap": "0", "Format": "jpg"]
        values[attribute] = value
        let image = ["TileSize", "Overlap", "Format"].map { "\($0)=\"\(values[$0] ?? "")\"" }.joined(separator: " ")
        let size = ["Width", "Height"].map { "\($0)=\"\(values[$0] ?? "")\"" }.joined(separator: " ")
        let reason = try #require(refusal("<Image \(image)><Size \(size)/></Image>"))
        #expect(reason.contains(attribute))
    }

    @Test("a missing attribute is named", arguments: ["Width", "Height", "TileSize", "Overlap", "Format"])
    func missingAttributes(attribute: String) throws {
        let image = ["TileSize=\"256\"", "Overlap=\"0\"", "Format=\"jpg\""].filter { !$0.hasPrefix(attribute) }
        let size = ["Width=\"5\"", "Height=\"5\""].filter { !$0.hasPrefix(attribute) }
        let text = "<Image \(image.joined(separator: " "))><Size \(size.joined(separator: " "))/></Image>"
        #expect(try #require(refusal(text)).contains(attribute))
    }

    @Test(
        "what is no Deep Zoom description, or not well-formed, is refused",
        arguments: [
            "", " ", "<", "<Image", "<Image>", "</Image>", "hello", "<html><body/></html>",
            "<Collection xmlns='\(namespace)'/>", "<Image/><Image/>", "<Image></image>",
            "<Image xmlns='urn:other' TileSize='256' Overlap='0' Format='jpg'><Size Width='5' Height='5'/></Image>",
            "<Image TileSize='256' Overlap='0' Format='jpg'></Image>",
            "<Image TileSize='256' Overlap='0' Format='jpg'><a><Size Width='5' Height='5'/></a></Image>",
            "<Image TileSize='256' Overlap='0' Format='jpg'><Size Width='5' Height='5'/><Size Width='5' Height='5'/></Image>",
            "<Image TileSize='256' TileSize='256' Overlap='0' Format='jpg'><Size Width='5' Height='5'/></Image>",
            "<Image TileSize='256'Overlap='0' Format='jpg'><Size Width='5' Height='5'/></Image>",
            "<Image TileSize=256 Overlap='0' Format='jpg'><Size Width='5' Height='5'/></Image>",
            "<!DOCTYPE Image [<!ENTITY a 'b'>]><Image TileSize='256' Overlap='0' Format='jpg'><Size Width='5' Height='5'/></Image>",
            "<Image TileSize='256' Overlap='0' Format='&a;'><Size Width='5' Height='5'/></Image>",
            "<Image TileSize='256' Overlap='0' Format='&#xD800;'><Size Width='5' Height='5'/></Image>",
            "<!-- <Image/>", "<?xml", "<Image><![CDATA[", "x<Image/>", "<Image/>x", "<Image a='<'/>",
        ]
    )
    func refusedDocuments(text: String) {
        #expect(refusal(text) != nil)
    }

    @Test("bytes that are not UTF-8 are refused")
    func encodings() {
        let utf16 = "<Image/>".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(throws: DeepZoomDescription.Failure.self) { try DeepZoomDescription(parsing: [0xFF, 0xFE] + utf16) }
        #expect(throws: DeepZoomDescription.Failure.self) {
            try DeepZoomDescription(parsing: Array("<Image a='".utf8) + [0xC3, 0x28] + Array("'/>".utf8))
        }
    }

    @Test("a thousand elements inside each other are refused, not followed")
    func depth() throws {
        #expect(try #require(refusal(String(repeating: "<a>", count: 1000))).contains("deeper"))
        let attributes = (0..<100).map { "a\($0)='1'" }.joined(separator: " ")
        #expect(try #require(refusal("<Image \(attributes)/>")).contains("attributes"))
    }

    @Test("a description with any byte changed or cut off is read or refused, never worse")
    func mutations() {
        let valid = Array(
            "<?xml version=\"1.0\"?><!--c--><Image xmlns=\"\(Self.namespace)\" TileSize=\"254\" Overlap=\"1\" Format=\"jpg\"><Size Width=\"500\" Height=\"2000\"/></Image>"
                .utf8
        )
        for length in 0..<valid.count { _ = try? DeepZoomDescription(parsing: Array(valid[..<length])) }
        for index in valid.indices {
            for byte in [0x00, 0x20, 0x22, 0x26, 0x3C, 0x3E, 0x2F, 0x39, 0x80, 0xFF] as [UInt8] {
                var changed = valid
                changed[index] = byte
                _ = try? DeepZoomDescription(parsing: changed)
            }
        }
    }

    @Test("the descriptions of the shared data are read", .enabled(if: SharedData.isPresent, SharedData.reason))
    func sharedData() throws {
        let odd = try DeepZoomDescription(parsing: try SharedData.bytes("slides/he-odd-size/baseline_pyramid.dzi"))
        #expect(odd.pyramid.size == GridSize(width: 2220, height: 2967))
        let tall = try DeepZoomDescription(parsing: try SharedData.bytes("dzi/tall.dzi"))
        #expect(tall.pyramid == Pyramid(deepZoom: GridSize(width: 500, height: 2000), tileSize: 254, overlap: 1))
    }
}
