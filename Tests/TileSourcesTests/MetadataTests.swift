// SPDX-License-Identifier: Apache-2.0

import Testing
import TileModel

@testable import TileSources

@Suite("Small files and headers beside tiles")
struct MetadataTests {
    @Test("a map's metadata: name, attribution, bounds as array or text; impossible bounds say nothing")
    func maps() {
        func metadata(_ text: String) -> TilesetMetadata { TilesetMetadata(json: Array(text.utf8)) }
        let full = metadata("{\"name\":\"N\",\"attribution\":\"A\",\"bounds\":[-10,-20.5,30,40]}")
        #expect(full.title == "N")
        #expect(full.attribution == "A")
        #expect(full.bounds == GeographicBounds(west: -10, south: -20.5, east: 30, north: 40))
        #expect(metadata("{\"bounds\":\"-10,-20.5, 30,40\"}").bounds == full.bounds)
        for bounds in ["[10,0,5,5]", "[0,0,200,5]", "[0,0,1]", "\"a,b,c,d\"", "[null,0,1,1]", "7"] {
            #expect(metadata("{\"bounds\":\(bounds)}").bounds == nil)
        }
        #expect(metadata("{\"microns_per_pixel\": 0.5}").micronsPerPixel == 0.5)
        #expect(metadata("{\"microns_per_pixel\": \"0.25\"}").micronsPerPixel == 0.25)
        for scale in ["0", "-1", "1e9", "\"x\"", "[]"] {
            #expect(metadata("{\"microns_per_pixel\": \(scale)}").micronsPerPixel == nil)
        }
    }

    @Test("the scale in vips-properties.xml is what OpenSlide found, not the resolution that vips makes up")
    func vipsProperties() {
        func scale(_ properties: [(String, String)]) -> Double? {
            let items = properties.map {
                "<property><name>\($0)</name><value type=\"VipsRefString\">\($1)</value></property>"
            }
            let text =
                "<?xml version=\"1.0\"?><image xmlns=\"urn:x\"><properties>\(items.joined())</properties></image>"
            return TilesetMetadata(vipsProperties: Array(text.utf8)).micronsPerPixel
        }
        #expect(scale([("xres", "1"), ("openslide.mpp-x", "0.499"), ("aperio.MPP", "0.5")]) == 0.499)
        #expect(scale([("aperio.MPP", "0.5")]) == 0.5)
        #expect(scale([("xres", "1")]) == nil)
        #expect(scale([("openslide.mpp-x", "wide")]) == nil)
    }

    @Test("objective and vendor are read from both files; what cannot be is left out")
    func objective() {
        let summary = TilesetMetadata(json: Array(#"{"objective_power": 20, "vendor": "aperio"}"#.utf8))
        #expect(summary.objectivePower == 20 && summary.vendor == "aperio")
        let wrong = TilesetMetadata(json: Array(#"{"objective_power": -1, "vendor": 7}"#.utf8))
        #expect(wrong.objectivePower == nil && wrong.vendor == nil)
        let properties = [("openslide.objective-power", "40"), ("openslide.vendor", "hamamatsu")].map {
            "<property><name>\($0)</name><value>\($1)</value></property>"
        }
        let text = "<image><properties>\(properties.joined())</properties></image>"
        let vips = TilesetMetadata(vipsProperties: Array(text.utf8))
        #expect(vips.objectivePower == 40 && vips.vendor == "hamamatsu")
    }

    @Test("image headers tell format and size; cut short they tell nothing")
    func headers() {
        let png: [UInt8] =
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8) + [
                0, 0, 1, 0, 0, 0, 2, 0,
            ]
        #expect(ImageHeader(png)?.size == GridSize(width: 256, height: 512))
        let jpeg: [UInt8] =
            [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, 0xC2, 0, 11, 8, 0, 200, 1, 44, 1, 0, 0]
        #expect(ImageHeader(jpeg)?.size == GridSize(width: 300, height: 200))
        let extended = Array("RIFF....WEBPVP8X".utf8) + [10, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0, 0, 0x8F, 1, 0]
        #expect(ImageHeader(extended)?.size == GridSize(width: 256, height: 400))
        let lossless = Array("RIFF....WEBPVP8L".utf8) + [10, 0, 0, 0, 0x2F, 0xFF, 0xC0, 0x3F, 0]
        #expect(ImageHeader(lossless)?.size == GridSize(width: 256, height: 256))
        let lossy = Array("RIFF....WEBPVP8 ".utf8) + [10, 0, 0, 0, 0, 0, 0, 0x9D, 1, 0x2A, 0, 1, 64, 0]
        #expect(ImageHeader(lossy)?.size == GridSize(width: 256, height: 64))
        for whole in [png, jpeg, extended, lossless, lossy] {
            for length in 0..<whole.count - 4 where length < whole.count - 5 {
                _ = ImageHeader(whole[..<length])
            }
            #expect(ImageHeader(whole[..<12]) == nil)
        }
        // Segments that lead nowhere: an end without a frame, a length below its own two bytes, an endless row of fill.
        #expect(ImageHeader([0xFF, 0xD8, 0xFF, 0xD9] as [UInt8]) == nil)
        #expect(ImageHeader([0xFF, 0xD8, 0xFF, 0xE0, 0, 1] as [UInt8]) == nil)
        #expect(ImageHeader([0xFF, 0xD8] + [UInt8](repeating: 0xFF, count: 100_000)) == nil)
    }

    @Test("ids keep unreserved characters only, are never hidden, dotted or empty, and are the same at every start")
    func identifiers() {
        func id(_ name: String) -> String { TilesetIdentifiers.identifier(for: name) }
        #expect(id("CMU-1_small.region~2") == "CMU-1_small.region~2")
        #expect(id("Slide 12 (copy)/../%2e?x=1#y") == "Slide-12-copy-..-2e-x-1-y")
        #expect(id("..") == id(".."))
        #expect(id("..").hasPrefix("tileset-"))
        #expect(id("スライド").hasPrefix("tileset-"))
        #expect(id("スライド") != id("地図"))
        #expect(id(".hidden.") == "hidden")
        #expect(id(String(repeating: "a", count: 5000)).count == 100)
        var ids = TilesetIdentifiers()
        #expect(ids.unique(for: "a").id == "a")
        #expect(ids.unique(for: "a-2").id == "a-2")
        let second = ids.unique(for: "a")
        #expect(second.id == "a-3")
        #expect(second.isRenamed)
    }

    @Test("numbers in names are canonical: no sign, no leading zero, no overflow")
    func numbers() {
        #expect(canonicalNumber("0") == 0)
        #expect(canonicalNumber("2147483647") == 2_147_483_647)
        for text in ["", "-1", "+1", "01", "00", "2147483648", "99999999999", "1a", "١", " 1"] {
            #expect(canonicalNumber(text) == nil)
        }
    }
}
