// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a server (LD_PRELOAD): every pread, pwritev and fdatasync of a file whose name ends with ".segment" takes
// ORIZURU_DISK_DELAY_MS longer, and with ORIZURU_DISK_ERROR=1 fails with EIO.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_segment(int fd) {
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t count = readlink(link, path, sizeof path - 1);
    return count > 8 && memcmp(path + count - 8, ".segment", 8) == 0;
}

// 0, or -1 with errno where the call is to fail.
static int disturb(int fd) {
    if (!is_segment(fd)) return 0;
    const char *delay = getenv("ORIZURU_DISK_DELAY_MS");
    if (delay != NULL) usleep((useconds_t)atoi(delay) * 1000);
    if (getenv("ORIZURU_DISK_ERROR") == NULL) return 0;
    errno = EIO;
    return -1;
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
    return disturb(fd) < 0 ? -1 : REAL(pread)(fd, bytes, count, offset);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset) {
    return disturb(fd) < 0 ? -1 : REAL(pread64)(fd, bytes, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return disturb(fd) < 0 ? -1 : REAL(pwritev)(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return disturb(fd) < 0 ? -1 : REAL(pwritev64)(fd, parts, count, offset);
}

int fdatasync(int fd) { return disturb(fd) < 0 ? -1 : REAL(fdatasync)(fd); }
