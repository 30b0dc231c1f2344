// SPDX-License-Identifier: Apache-2.0
//
// Files of the disk tier. Every function that can fail returns a negative errno then.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/// Opens for reading only, or for reading and writing; `create` makes the file and refuses one that is there. Closed on
/// exec.
int platform_file_open(const char *_Nonnull path, int writable, int create);

/// Reads until `count` bytes are there or the file ends; returns how many there were.
int64_t platform_file_read(int fd, void *_Nonnull bytes, size_t count, int64_t offset);

/// Writes all parts, one behind the other, as far as the system takes them; returns how many bytes that were. Changes
/// the parts.
int64_t platform_file_write(int fd, struct iovec *_Nonnull parts, int count, int64_t offset);

/// Makes room for the file's first `bytes` bytes, which read as zero (fallocate). Never less than before.
int platform_file_reserve(int fd, int64_t bytes);

int platform_file_truncate(int fd, int64_t bytes);
int64_t platform_file_size(int fd);
/// Makes the file's contents durable (fdatasync).
int platform_file_sync(int fd);
/// Makes a folder's entries durable (fsync).
int platform_folder_sync(const char *_Nonnull path);
int platform_file_rename(const char *_Nonnull from, const char *_Nonnull to);
int platform_file_remove(const char *_Nonnull path);
/// Makes a folder that its owner alone may enter; one that is there is success.
int platform_folder_make(const char *_Nonnull path);
/// What an unprivileged process may still write to the file system of a folder.
int64_t platform_folder_free_bytes(const char *_Nonnull path);
/// Another descriptor of the same open file, closed on exec.
int platform_file_duplicate(int fd);

/// Opens (and makes) a lock file and takes its exclusive lock (flock) without waiting: -EWOULDBLOCK where another process
/// has it. The lock ends with the descriptor, also where the process is killed.
int platform_file_lock(const char *_Nonnull path);
