// SPDX-License-Identifier: Apache-2.0
// Pages from the kernel, for the memory cache's chunks, and what is read through raw pointers.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Maps `bytes` of zeroed private memory at a multiple of `alignment` (a power of two, at least a page), without huge
/// pages, so that what is touched is what is resident. NULL when the kernel refuses.
void *platform_map_aligned(size_t bytes, size_t alignment);

/// The size of a page.
size_t platform_page_bytes(void);

/// The size of a transparent huge page; 0 where the kernel has none.
size_t platform_huge_page_bytes(void);

/// From now on, the first touch of an untouched huge page's range may make the whole resident. 0 or errno.
int platform_use_huge_pages(void *start, size_t bytes);

/// From now on, only what is touched becomes resident, and a huge page that the range begins with is split, so that parts of
/// it can be given back. 0 or errno.
int platform_use_small_pages(void *start, size_t bytes);

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

/// Copies to where nobody reads yet, past the processor's caches: what is large and not read soon pushes nothing out of
/// them, and the target's old contents are not fetched first. Other threads see the copy after any release that follows.
void platform_copy_past_caches(void *to, const void *from, size_t bytes);

/// Under the address sanitizer: any access to these bytes is reported until they are unpoisoned. Otherwise nothing.
void platform_poison(const void *start, size_t bytes);
void platform_unpoison(const void *start, size_t bytes);
