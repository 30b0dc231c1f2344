// SPDX-License-Identifier: Apache-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "platform_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int checked(int result) { return result < 0 ? -errno : result; }

int platform_file_open(const char *path, int writable, int create) {
    int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = open(path, create ? flags | O_CREAT | O_EXCL : flags, 0600);
    return checked(fd);
}

int64_t platform_file_read(int fd, void *bytes, size_t count, int64_t offset) {
    size_t done = 0;
    while (done < count) {
        ssize_t got = pread(fd, (char *)bytes + done, count - done, offset + (int64_t)done);
        if (got == 0) break;
        if (got < 0) {
            if (errno == EINTR) continue;
            return -errno;
        }
        done += (size_t)got;
    }
    return (int64_t)done;
}

int64_t platform_file_write(int fd, struct iovec *parts, int count, int64_t offset) {
    int64_t done = 0;
    while (count > 0) {
        ssize_t taken = pwritev(fd, parts, count < IOV_MAX ? count : IOV_MAX, offset + done);
        if (taken < 0) {
            if (errno == EINTR) continue;
            // What was taken before stays taken: the caller sees a short write, and the error if it goes on.
            return done > 0 ? done : -errno;
        }
        if (taken == 0) break;
        done += taken;
        size_t rest = (size_t)taken;
        while (count > 0 && rest >= parts->iov_len) {
            rest -= parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + rest;
            parts->iov_len -= rest;
        }
    }
    return done;
}

int platform_file_reserve(int fd, int64_t bytes) { return checked(fallocate(fd, 0, 0, bytes)); }
int platform_file_truncate(int fd, int64_t bytes) { return checked(ftruncate(fd, bytes)); }

int64_t platform_file_size(int fd) {
    struct stat status;
    return fstat(fd, &status) < 0 ? -errno : status.st_size;
}

int platform_file_sync(int fd) { return checked(fdatasync(fd)); }

int platform_folder_sync(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int result = checked(fsync(fd));
    close(fd);
    return result;
}

int platform_file_rename(const char *from, const char *to) { return checked(rename(from, to)); }
int platform_file_remove(const char *path) { return checked(unlink(path)); }

int platform_folder_make(const char *path) {
    if (mkdir(path, 0700) == 0 || errno == EEXIST) return 0;
    return -errno;
}

int64_t platform_folder_free_bytes(const char *path) {
    struct statvfs facts;
    if (statvfs(path, &facts) < 0) return -errno;
    return (int64_t)facts.f_bavail * (int64_t)facts.f_frsize;
}

int platform_file_duplicate(int fd) { return checked(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

int platform_file_lock(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    int result = -errno;
    close(fd);
    return result;
}
