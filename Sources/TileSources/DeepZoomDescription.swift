// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// What a .dzi file says. Parsing is pure; a number or a name that cannot be is refused with the attribute's name.
///
/// Source: the Deep Zoom schema 2008 (`http://schemas.microsoft.com/deepzoom/2008`; 2009 differs in nothing used).
package struct DeepZoomDescription: Hashable, Sendable {
    package let pyramid: Pyramid
    package let format: TileFormat
    /// `Format` as written: the extension of every tile file.
    package let fileExtension: String

    /// Why a description is refused.
    package struct Failure: Error, Hashable, Sendable {
        package let reason: String
    }

    private static let namespaces = [
        "http://schemas.microsoft.com/deepzoom/2008", "http://schemas.microsoft.com/deepzoom/2009",
    ]

    /// Parses the bytes of a .dzi file.
    package init(parsing bytes: [UInt8]) throws(Failure) {
        var reader = XMLReader(bytes)
        var root: XMLReader.Element?
        var sizes: [XMLReader.Element] = []
        var depth = 0
        do {
            while let event = try reader.next() {
                switch event {
                case .start(let element):
                    if depth == 0 { root = element }
                    if depth == 1, element.name == "Size" { sizes.append(element) }
                    depth += 1
                case .end:
                    depth -= 1
                case .text:
                    break
                }
            }
        } catch {
            throw Failure(reason: "not a Deep Zoom description: \(error.reason) (byte \(error.offset))")
        }
        guard let root else { throw Failure(reason: "not a Deep Zoom description: no element") }
        guard root.name == "Image" else {
            throw Failure(reason: "the root element is <\(root.name)>, not <Image>")
        }
        if let namespace = root.namespace, !Self.namespaces.contains(namespace) {
            throw Failure(reason: "<Image> is of the namespace \(namespace), not of Deep Zoom")
        }
        guard sizes.count == 1 else { throw Failure(reason: "\(sizes.count) <Size> elements, not one") }
        let tileSize = try Self.number("TileSize", of: root, in: 1...Pyramid.maxTileSize)
        let overlap = try Self.number("Overlap", of: root, in: 0...(tileSize - 1))
        let size = GridSize(
            width: try Self.number("Width", of: sizes[0], in: 1...Pyramid.maxSide),
            height: try Self.number("Height", of: sizes[0], in: 1...Pyramid.maxSide)
        )
        guard let name = root["Format"] else { throw Failure(reason: "<Image> has no attribute Format") }
        guard let format = TileFormat(fileExtension: name.lowercased()), format.isRaster, name.utf8.count <= 4 else {
            throw Failure(reason: "Format=\"\(name.prefix(32))\" is none of jpg, jpeg, png, webp, avif")
        }
        guard let pyramid = Pyramid(deepZoom: size, tileSize: tileSize, overlap: overlap) else {
            throw Failure(reason: "the numbers do not make a pyramid")
        }
        self.pyramid = pyramid
        self.format = format
        self.fileExtension = name
    }

    private static func number(
        _ name: String,
        of element: XMLReader.Element,
        in range: ClosedRange<Int>
    ) throws(Failure) -> Int {
        guard let text = element[name] else { throw Failure(reason: "<\(element.name)> has no attribute \(name)") }
        guard let value = canonicalNumber(text) else {
            throw Failure(reason: "\(name)=\"\(text.prefix(32))\" is not a whole number from 0 to 2147483647")
        }
        guard range.contains(value) else {
            throw Failure(reason: "\(name)=\"\(value)\" is outside \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }
}
