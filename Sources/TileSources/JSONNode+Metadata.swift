// SPDX-License-Identifier: Apache-2.0

import JSONText

extension JSONNode {
    /// Any number, also one that is written as a string, as MBTiles-like metadata does it.
    var double: Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number.isFinite ? number : nil
        case .string(let text): Double(text).flatMap { $0.isFinite ? $0 : nil }
        default: nil
        }
    }

    /// The numbers of a list, or of a string with commas; nil where one of them is none.
    var doubles: [Double]? {
        let numbers: [Double?]
        switch value {
        case .array(let nodes):
            numbers = nodes.map(\.double)
        case .string(let text):
            numbers = text.split(separator: ",").map { part in
                Double(part.filter { $0 != " " }).flatMap { $0.isFinite ? $0 : nil }
            }
        default:
            return nil
        }
        return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
    }
}
