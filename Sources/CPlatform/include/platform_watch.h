// SPDX-License-Identifier: Apache-2.0
//
// inotify: being told when files change. Every function returns a negative errno where it fails.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>

/// A file that was open for writing was closed, or something of a complete name came: what is there is whole.
static const uint32_t PLATFORM_WATCH_COMPLETE = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
/// Events were lost because nobody read them in time.
static const uint32_t PLATFORM_WATCH_OVERFLOW = IN_Q_OVERFLOW;
/// The folder itself went away; its number means nothing from now on.
static const uint32_t PLATFORM_WATCH_GONE = IN_IGNORED;

/// A non-blocking inotify descriptor, closed on exec.
int platform_watch_open(void);
/// Watches the entries of a folder; returns its number. The same folder has the same number.
int platform_watch_add(int fd, const char *_Nonnull folder);
/// Stops watching.
int platform_watch_remove(int fd, int number);
/// Reads events: `struct inotify_event`s with their names. 0: there are none.
long platform_watch_read(int fd, void *_Nonnull buffer, size_t count);
/// Waits until one of two descriptors can be read: 1, 2 or 3 tell which. 0: after `timeout_ms` (-1: never).
int platform_watch_wait(int first, int second, int timeout_ms);
