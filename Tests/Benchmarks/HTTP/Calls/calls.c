// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "include/CBenchmarkCalls.h"

#include <stdlib.h>
#include <string.h>
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

long bench_answer_length(const char *bytes, long count, int *status) {
    if (count < 16) return -1;
    const char *end = memmem(bytes, (size_t)count, "\r\n\r\n", 4);
    const char *field = memmem(bytes, (size_t)count, "Content-Length: ", 16);
    if (end == 0 || field == 0 || field > end) return -1;
    *status = (int)strtol(bytes + 9, 0, 10);
    return end - bytes + 4 + strtol(field + 16, 0, 10);
}
