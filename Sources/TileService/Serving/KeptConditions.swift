// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer

/// The conditions of a request that waits for its tile: copies, as the request's own bytes are gone by then.
struct KeptConditions {
    private let ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince, range, ifRange: [UInt8]?
    private let isGet: Bool

    init(_ request: borrowing Request) {
        func kept(_ field: KnownField, _ request: borrowing Request) -> [UInt8]? {
            unsafe request.field(field).map { unsafe Array($0) }
        }
        ifMatch = kept(.ifMatch, request)
        ifUnmodifiedSince = kept(.ifUnmodifiedSince, request)
        ifNoneMatch = kept(.ifNoneMatch, request)
        ifModifiedSince = kept(.ifModifiedSince, request)
        range = kept(.range, request)
        ifRange = kept(.ifRange, request)
        if case .get = request.method { isGet = true } else { isGet = false }
    }

    /// Whether If-None-Match names tags: a star asks whether there is any tile at all, which is not known without it.
    var namesTags: Bool { ifNoneMatch != nil && ifNoneMatch != [UInt8(ascii: "*")] }

    /// What they make of a representation.
    func outcome(tag: UnsafeRawBufferPointer, lastModified: UnsafeRawBufferPointer?, byteCount: Int)
        -> ConditionalOutcome
    {
        // SAFETY: the arrays outlive the views, which are used within the innermost call alone.
        unsafe Self.with(ifMatch, ifUnmodifiedSince) { ifMatch, ifUnmodifiedSince in
            unsafe Self.with(ifNoneMatch, ifModifiedSince) { ifNoneMatch, ifModifiedSince in
                unsafe Self.with(range, ifRange) { range, ifRange in
                    var conditions = Preconditions()
                    unsafe conditions.ifMatch = unsafe ifMatch
                    unsafe conditions.ifUnmodifiedSince = unsafe ifUnmodifiedSince
                    unsafe conditions.ifNoneMatch = unsafe ifNoneMatch
                    unsafe conditions.ifModifiedSince = unsafe ifModifiedSince
                    unsafe conditions.range = unsafe range
                    unsafe conditions.ifRange = unsafe ifRange
                    return unsafe conditions.outcome(
                        tag: tag,
                        lastModified: lastModified,
                        byteCount: byteCount,
                        isGet: isGet
                    )
                }
            }
        }
    }

    /// The same for bytes in arrays.
    func outcome(tag: [UInt8], byteCount: Int) -> ConditionalOutcome {
        // SAFETY: the array is alive for the call.
        unsafe tag.withUnsafeBytes { unsafe outcome(tag: $0, lastModified: nil, byteCount: byteCount) }
    }

    func outcome(of tile: StoredTile) -> ConditionalOutcome {
        unsafe outcome(tag: tile.entityTag, lastModified: tile.lastModified, byteCount: tile.body.count)
    }

    private static func with<Result>(
        _ a: [UInt8]?,
        _ b: [UInt8]?,
        _ body: (UnsafeRawBufferPointer?, UnsafeRawBufferPointer?) -> Result
    ) -> Result {
        // SAFETY: both arrays are alive for the call of `body`.
        unsafe (a ?? []).withUnsafeBytes { first in
            unsafe (b ?? []).withUnsafeBytes { second in
                unsafe body(a == nil ? nil : first, b == nil ? nil : second)
            }
        }
    }
}
