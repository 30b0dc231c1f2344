// SPDX-License-Identifier: Apache-2.0

/// `text` with the five characters escaped that mean something in XML and HTML, in text and in attributes alike.
package func markupEscaped(_ text: String) -> String {
    var output = ""
    for character in text.unicodeScalars {
        switch character {
        case "&": output += "&amp;"
        case "<": output += "&lt;"
        case ">": output += "&gt;"
        case "\"": output += "&quot;"
        case "'": output += "&#39;"
        default: output.unicodeScalars.append(character)
        }
    }
    return output
}
