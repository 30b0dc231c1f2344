// SPDX-License-Identifier: Apache-2.0

/// Which pages of other origins may read answers (the Fetch standard's CORS protocol).
package struct CrossOriginRules: Sendable, Hashable {
    /// The value of Access-Control-Allow-Origin: `*` or one origin.
    package let allowedOrigin: String

    /// Nil where the text could not stand in a field.
    package init?(allowedOrigin: String) {
        guard !allowedOrigin.isEmpty, allowedOrigin.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        self.allowedOrigin = allowedOrigin
    }

    /// Any page may read.
    package static let open = CrossOriginRules(unchecked: "*")

    private init(unchecked: String) { allowedOrigin = unchecked }

    /// The fields of every answer.
    var fields: [(StaticString, String)] {
        [
            ("Access-Control-Allow-Origin", allowedOrigin),
            ("Access-Control-Expose-Headers", "Cache-Status, ETag"),
            ("Timing-Allow-Origin", allowedOrigin),
        ]
    }

    /// The same as lines.
    var lines: String { fields.map { "\($0): \($1)\r\n" }.joined() }

    /// The further lines of the answer to a preflight.
    var preflightLines: String {
        """
        Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r
        Access-Control-Allow-Headers: *\r
        Access-Control-Max-Age: 86400\r

        """
    }
}
