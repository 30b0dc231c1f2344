// SPDX-License-Identifier: Apache-2.0
//
// Scans of header bytes: how many bytes from the start belong to a class. Each has a scalar twin that gives the same
// answer; no byte at or beyond `count` is read. Header-only, so that Swift inlines them into the parser.
#pragma once
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Bytes of a token (RFC 9110, 5.6.2).
static inline int platform_is_token(uint8_t byte) {
    // One bit for each ASCII byte: !#$%&'*+-.^_`|~, digits and letters.
    static const uint64_t bits[2] = {0x03FF6CFA00000000ull, 0x57FFFFFFC7FFFFFEull};
    return byte < 128 && (bits[byte >> 6] >> (byte & 63) & 1);
}

/// Bytes that a field's value may hold: HTAB, space, visible ASCII and 0x80...0xFF (RFC 9110, 5.5).
static inline int platform_is_value(uint8_t byte) { return byte >= 0x20 ? byte != 0x7F : byte == 0x09; }

/// Bytes that a request target may hold: visible ASCII.
static inline int platform_is_target(uint8_t byte) { return byte > 0x20 && byte < 0x7F; }

/// Bytes that a host name in an authority may hold: letters, digits and -._~%
static inline int platform_is_host(uint8_t byte) {
    static const uint64_t bits[2] = {0x03FF602000000000ull, 0x47FFFFFE87FFFFFEull};
    return byte < 128 && (bits[byte >> 6] >> (byte & 63) & 1);
}

static inline size_t platform_scan_host(const uint8_t *_Nonnull bytes, size_t count) {
    size_t i = 0;
    while (i < count && platform_is_host(bytes[i])) i++;
    return i;
}

/// How many bytes stand in front of the first `?` or `#`; `count` where there is neither.
static inline size_t platform_scan_path_scalar(const uint8_t *_Nonnull bytes, size_t count) {
    size_t i = 0;
    while (i < count && bytes[i] != '?' && bytes[i] != '#') i++;
    return i;
}

static inline size_t platform_scan_value_scalar(const uint8_t *_Nonnull bytes, size_t count) {
    size_t i = 0;
    while (i < count && platform_is_value(bytes[i])) i++;
    return i;
}

static inline size_t platform_scan_target_scalar(const uint8_t *_Nonnull bytes, size_t count) {
    size_t i = 0;
    while (i < count && platform_is_target(bytes[i])) i++;
    return i;
}

static inline size_t platform_scan_token_scalar(const uint8_t *_Nonnull bytes, size_t count) {
    size_t i = 0;
    while (i < count && platform_is_token(bytes[i])) i++;
    return i;
}

#if defined(__SSE2__)
static inline size_t platform_scan_path(const uint8_t *_Nonnull bytes, size_t count) {
    size_t i = 0;
    const __m128i query = _mm_set1_epi8('?'), fragment = _mm_set1_epi8('#');
    for (; i + 16 <= count; i += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + i));
        int stop = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(block, query), _mm_cmpeq_epi8(block, fragment)));
        if (stop != 0) return i + (size_t)__builtin_ctz((unsigned)stop);
    }
    return i + platform_scan_path_scalar(bytes + i, count - i);
}

static inline size_t platform_scan_value(const uint8_t *_Nonnull bytes, size_t count) {
    size_t i = 0;
    const __m128i below = _mm_set1_epi8(0x1F), tab = _mm_set1_epi8(0x09), del = _mm_set1_epi8(0x7F);
    for (; i + 16 <= count; i += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + i));
        // Unsigned block <= 0x1F, but for the tab; or DEL.
        __m128i control = _mm_andnot_si128(_mm_cmpeq_epi8(block, tab), _mm_cmpeq_epi8(_mm_min_epu8(block, below), block));
        int stop = _mm_movemask_epi8(_mm_or_si128(control, _mm_cmpeq_epi8(block, del)));
        if (stop != 0) return i + (size_t)__builtin_ctz((unsigned)stop);
    }
    return i + platform_scan_value_scalar(bytes + i, count - i);
}

static inline size_t platform_scan_target(const uint8_t *_Nonnull bytes, size_t count) {
    size_t i = 0;
    const __m128i space = _mm_set1_epi8(0x20), del = _mm_set1_epi8(0x7F);
    for (; i + 16 <= count; i += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + i));
        // Signed comparison: 0x80...0xFF are negative, so not greater than the space.
        __m128i visible = _mm_andnot_si128(_mm_cmpeq_epi8(block, del), _mm_cmpgt_epi8(block, space));
        int stop = _mm_movemask_epi8(visible) ^ 0xFFFF;
        if (stop != 0) return i + (size_t)__builtin_ctz((unsigned)stop);
    }
    return i + platform_scan_target_scalar(bytes + i, count - i);
}

static inline size_t platform_scan_token(const uint8_t *_Nonnull bytes, size_t count) {
    size_t i = 0;
    const __m128i bit = _mm_set1_epi8(0x20), a = _mm_set1_epi8('a' - 1), z = _mm_set1_epi8('z' + 1);
    const __m128i dash = _mm_set1_epi8('-');
    while (i + 16 <= count) {
        __m128i block = _mm_loadu_si128((const __m128i *)(bytes + i));
        __m128i lower = _mm_or_si128(block, bit);
        // Letters and dashes, which is what names are made of; any other byte is looked up in the table.
        __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(lower, a), _mm_cmplt_epi8(lower, z));
        int stop = _mm_movemask_epi8(_mm_or_si128(letter, _mm_cmpeq_epi8(block, dash))) ^ 0xFFFF;
        if (stop == 0) {
            i += 16;
            continue;
        }
        i += (size_t)__builtin_ctz((unsigned)stop);
        if (!platform_is_token(bytes[i])) return i;
        i++;
    }
    return i + platform_scan_token_scalar(bytes + i, count - i);
}
#else
static inline size_t platform_scan_path(const uint8_t *_Nonnull bytes, size_t count) {
    return platform_scan_path_scalar(bytes, count);
}
static inline size_t platform_scan_value(const uint8_t *_Nonnull bytes, size_t count) {
    return platform_scan_value_scalar(bytes, count);
}
static inline size_t platform_scan_target(const uint8_t *_Nonnull bytes, size_t count) {
    return platform_scan_target_scalar(bytes, count);
}
static inline size_t platform_scan_token(const uint8_t *_Nonnull bytes, size_t count) {
    return platform_scan_token_scalar(bytes, count);
}
#endif

/// Whether `count` bytes (4 and more) of a token equal a name written in lower case, without regard to case. By words
/// that overlap at the end, so that a name known at compile time becomes a few comparisons with constants.
static inline int platform_equals_name(const uint8_t *_Nonnull bytes, const uint8_t *_Nonnull name, size_t count) {
    // Only valid for tokens: there no byte but a capital letter turns into a letter or a dash by its 0x20 bit.
    if (count < 8) {
        uint32_t first, last, first_name, last_name;
        __builtin_memcpy(&first, bytes, 4);
        __builtin_memcpy(&last, bytes + count - 4, 4);
        __builtin_memcpy(&first_name, name, 4);
        __builtin_memcpy(&last_name, name + count - 4, 4);
        return (((first | 0x20202020u) ^ first_name) | ((last | 0x20202020u) ^ last_name)) == 0;
    }
    const uint64_t lower = 0x2020202020202020ull;
    uint64_t word, word_name;
    for (size_t i = 0; i + 8 <= count; i += 8) {
        __builtin_memcpy(&word, bytes + i, 8);
        __builtin_memcpy(&word_name, name + i, 8);
        if ((word | lower) != word_name) return 0;
    }
    __builtin_memcpy(&word, bytes + count - 8, 8);
    __builtin_memcpy(&word_name, name + count - 8, 8);
    return (word | lower) == word_name;
}
