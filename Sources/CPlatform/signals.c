// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "include/platform_signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t set_of(uint32_t mask) {
    sigset_t set;
    sigemptyset(&set);
    for (int number = 1; number < 32; number++)
        if (mask >> number & 1) sigaddset(&set, number);
    return set;
}

int platform_signalfd(uint32_t mask) {
    sigset_t set = set_of(mask);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error != 0) return -error;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int platform_signalfd_wait(int fd, int timeout_ms) {
    for (;;) {
        struct signalfd_siginfo info;
        ssize_t count = read(fd, &info, sizeof info);
        if (count == (ssize_t)sizeof info) return (int)info.ssi_signo;
        if (count < 0 && errno != EAGAIN && errno != EINTR) return -errno;
        struct pollfd item = {.fd = fd, .events = POLLIN};
        int ready = poll(&item, 1, timeout_ms);
        if (ready == 0) return 0;
        if (ready < 0 && errno != EINTR) return -errno;
    }
}
