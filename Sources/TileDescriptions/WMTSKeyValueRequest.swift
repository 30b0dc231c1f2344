// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// A request in WMTS's key-value form: the query of `/wmts?SERVICE=WMTS&REQUEST=...`. Names are compared without regard
/// to case, values exactly. Source: OGC 07-057r7, sections 7.1.1.1 and 7.2.2.1; OGC 06-121r3, section 11.5.
package enum WMTSKeyValueRequest: Hashable, Sendable {
    case capabilities
    case tile(layer: String, TileCoordinate, TileFormat, gridName: String)

    /// Reads a query, as it came: percent-encoded, without its question mark.
    package init(query: String) throws(WMTSRequestError) {
        var values: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = queryDecoded(parts[0]), let value = queryDecoded(parts.count == 2 ? parts[1] : "") else {
                throw WMTSRequestError(.invalidValue, locator: String(pair.prefix(40)), "is not well encoded")
            }
            values[name.uppercased()] = value
        }
        func required(_ name: String) throws(WMTSRequestError) -> String {
            guard let value = values[name], !value.isEmpty else {
                throw WMTSRequestError(.missingValue, locator: name, "is missing")
            }
            return value
        }
        func number(_ name: String) throws(WMTSRequestError) -> Int {
            let text = try required(name)
            guard text.utf8.count <= 10, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text)
            else { throw WMTSRequestError(.invalidValue, locator: name, "must be a whole number") }
            return number
        }
        guard try required("SERVICE") == "WMTS" else {
            throw WMTSRequestError(.invalidValue, locator: "SERVICE", "must be WMTS")
        }
        switch try required("REQUEST") {
        case "GetCapabilities": self = .capabilities
        case "GetTile":
            guard try required("VERSION") == "1.0.0" else {
                throw WMTSRequestError(.invalidValue, locator: "VERSION", "must be 1.0.0")
            }
            let layer = try required("LAYER")
            let format = try required("FORMAT")
            guard let format = TileFormat.allCases.first(where: { "\($0.mediaType)" == format }) else {
                throw WMTSRequestError(.invalidValue, locator: "FORMAT", "is a format that no layer has")
            }
            let grid = try required("TILEMATRIXSET")
            let tile = TileCoordinate(
                level: try number("TILEMATRIX"),
                x: try number("TILECOL"),
                y: try number("TILEROW")
            )
            self = .tile(layer: layer, tile, format, gridName: grid)
        default: throw WMTSRequestError(.notSupported, locator: "REQUEST", "must be GetCapabilities or GetTile")
        }
    }
}

/// Why a request in the key-value form is refused.
package struct WMTSRequestError: Error, Hashable {
    /// The codes of OGC 06-121r3, table 27, and of OGC 07-057r7, table 24.
    package enum Code: String, Sendable {
        case missingValue = "MissingParameterValue"
        case invalidValue = "InvalidParameterValue"
        case notSupported = "OperationNotSupported"
        case outOfRange = "TileOutOfRange"
    }

    package let code: Code
    /// The parameter that is at fault.
    package let locator: String
    package let reason: String

    package init(_ code: Code, locator: String, _ reason: String) {
        self.code = code
        self.locator = locator
        self.reason = reason
    }

    /// The exception report that answers the request (OGC 06-121r3, section 8).
    package var report: String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <ExceptionReport xmlns="http://www.opengis.net/ows/1.1" version="1.1.0" xml:lang="en">
          <Exception exceptionCode="\(code.rawValue)" locator="\(markupEscaped(locator))">
            <ExceptionText>\(markupEscaped("\(locator) \(reason)"))</ExceptionText>
          </Exception>
        </ExceptionReport>

        """
    }
}
