// SPDX-License-Identifier: Apache-2.0
//
// Signals as a descriptor, so that no code runs inside a handler.
#pragma once
#include <stdint.h>

/// Blocks the signals of `mask` (bit n: signal n, 1...31) in the calling thread and in threads that it starts later, and
/// returns a descriptor to read them from, closed on exec; or a negative errno.
int platform_signalfd(uint32_t mask);
/// Waits for a signal on such a descriptor. Returns its number, 0 after `timeout_ms` (-1: for ever), or a negative errno.
int platform_signalfd_wait(int fd, int timeout_ms);
