// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "include/CBenchmarkCalls.h"

#include <sys/prctl.h>
#include <time.h>

int bench_poll(struct pollfd *items, int count, int64_t nanoseconds) {
    struct timespec pause = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    return ppoll(items, (nfds_t)count, &pause, 0);
}

void bench_sleep_exactly(void) { prctl(PR_SET_TIMERSLACK, 1); }

int bench_has_ended(int descriptor) {
    struct pollfd item = {.fd = descriptor, .events = POLLRDHUP};
    return poll(&item, 1, 0) > 0 && (item.revents & (POLLERR | POLLHUP | POLLRDHUP)) != 0;
}
