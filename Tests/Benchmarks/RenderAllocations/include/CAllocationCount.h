// SPDX-License-Identifier: Apache-2.0
//
// Counts the allocations of the whole process: linked into a benchmark, these functions stand before glibc's own.
#pragma once

#include <stdint.h>

/// How often memory was asked for by the calling thread: malloc, calloc, realloc, aligned_alloc, posix_memalign,
/// memalign.
uint64_t orizuru_allocation_count(void);
