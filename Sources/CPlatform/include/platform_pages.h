// SPDX-License-Identifier: Apache-2.0
// Pages from the kernel, for the memory cache's chunks, and what is read through raw pointers.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Maps `bytes` of zeroed private memory at a multiple of `alignment` (a power of two, at least a page), without huge
/// pages, so that what is touched is what is resident. NULL when the kernel refuses.
void *platform_map_aligned(size_t bytes, size_t alignment);

/// Gives mapped memory back to the kernel, addresses and all.
void platform_unmap(void *start, size_t bytes);

/// Gives the pages back but keeps the addresses; they read as zero afterwards (MADV_DONTNEED). 0 or errno.
int platform_discard_pages(void *start, size_t bytes);

/// Makes pages read-only (`writable` 0) or writable again. 0 or errno.
int platform_protect(void *start, size_t bytes, int writable);

/// The bytes of this process that are resident now (/proc/self/statm); 0 where that cannot be read.
size_t platform_resident_bytes(void);

/// Asks the processor to fetch the cache line at `address` for reading. Any address is allowed.
static inline void platform_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// Under the address sanitizer: any access to these bytes is reported until they are unpoisoned. Otherwise nothing.
void platform_poison(const void *start, size_t bytes);
void platform_unpoison(const void *start, size_t bytes);
