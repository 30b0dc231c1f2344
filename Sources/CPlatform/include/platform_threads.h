// SPDX-License-Identifier: Apache-2.0
// What a thread knows about itself: name, niceness, a small number of its own.
#pragma once
#include <stdint.h>

/// The number of the calling thread: counts from 0 in the order in which threads first ask. Constant time, no call
/// after the first. Striped counters use it to choose a stripe.
extern _Thread_local uint32_t platform_thread_number_plus_one;
uint32_t platform_thread_number_assign(void);

static inline uint32_t platform_thread_number(void) {
    uint32_t number = platform_thread_number_plus_one;
    return __builtin_expect(number != 0, 1) ? number - 1 : platform_thread_number_assign();
}

/// Names the calling thread (the first 15 bytes; pthread_setname_np(3)).
void platform_thread_set_name(const char *name);

/// Sets the niceness of the calling thread alone (setpriority(2) with its thread id). 0 or errno.
int platform_thread_set_nice(int niceness);

/// Asks for the length of the slices in which the calling thread gets its processor (0.1 to 100 ms; Linux 6.12 and later,
/// ignored before). Whoever wakes up with a shorter slice does not wait for the end of a longer one. 0 or errno.
int platform_thread_set_slice(uint64_t nanoseconds);

/// How many processors the calling thread may run on (sched_getaffinity(2)); at least 1.
int platform_processor_count(void);
