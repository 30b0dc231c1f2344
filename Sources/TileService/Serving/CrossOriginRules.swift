// SPDX-License-Identifier: Apache-2.0

/// Which pages of other origins may read answers (the Fetch standard's CORS protocol).
///
/// Any origin, or a single one, is told to everybody by lines that never change. Of several, each client is told its
/// own, so those answers vary by Origin and say so.
package struct CrossOriginRules: Sendable, Hashable {
    /// `*` alone, or origins.
    package let allowedOrigins: [String]

    /// Nil where there is none, or where one could not stand in a field.
    package init?(allowedOrigins: [String]) {
        let arePlain = allowedOrigins.allSatisfy { origin in
            !origin.isEmpty && origin.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }
        guard !allowedOrigins.isEmpty, arePlain else { return nil }
        self.allowedOrigins = allowedOrigins.contains("*") ? ["*"] : allowedOrigins
    }

    /// Any page may read.
    package static let open = CrossOriginRules(unchecked: ["*"])

    private init(unchecked: [String]) { allowedOrigins = unchecked }

    /// Whether answers differ by the Origin of the request.
    var varies: Bool { allowedOrigins.count > 1 }

    /// The fields of every answer, whoever asks.
    var commonFields: [(StaticString, String)] {
        varies ? [("Vary", "Origin")] : Self.fields(for: allowedOrigins[0])
    }

    /// The same as lines.
    var commonLines: String { Self.lines(commonFields) }

    /// The fields that one allowed origin is told.
    static func fields(for origin: String) -> [(StaticString, String)] {
        [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", "Cache-Status, Content-Range, ETag"),
            ("Timing-Allow-Origin", origin),
        ]
    }

    static func lines(_ fields: [(StaticString, String)]) -> String { fields.map { "\($0): \($1)\r\n" }.joined() }

    /// The further lines of the answer to a preflight.
    static let preflightLines = """
        Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r
        Access-Control-Allow-Headers: *\r
        Access-Control-Max-Age: 86400\r

        """
}

/// The lines for each of several allowed origins, written once.
struct OriginLines: Sendable {
    private let origins: [[UInt8]]
    private let lines: [[UInt8]]
    /// Whether there is anything to be looked up.
    let isEmpty: Bool

    init(_ rules: CrossOriginRules?) {
        let varying = rules.map { $0.varies ? $0.allowedOrigins : [] } ?? []
        origins = varying.map { Array($0.utf8) }
        lines = varying.map { Array(CrossOriginRules.lines(CrossOriginRules.fields(for: $0)).utf8) }
        isEmpty = varying.isEmpty
    }

    /// Which of the allowed origins the value of an Origin field is; nil for another one.
    func index(of origin: UnsafeRawBufferPointer) -> Int? {
        origins.firstIndex { unsafe $0.elementsEqual(origin) }
    }

    /// The lines for one of them.
    subscript(index: Int) -> [UInt8] { lines[index] }
}
