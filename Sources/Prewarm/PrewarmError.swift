// SPDX-License-Identifier: Apache-2.0

/// Why a pre-warm cannot begin.
package enum PrewarmError: Error, Equatable, CustomStringConvertible {
    /// The URL of the server cannot be used.
    case url(text: String, reason: String)
    /// The catalog could not be fetched.
    case catalogUnavailable(url: String, reason: String)
    /// The catalog says what cannot be.
    case catalogInvalid(url: String, reason: String)
    /// Tilesets that the server does not have.
    case unknownTilesets(asked: [String], known: [String])
    /// The region that was asked for cannot be read.
    case region(name: String, reason: String)
    /// A region of one kind was asked for of tilesets of the other.
    case regionKind(asked: String, tilesets: [String])
    /// A file of the run (resume, failures) cannot be read, written or used.
    case file(path: String, reason: String)
    /// A thread could not be started.
    case thread(reason: String)

    package var description: String {
        switch self {
        case .url(let text, let reason):
            "the URL \(Self.printable(text)) cannot be used: \(reason)"
        case .catalogUnavailable(let url, let reason):
            "asking \(url) for its tilesets failed: \(reason); is the server up, and is that its address?"
        case .catalogInvalid(let url, let reason):
            "\(url) is no catalog that can be read: \(reason)"
        case .unknownTilesets(let asked, let known):
            "the server has no tileset \(asked.map(Self.printable).joined(separator: ", ")); it has "
                + (known.isEmpty ? "none" : known.prefix(20).map(Self.printable).joined(separator: ", "))
                + (known.count > 20 ? " and \(known.count - 20) more" : "")
        case .region(let name, let reason):
            "the region \(Self.printable(name)) cannot be used: \(reason)"
        case .regionKind(let asked, let tilesets):
            "\(asked), and the server has none; it has "
                + (tilesets.isEmpty ? "nothing" : tilesets.prefix(20).map(Self.printable).joined(separator: ", "))
        case .file(let path, let reason):
            "\(Self.printable(path)): \(reason)"
        case .thread(let reason):
            reason
        }
    }

    /// Without control characters, and not endless: what comes from outside may not steer a terminal.
    static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(200).map { scalar -> Unicode.Scalar in
            scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "?" : scalar
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
