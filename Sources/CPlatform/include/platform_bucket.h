// SPDX-License-Identifier: Apache-2.0
// The search of one bucket of the memory cache's table: eight words, each with a tag in its highest 16 bits.
#pragma once
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Bit 4 * i + 3 is set where word i has the tag. `bucket` is aligned to 64 bytes.
///
/// Other threads may store words meanwhile. A hint only: each word is seen as it was at some moment of the call (a processor
/// loads an aligned word whole, also as half of a vector), and who acts on it loads it again as an atomic.
#if defined(__has_attribute)
#if __has_attribute(no_sanitize)
__attribute__((no_sanitize("thread")))
#endif
#endif
static inline uint32_t platform_bucket_matches(const void *bucket, uint16_t tag) {
#if defined(__SSE2__)
    // Volatile: loaded here and now, and not more than once.
    const volatile __m128i *words = (const volatile __m128i *)bucket;
    __m128i wanted = _mm_set1_epi16((short)tag);
    __m128i first = _mm_packs_epi16(_mm_cmpeq_epi16(words[0], wanted), _mm_cmpeq_epi16(words[1], wanted));
    __m128i second = _mm_packs_epi16(_mm_cmpeq_epi16(words[2], wanted), _mm_cmpeq_epi16(words[3], wanted));
    uint32_t all = (uint32_t)_mm_movemask_epi8(first) | (uint32_t)_mm_movemask_epi8(second) << 16;
    return all & 0x88888888u;
#else
    const uint64_t *words = (const uint64_t *)bucket;
    uint32_t matches = 0;
    for (int index = 0; index < 8; index++) {
        uint64_t word = __atomic_load_n(words + index, __ATOMIC_RELAXED);
        matches |= (uint32_t)(word >> 48 == tag) << (4 * index + 3);
    }
    return matches;
#endif
}
