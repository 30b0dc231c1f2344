// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// What the four last segments of an IIIF image URL ask for: `{region}/{size}/{rotation}/{quality}.{format}`.
///
/// Source: IIIF Image API 3.0, section 4. Pure: nothing here knows tiles.
package struct IIIFImageRequest: Hashable, Sendable {
    /// Which colours are shown.
    package enum Quality: String, Hashable, Sendable {
        /// As they are; `default` means the same.
        case color
        case gray
        /// Black and white.
        case bitonal
    }

    /// The part of the full picture, in its pixels.
    package let region: PixelRect
    /// The size of the answer before it is turned.
    package let size: GridSize
    /// Whether it is mirrored at the vertical axis, before it is turned.
    package let isMirrored: Bool
    /// Quarter turns clockwise: 0...3.
    package let quarterTurns: Int
    package let quality: Quality
    package let format: TileFormat

    /// Reads the segments for a picture of `full` pixels.
    ///
    /// Throws where a segment is malformed or asks for what the service does not offer, where the region lies outside the
    /// picture, and where the answer would be enlarged or have more than `maxArea` pixels.
    package init(
        region regionText: some StringProtocol,
        size sizeText: some StringProtocol,
        rotation: some StringProtocol,
        qualityAndFormat: some StringProtocol,
        full: GridSize,
        maxArea: Int
    ) throws(IIIFRequestError) {
        region = try Self.region(String(regionText), full)
        size = try Self.size(String(sizeText), region.size, maxArea)
        (isMirrored, quarterTurns) = try Self.rotation(String(rotation))
        (quality, format) = try Self.qualityAndFormat(String(qualityAndFormat))
    }

    // MARK: Region (4.1)

    private static func region(_ text: String, _ full: GridSize) throws(IIIFRequestError) -> PixelRect {
        if text == "full" { return PixelRect(x: 0, y: 0, width: full.width, height: full.height) }
        if text == "square" {
            let side = min(full.width, full.height)
            return PixelRect(x: (full.width - side) / 2, y: (full.height - side) / 2, width: side, height: side)
        }
        let corner: (x: Double, y: Double, width: Double, height: Double)
        if text.hasPrefix("pct:") {
            let parts = try numbers(text.dropFirst(4), count: 4, .region, text)
            let (width, height) = (Double(full.width) / 100, Double(full.height) / 100)
            corner = (parts[0] * width, parts[1] * height, parts[2] * width, parts[3] * height)
        } else {
            let parts = try wholeNumbers(text, .region)
            guard parts.count == 4 else { throw IIIFRequestError(.region, text, "must be four numbers") }
            corner = (Double(parts[0]), Double(parts[1]), Double(parts[2]), Double(parts[3]))
        }
        // Numbers are below 2^31 here, so no conversion can fail.
        let left = Int(corner.x.rounded()), top = Int(corner.y.rounded())
        let right = min(Int((corner.x + corner.width).rounded()), full.width)
        let bottom = min(Int((corner.y + corner.height).rounded()), full.height)
        guard corner.width > 0, corner.height > 0 else { throw IIIFRequestError(.region, text, "is empty") }
        guard left < right, top < bottom else {
            throw IIIFRequestError(.region, text, "lies outside the picture of \(full)")
        }
        return PixelRect(x: left, y: top, width: right - left, height: bottom - top)
    }

    // MARK: Size (4.2)

    private static func size(_ text: String, _ region: GridSize, _ maxArea: Int) throws(IIIFRequestError) -> GridSize {
        if text == "max" { return largest(of: region, maxArea) }
        guard !text.hasPrefix("^") else { throw IIIFRequestError(.size, text, "would enlarge, which is not offered") }
        let wanted: GridSize
        if text.hasPrefix("pct:") {
            let part = try numbers(text.dropFirst(4), count: 1, .size, text)[0] / 100
            wanted = scaled(region, part)
        } else if text.hasPrefix("!") {
            let parts = try wholeNumbers(String(text.dropFirst()), .size)
            guard parts.count == 2 else { throw IIIFRequestError(.size, text, "must be two numbers") }
            let across = Double(parts[0]) / Double(region.width), down = Double(parts[1]) / Double(region.height)
            wanted = scaled(region, min(across, down))
        } else {
            let parts = text.split(separator: ",", omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw IIIFRequestError(.size, text, "has an unknown form") }
            let width = parts[0].isEmpty ? nil : try wholeNumber(parts[0], .size, text)
            let height = parts[1].isEmpty ? nil : try wholeNumber(parts[1], .size, text)
            switch (width, height) {
            case (let width?, let height?): wanted = GridSize(width: width, height: height)
            case (let width?, nil):
                let other = scaled(region, Double(width) / Double(region.width)).height
                wanted = GridSize(width: width, height: other)
            case (nil, let height?):
                let other = scaled(region, Double(height) / Double(region.height)).width
                wanted = GridSize(width: other, height: height)
            case (nil, nil): throw IIIFRequestError(.size, text, "has an unknown form")
            }
        }
        guard wanted.width > 0, wanted.height > 0 else { throw IIIFRequestError(.size, text, "is empty") }
        guard wanted.width <= region.width, wanted.height <= region.height else {
            throw IIIFRequestError(.size, text, "would enlarge the region of \(region), which is not offered")
        }
        guard wanted.area <= maxArea else {
            throw IIIFRequestError(.size, text, "is more than the \(maxArea) pixels of maxArea")
        }
        return wanted
    }

    /// The region, reduced only where it has more pixels than an answer may have.
    private static func largest(of region: GridSize, _ maxArea: Int) -> GridSize {
        guard region.area > maxArea else { return region }
        let part = (Double(maxArea) / Double(region.area)).squareRoot()
        // Of a picture far longer than broad the short side stays a pixel, and that bounds the long one.
        let short = max(Int(Double(min(region.width, region.height)) * part), 1)
        let long = min(max(Int(Double(max(region.width, region.height)) * part), 1), max(maxArea / short, 1))
        return region.width < region.height
            ? GridSize(width: short, height: long) : GridSize(width: long, height: short)
    }

    private static func scaled(_ region: GridSize, _ part: Double) -> GridSize {
        func side(_ length: Int) -> Int {
            let exact = (Double(length) * part).rounded()
            // What is larger than the region is refused by whoever asked, whatever it is exactly.
            return exact <= Double(length) ? max(Int(exact), 1) : length + 1
        }
        return part > 0
            ? GridSize(width: side(region.width), height: side(region.height)) : GridSize(width: 0, height: 0)
    }

    // MARK: Rotation (4.3), quality (4.4) and format (4.5)

    private static func rotation(_ text: String) throws(IIIFRequestError) -> (isMirrored: Bool, quarterTurns: Int) {
        let isMirrored = text.hasPrefix("!")
        let degrees = isMirrored ? String(text.dropFirst()) : text
        guard let angle = decimal(degrees[...]), (0...360).contains(angle) else {
            throw IIIFRequestError(.rotation, text, "must be a number from 0 to 360")
        }
        guard angle.truncatingRemainder(dividingBy: 90) == 0 else {
            throw IIIFRequestError(.rotation, text, "must be a multiple of 90")
        }
        return (isMirrored, Int(angle) / 90 % 4)
    }

    private static func qualityAndFormat(_ text: String) throws(IIIFRequestError) -> (Quality, TileFormat) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw IIIFRequestError(.quality, text, "must be a quality, a dot and a format") }
        guard let quality = parts[0] == "default" ? .color : Quality(rawValue: String(parts[0])) else {
            throw IIIFRequestError(.quality, String(parts[0]), "must be default, color, gray or bitonal")
        }
        switch parts[1] {
        case "jpg": return (quality, .jpeg)
        case "png": return (quality, .png)
        default: throw IIIFRequestError(.format, String(parts[1]), "must be jpg or png")
        }
    }

    // MARK: Numbers

    private static func wholeNumbers(
        _ text: String,
        _ place: IIIFRequestError.Place
    ) throws(IIIFRequestError) -> [Int] {
        var numbers: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            numbers.append(try wholeNumber(part, place, text))
        }
        return numbers
    }

    /// Digits alone, below 2^31, so that sums of two stay far from overflow.
    private static func wholeNumber(
        _ part: Substring,
        _ place: IIIFRequestError.Place,
        _ text: String
    ) throws(IIIFRequestError) -> Int {
        guard (1...10).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(part), number < 1 << 31
        else { throw IIIFRequestError(place, text, "has a part that is no whole number") }
        return number
    }

    private static func numbers(
        _ list: Substring,
        count: Int,
        _ place: IIIFRequestError.Place,
        _ text: String
    ) throws(IIIFRequestError) -> [Double] {
        let parts = list.split(separator: ",", omittingEmptySubsequences: false)
        var numbers: [Double] = []
        for part in parts {
            guard let number = decimal(part), number <= 10_000 else {
                throw IIIFRequestError(place, text, "has a part that is no number")
            }
            numbers.append(number)
        }
        guard numbers.count == count else { throw IIIFRequestError(place, text, "needs \(count) numbers") }
        return numbers
    }

    /// Digits with at most one point among them; no sign, no exponent (4.7).
    private static func decimal(_ text: Substring) -> Double? {
        let points = text.utf8.count { $0 == UInt8(ascii: ".") }
        guard (1...20).contains(text.utf8.count), points <= 1, text.utf8.count > points,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") })
        else { return nil }
        return Double(text)
    }
}

/// Why an image URL is refused, with status 400.
package struct IIIFRequestError: Error, Hashable, CustomStringConvertible {
    package enum Place: String, Sendable {
        case region, size, rotation, quality, format
    }

    package let place: Place
    package let text: String
    package let reason: String

    init(_ place: Place, _ text: String, _ reason: String) {
        self.place = place
        self.text = text
        self.reason = reason
    }

    /// Such as `the size "500," would enlarge the region of 100x100, which is not offered`.
    package var description: String { "the \(place.rawValue) \"\(text)\" \(reason)" }
}
