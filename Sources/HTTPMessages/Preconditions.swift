// SPDX-License-Identifier: Apache-2.0

/// What the conditions and the Range of a request make of an answer that would be 200 (RFC 9110, 13.2.2 and 14).
package enum ConditionalOutcome: Equatable, Sendable {
    case whole
    case notModified
    case part(Range<Int>)
    case rangeNotSatisfiable
    case preconditionFailed
}

/// The conditional fields of one request, as views of its bytes.
@safe
package struct Preconditions {
    // SAFETY: views of bytes that the maker keeps alive and unchanged while this value is used.
    package var ifMatch: UnsafeRawBufferPointer?
    package var ifUnmodifiedSince: UnsafeRawBufferPointer?
    package var ifNoneMatch: UnsafeRawBufferPointer?
    package var ifModifiedSince: UnsafeRawBufferPointer?
    package var range: UnsafeRawBufferPointer?
    package var ifRange: UnsafeRawBufferPointer?

    /// None.
    package init() {}

    /// The fields that are looked at; a request without any of them is answered whole.
    package static let fields = KnownFields([
        .ifMatch, .ifUnmodifiedSince, .ifNoneMatch, .ifModifiedSince, .range, .ifRange,
    ])

    /// Applies the conditions, in the order of the RFC, to a representation.
    ///
    /// - Parameters:
    ///   - tag: its strong entity tag, quotes included.
    ///   - lastModified: its Last-Modified as it is sent; nil where it has none: then dates are ignored.
    ///   - byteCount: its length.
    ///   - isGet: Range means nothing to other methods.
    package func outcome(
        tag: UnsafeRawBufferPointer,
        lastModified: UnsafeRawBufferPointer?,
        byteCount: Int,
        isGet: Bool
    ) -> ConditionalOutcome {
        let modified = unsafe lastModified.flatMap { unsafe HTTPDate.parse($0) }
        if let list = unsafe ifMatch {
            guard unsafe EntityTag.isListed(tag, in: list, comparison: .strong) else { return .preconditionFailed }
        } else if let modified, let since = unsafe ifUnmodifiedSince.flatMap({ unsafe HTTPDate.parse($0) }),
            modified > since
        {
            return .preconditionFailed
        }
        if let list = unsafe ifNoneMatch {
            if unsafe EntityTag.isListed(tag, in: list) { return .notModified }
        } else if let modified, let since = unsafe ifModifiedSince.flatMap({ unsafe HTTPDate.parse($0) }),
            modified <= since
        {
            return .notModified
        }
        guard isGet, let range = unsafe range else { return .whole }
        if let validator = unsafe ifRange {
            // A tag by strong comparison; a date only if it is exactly the one that was sent (13.1.5).
            let isSame =
                unsafe EntityTag.isSame(tag, as: validator)
                || (modified != nil && HTTPDate.parse(validator) == modified)
            guard isSame else { return .whole }
        }
        switch unsafe RangeRequest.parse(range, of: byteCount) {
        case .whole: return .whole
        case .part(let part): return .part(part)
        case .unsatisfiable: return .rangeNotSatisfiable
        }
    }
}
