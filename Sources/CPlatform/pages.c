// SPDX-License-Identifier: Apache-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "platform_pages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define PLATFORM_HAS_ASAN 1
#endif
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
// Copies have to be seen.
#define PLATFORM_IS_SANITIZED 1
#endif
#endif

void *platform_map_aligned(size_t bytes, size_t alignment) {
    size_t total = bytes + alignment;
    if (total < bytes) return NULL;
    char *start = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return NULL;
    uintptr_t aligned = ((uintptr_t)start + alignment - 1) & ~(uintptr_t)(alignment - 1);
    size_t before = aligned - (uintptr_t)start;
    if (before > 0) munmap(start, before);
    if (total - before > bytes) munmap((char *)aligned + bytes, total - before - bytes);
    // What is charged is single pages, so the kernel must not make them huge; one that knows no huge pages says EINVAL.
    if (madvise((void *)aligned, bytes, MADV_NOHUGEPAGE) != 0 && errno != EINVAL) {
        munmap((void *)aligned, bytes);
        return NULL;
    }
    return (void *)aligned;
}

void platform_unmap(void *start, size_t bytes) { munmap(start, bytes); }

int platform_discard_pages(void *start, size_t bytes) {
    return madvise(start, bytes, MADV_DONTNEED) == 0 ? 0 : errno;
}

size_t platform_page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

size_t platform_huge_page_bytes(void) {
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "r");
    if (!file) return 0;
    unsigned long bytes = 0;
    int fields = fscanf(file, "%lu", &bytes);
    fclose(file);
    return fields == 1 ? (size_t)bytes : 0;
}

int platform_use_huge_pages(void *start, size_t bytes) {
    return madvise(start, bytes, MADV_HUGEPAGE) == 0 ? 0 : errno;
}

int platform_use_small_pages(void *start, size_t bytes) {
    if (madvise(start, bytes, MADV_NOHUGEPAGE) != 0 && errno != EINVAL) return errno;
#ifdef MADV_COLD
    // To age a part of a huge page, the kernel splits it. Otherwise it would keep the whole as long as any part is used, and
    // what is discarded of it would come free only under pressure.
    madvise(start, (size_t)sysconf(_SC_PAGESIZE), MADV_COLD);
#endif
    return 0;
}

#if defined(__SSE2__) && !PLATFORM_IS_SANITIZED
#include <emmintrin.h>

void platform_copy_past_caches(void *to, const void *from, size_t bytes) {
    char *target = to;
    const char *source = from;
    size_t head = (size_t)(-(uintptr_t)target & 63);
    if (bytes < head + 64) {
        memcpy(target, source, bytes);
        return;
    }
    memcpy(target, source, head);
    size_t offset = head;
    for (; offset + 64 <= bytes; offset += 64) {
        __m128i line[4];
        memcpy(line, source + offset, 64);
        for (int part = 0; part < 4; part++) _mm_stream_si128((__m128i *)(target + offset) + part, line[part]);
    }
    memcpy(target + offset, source + offset, bytes - offset);
    // Such stores are ordered by nothing else, no release included.
    _mm_sfence();
}
#else
void platform_copy_past_caches(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
#endif

int platform_protect(void *start, size_t bytes, int writable) {
    return mprotect(start, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ) == 0 ? 0 : errno;
}

size_t platform_resident_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    unsigned long total = 0, resident = 0;
    int fields = fscanf(file, "%lu %lu", &total, &resident);
    fclose(file);
    return fields == 2 ? (size_t)resident * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

void platform_poison(const void *start, size_t bytes) {
#ifdef PLATFORM_HAS_ASAN
    __asan_poison_memory_region(start, bytes);
#else
    (void)start;
    (void)bytes;
#endif
}

void platform_unpoison(const void *start, size_t bytes) {
#ifdef PLATFORM_HAS_ASAN
    __asan_unpoison_memory_region(start, bytes);
#else
    (void)start;
    (void)bytes;
#endif
}
