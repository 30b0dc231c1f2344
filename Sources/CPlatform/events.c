// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "include/platform_events.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int platform_epoll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int platform_epoll_add(int epoll, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int platform_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0 ? -errno : 0;
}

int platform_epoll_remove(int epoll, int fd) {
    struct epoll_event event = {0};
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event) < 0 ? -errno : 0;
}

int platform_epoll_wait(int epoll, struct epoll_event *events, int capacity, int timeout_ms) {
    int count = epoll_wait(epoll, events, capacity, timeout_ms);
    if (count >= 0) return count;
    return errno == EINTR ? 0 : -errno;
}

int platform_eventfd(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int platform_eventfd_signal(int fd) {
    uint64_t one = 1;
    while (write(fd, &one, sizeof one) < 0) {
        if (errno == EAGAIN) return 0;
        if (errno != EINTR) return -errno;
    }
    return 0;
}

int platform_eventfd_clear(int fd) {
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0) {
        if (errno == EAGAIN) return 0;
        if (errno != EINTR) return -errno;
    }
    return 0;
}
