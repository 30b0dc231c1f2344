// SPDX-License-Identifier: Apache-2.0
#include "platform_watch.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

int platform_watch_open(void) {
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

int platform_watch_add(int fd, const char *folder) {
    uint32_t mask = IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
    int number = inotify_add_watch(fd, folder, mask);
    return number >= 0 ? number : -errno;
}

int platform_watch_remove(int fd, int number) { return inotify_rm_watch(fd, number) == 0 ? 0 : -errno; }

long platform_watch_read(int fd, void *buffer, size_t count) {
    for (;;) {
        ssize_t length = read(fd, buffer, count);
        if (length >= 0) return length;
        if (errno == EAGAIN) return 0;
        if (errno != EINTR) return -errno;
    }
}

int platform_watch_wait(int first, int second, int timeout_ms) {
    struct pollfd items[2] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    int ready = poll(items, 2, timeout_ms);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    return (items[0].revents ? 1 : 0) | (items[1].revents ? 2 : 0);
}
