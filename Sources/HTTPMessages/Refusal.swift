// SPDX-License-Identifier: Apache-2.0

/// Why a request is not understood or not accepted before anybody looks at what it asks for.
///
/// The connection ends after each of them: where a message ends is no longer certain, or is not worth reading.
package enum Refusal: UInt8, Sendable, CaseIterable {
    case malformedRequestLine
    case malformedTarget
    case bareLineFeed
    case bareCarriageReturn
    case emptyLines
    case foldedField
    case emptyFieldName
    case spaceBeforeColon
    case malformedFieldName
    case controlInValue
    case missingHost
    case repeatedHost
    case malformedHost
    case repeatedLength
    case malformedLength
    case lengthAndCoding
    case codingInOldVersion
    case transferCoding
    case unknownMethod
    case longTarget
    case longFields
    case manyFields
    case version
    case expectation

    /// The status that answers it.
    package var status: Status {
        switch self {
        case .longTarget: .targetTooLong
        case .longFields, .manyFields: .fieldsTooLarge
        case .version: .versionNotSupported
        case .unknownMethod, .transferCoding: .notImplemented
        case .expectation: .expectationFailed
        default: .badRequest
        }
    }

    /// One line for the body of the answer: what is wrong with the request.
    package var reason: StaticString {
        switch self {
        case .malformedRequestLine: "The request line is not `METHOD TARGET HTTP/1.1`.\n"
        case .malformedTarget: "The request target is not a path or an http URL.\n"
        case .bareLineFeed: "A line ends with LF alone instead of CR LF.\n"
        case .bareCarriageReturn: "A CR is not followed by LF.\n"
        case .emptyLines: "Too many empty lines before the request.\n"
        case .foldedField: "A field is folded over several lines.\n"
        case .emptyFieldName: "A field has no name.\n"
        case .spaceBeforeColon: "There is white space between a field name and its colon.\n"
        case .malformedFieldName: "A field name holds a byte that names may not hold.\n"
        case .controlInValue: "A field value holds a control byte.\n"
        case .missingHost: "The Host field is missing.\n"
        case .repeatedHost: "The Host field is repeated.\n"
        case .malformedHost: "The host is not a name or an address with an optional port.\n"
        case .repeatedLength: "The Content-Length field is repeated.\n"
        case .malformedLength: "The Content-Length is not a number of 1 to 18 digits.\n"
        case .lengthAndCoding: "Content-Length and Transfer-Encoding are both present.\n"
        case .codingInOldVersion: "Transfer-Encoding is not defined before HTTP/1.1.\n"
        case .transferCoding: "Transfer codings of requests are not supported.\n"
        case .unknownMethod: "The method is unknown.\n"
        case .longTarget: "The request target is too long.\n"
        case .longFields: "The header fields are too long.\n"
        case .manyFields: "There are too many header fields.\n"
        case .version: "Only HTTP/1.1 and HTTP/1.0 are spoken here.\n"
        case .expectation: "The expectation is not one that can be met.\n"
        }
    }
}
