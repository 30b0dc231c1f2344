// SPDX-License-Identifier: Apache-2.0

#if Redis
import CHiredis
import Glibc
import TileModel

/// A reply that hiredis parsed, freed with its last reference. One thread.
@safe
final class RedisReply {
    private let reply: UnsafeMutablePointer<redisReply>

    /// Takes a reply over.
    init(_ reply: UnsafeMutableRawPointer) {
        unsafe self.reply = reply.assumingMemoryBound(to: redisReply.self)
    }

    deinit { unsafe freeReplyObject(reply) }

    /// The text of an error reply; nil for any other.
    var error: String? {
        // SAFETY: the reply is this object's; hiredis sets `str` and `len` for errors.
        unsafe reply.pointee.type == REDIS_REPLY_ERROR ? Self.text(reply) : nil
    }

    /// The text of a status ("+OK"); nil for any other.
    var status: String? { unsafe reply.pointee.type == REDIS_REPLY_STATUS ? Self.text(reply) : nil }

    /// The bytes of a string; nil for any other.
    var string: [UInt8]? { unsafe Self.bytes(reply).map { unsafe Array($0) } }

    /// The number; nil for any other.
    var integer: Int? {
        unsafe reply.pointee.type == REDIS_REPLY_INTEGER ? Int(reply.pointee.integer) : nil
    }

    /// Whether it is the null reply.
    var isNull: Bool { unsafe reply.pointee.type == REDIS_REPLY_NIL }

    /// How many elements an array has; nil for any other.
    var elementCount: Int? {
        unsafe reply.pointee.type == REDIS_REPLY_ARRAY ? Int(reply.pointee.elements) : nil
    }

    /// Copies the string at `index` of an array to the end of `buffer`; nil where there is none.
    func copyString(at index: Int, into buffer: TierBuffer) -> Range<Int>? {
        // SAFETY: the element and its bytes belong to this reply; the range was just taken, so it lies in the buffer.
        guard let element = unsafe element(at: index), let source = unsafe Self.bytes(element) else { return nil }
        let range = buffer.take(source.count)
        unsafe buffer.bytes.withUnsafeMutableBytes { target in
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[range]).copyMemory(from: source)
        }
        return range
    }

    /// The reply as a tree of values: for small answers that describe something. Nesting deeper than 8 is cut off.
    var tree: RedisValue { unsafe Self.tree(reply, depth: 0) }

    private func element(at index: Int) -> UnsafeMutablePointer<redisReply>? {
        guard let count = elementCount, (0..<count).contains(index) else { return nil }
        // SAFETY: the index is below the number of elements.
        return unsafe reply.pointee.element?[index]
    }

    private static func bytes(_ reply: UnsafeMutablePointer<redisReply>) -> UnsafeRawBufferPointer? {
        guard unsafe reply.pointee.type == REDIS_REPLY_STRING, let text = unsafe reply.pointee.str else { return nil }
        return unsafe UnsafeRawBufferPointer(start: text, count: reply.pointee.len)
    }

    private static func text(_ reply: UnsafeMutablePointer<redisReply>) -> String {
        guard let text = unsafe reply.pointee.str else { return "" }
        let raw = unsafe UnsafeRawBufferPointer(start: text, count: min(reply.pointee.len, 512))
        return unsafe String(decoding: raw, as: UTF8.self)
    }

    private static func tree(_ reply: UnsafeMutablePointer<redisReply>, depth: Int) -> RedisValue {
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_INTEGER: return unsafe .integer(Int(reply.pointee.integer))
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: return unsafe .text(text(reply))
        case REDIS_REPLY_ARRAY:
            guard depth < 8 else { return .null }
            var elements: [RedisValue] = []
            let count = unsafe reply.pointee.elements
            for index in 0..<count {
                guard let element = unsafe reply.pointee.element?[index] else { continue }
                unsafe elements.append(tree(element, depth: depth + 1))
            }
            return .array(elements)
        default: return .null
        }
    }
}
#endif
