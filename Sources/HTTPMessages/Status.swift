// SPDX-License-Identifier: Apache-2.0

/// A status of an answer (RFC 9110, 15; RFC 6585), with the line that starts it.
package enum Status: UInt16, Sendable, CaseIterable {
    case ok = 200
    case accepted = 202
    case noContent = 204
    case partialContent = 206
    case movedPermanently = 301
    case found = 302
    case seeOther = 303
    case notModified = 304
    case permanentRedirect = 308
    case badRequest = 400
    case unauthorized = 401
    case forbidden = 403
    case notFound = 404
    case methodNotAllowed = 405
    case notAcceptable = 406
    case requestTimeout = 408
    case lengthRequired = 411
    case preconditionFailed = 412
    case contentTooLarge = 413
    case targetTooLong = 414
    case rangeNotSatisfiable = 416
    case expectationFailed = 417
    case tooManyRequests = 429
    case fieldsTooLarge = 431
    case internalError = 500
    case notImplemented = 501
    case badGateway = 502
    case unavailable = 503
    case gatewayTimeout = 504
    case versionNotSupported = 505

    /// The number, as in `404`.
    package var code: Int { Int(rawValue) }

    /// 0...4 for the classes 1xx to 5xx.
    package var classIndex: Int { Int(rawValue) / 100 - 1 }

    /// Whether an answer of this status never has a body, whatever its fields say (RFC 9112, 6.3).
    package var isBodiless: Bool { self == .noContent || self == .notModified }

    /// The whole status line with its CR LF.
    package var line: StaticString {
        switch self {
        case .ok: "HTTP/1.1 200 OK\r\n"
        case .accepted: "HTTP/1.1 202 Accepted\r\n"
        case .noContent: "HTTP/1.1 204 No Content\r\n"
        case .partialContent: "HTTP/1.1 206 Partial Content\r\n"
        case .movedPermanently: "HTTP/1.1 301 Moved Permanently\r\n"
        case .found: "HTTP/1.1 302 Found\r\n"
        case .seeOther: "HTTP/1.1 303 See Other\r\n"
        case .notModified: "HTTP/1.1 304 Not Modified\r\n"
        case .permanentRedirect: "HTTP/1.1 308 Permanent Redirect\r\n"
        case .badRequest: "HTTP/1.1 400 Bad Request\r\n"
        case .unauthorized: "HTTP/1.1 401 Unauthorized\r\n"
        case .forbidden: "HTTP/1.1 403 Forbidden\r\n"
        case .notFound: "HTTP/1.1 404 Not Found\r\n"
        case .methodNotAllowed: "HTTP/1.1 405 Method Not Allowed\r\n"
        case .notAcceptable: "HTTP/1.1 406 Not Acceptable\r\n"
        case .requestTimeout: "HTTP/1.1 408 Request Timeout\r\n"
        case .lengthRequired: "HTTP/1.1 411 Length Required\r\n"
        case .preconditionFailed: "HTTP/1.1 412 Precondition Failed\r\n"
        case .contentTooLarge: "HTTP/1.1 413 Content Too Large\r\n"
        case .targetTooLong: "HTTP/1.1 414 URI Too Long\r\n"
        case .rangeNotSatisfiable: "HTTP/1.1 416 Range Not Satisfiable\r\n"
        case .expectationFailed: "HTTP/1.1 417 Expectation Failed\r\n"
        case .tooManyRequests: "HTTP/1.1 429 Too Many Requests\r\n"
        case .fieldsTooLarge: "HTTP/1.1 431 Request Header Fields Too Large\r\n"
        case .internalError: "HTTP/1.1 500 Internal Server Error\r\n"
        case .notImplemented: "HTTP/1.1 501 Not Implemented\r\n"
        case .badGateway: "HTTP/1.1 502 Bad Gateway\r\n"
        case .unavailable: "HTTP/1.1 503 Service Unavailable\r\n"
        case .gatewayTimeout: "HTTP/1.1 504 Gateway Timeout\r\n"
        case .versionNotSupported: "HTTP/1.1 505 HTTP Version Not Supported\r\n"
        }
    }
}
