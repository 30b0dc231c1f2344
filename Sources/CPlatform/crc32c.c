// SPDX-License-Identifier: Apache-2.0
#include "platform_crc32c.h"

#include <pthread.h>
#include <string.h>

// Slicing by eight (Kounavis and Berry, "A Systematic Approach to Building High Performance Software-based CRC
// Generators", 2005). Table k holds the effect of a byte that k more bytes follow.
static uint32_t tables[8][256];
// The effect of `STREAM` zero bytes on a checksum, by each of its four bytes: joins streams that were summed apart.
enum { STREAM = 1024 };
static uint32_t shifts[4][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
        tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++) tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
    for (int byte = 0; byte < 4; byte++) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t crc = i << (8 * byte);
            for (int zero = 0; zero < STREAM; zero++) crc = crc >> 8 ^ tables[0][crc & 255];
            shifts[byte][i] = crc;
        }
    }
}

uint32_t platform_crc32c_by_table(uint32_t crc, const void *bytes, size_t count) {
    pthread_once(&once, make_tables);
    const uint8_t *next = bytes;
    crc = ~crc;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        word ^= crc;
        crc = 0;
        for (int k = 0; k < 8; k++) crc ^= tables[7 - k][word >> (8 * k) & 255];
        next += 8;
        count -= 8;
    }
    while (count-- > 0) crc = crc >> 8 ^ tables[0][(crc ^ *next++) & 255];
    return ~crc;
}

#if defined(__x86_64__)
static inline uint32_t shifted(uint32_t crc) {
    return shifts[0][crc & 255] ^ shifts[1][crc >> 8 & 255] ^ shifts[2][crc >> 16 & 255] ^ shifts[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t start, const uint8_t *next, size_t count) {
    uint64_t crc = ~start;
    // The instruction takes three cycles and one can begin in each: three streams keep it busy.
    while (count >= 3 * STREAM) {
        uint64_t second = 0, third = 0;
        for (size_t i = 0; i < STREAM; i += 8) {
            uint64_t a, b, c;
            memcpy(&a, next + i, 8);
            memcpy(&b, next + STREAM + i, 8);
            memcpy(&c, next + 2 * STREAM + i, 8);
            crc = __builtin_ia32_crc32di(crc, a);
            second = __builtin_ia32_crc32di(second, b);
            third = __builtin_ia32_crc32di(third, c);
        }
        crc = shifted((uint32_t)crc) ^ second;
        crc = shifted((uint32_t)crc) ^ third;
        next += 3 * STREAM;
        count -= 3 * STREAM;
    }
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = __builtin_ia32_crc32di(crc, word);
        next += 8;
        count -= 8;
    }
    uint32_t rest = (uint32_t)crc;
    while (count-- > 0) rest = __builtin_ia32_crc32qi(rest, *next++);
    return ~rest;
}
#endif

uint32_t platform_crc32c(uint32_t crc, const void *bytes, size_t count) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        pthread_once(&once, make_tables);
        return by_instruction(crc, bytes, count);
    }
#endif
    return platform_crc32c_by_table(crc, bytes, count);
}
