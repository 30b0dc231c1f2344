// SPDX-License-Identifier: Apache-2.0
// Calls of Linux that the latency benchmark's client needs and Swift does not see.
#pragma once
#include <poll.h>
#include <stdint.h>

/// ppoll(2) without a signal mask: waits at most `nanoseconds`.
int bench_poll(struct pollfd *_Nonnull items, int count, int64_t nanoseconds);
/// Has the calling thread's sleeps end when they should, not up to 50 us later (PR_SET_TIMERSLACK).
void bench_sleep_exactly(void);
/// Whether the other end of a connection has ended it, or reset it.
int bench_has_ended(int descriptor);
/// The status of an answer and the length of all of it, by its head, which must be whole; -1 where that cannot be told.
long bench_answer_length(const char *_Nonnull bytes, long count, int *_Nonnull status);
