// SPDX-License-Identifier: Apache-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "platform_pages.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

void *platform_map_aligned(size_t bytes, size_t alignment) {
    size_t total = bytes + alignment;
    if (total < bytes) return NULL;
    char *start = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return NULL;
    uintptr_t aligned = ((uintptr_t)start + alignment - 1) & ~(uintptr_t)(alignment - 1);
    size_t before = aligned - (uintptr_t)start;
    if (before > 0) munmap(start, before);
    if (total - before > bytes) munmap((char *)aligned + bytes, total - before - bytes);
    madvise((void *)aligned, bytes, MADV_NOHUGEPAGE);
    return (void *)aligned;
}

void platform_unmap(void *start, size_t bytes) { munmap(start, bytes); }

int platform_discard_pages(void *start, size_t bytes) {
    return madvise(start, bytes, MADV_DONTNEED) == 0 ? 0 : errno;
}

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

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define PLATFORM_HAS_ASAN 1
#endif
#endif

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
