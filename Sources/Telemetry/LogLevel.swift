// SPDX-License-Identifier: Apache-2.0

/// How much a line of the log matters.
package enum LogLevel: UInt8, Sendable, CaseIterable, Comparable {
    case trace, debug, info, notice, warning, error

    /// The name in configuration and in JSON lines.
    package var name: String {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .error: "error"
        }
    }

    /// Nil where no level has this name.
    package init?(name: some StringProtocol) {
        guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// One value of a field of the log.
package enum LogValue: Sendable {
    case string(String)
    case integer(Int)
    case number(Double)
    case boolean(Bool)
}

extension LogValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }

    package init(_ value: some CustomStringConvertible) { self = .string(value.description) }
    package init(_ value: String) { self = .string(value) }
    package init(_ value: Int) { self = .integer(value) }
    package init(_ value: Double) { self = .number(value) }
    package init(_ value: Bool) { self = .boolean(value) }
}

/// The fields of a line, in the order in which they are written.
package typealias LogFields = KeyValuePairs<StaticString, LogValue>

/// How a line of the log looks.
package enum LogFormat: String, Sendable, CaseIterable {
    /// For people: `2026-01-31T12:00:00.000Z WARN  message key=value`.
    case text
    /// For machines: one JSON object per line.
    case json
}
