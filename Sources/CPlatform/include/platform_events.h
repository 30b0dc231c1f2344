// SPDX-License-Identifier: Apache-2.0
//
// epoll and eventfd. Every function returns a negative errno where it fails.
#pragma once
#include <stdint.h>
#include <sys/epoll.h>

static const uint32_t PLATFORM_EPOLLIN = EPOLLIN;
static const uint32_t PLATFORM_EPOLLOUT = EPOLLOUT;
static const uint32_t PLATFORM_EPOLLERR = EPOLLERR;
static const uint32_t PLATFORM_EPOLLHUP = EPOLLHUP;
static const uint32_t PLATFORM_EPOLLRDHUP = EPOLLRDHUP;
static const uint32_t PLATFORM_EPOLLET = EPOLLET;
static const uint32_t PLATFORM_EPOLLEXCLUSIVE = EPOLLEXCLUSIVE;

/// An epoll descriptor, closed on exec.
int platform_epoll_create(void);
/// Watches `fd` for `events`; `data` comes back with each event.
int platform_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);
/// Changes for what `fd` is watched; what is the case already is reported once more.
int platform_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data);
/// Stops watching `fd`.
int platform_epoll_remove(int epoll, int fd);
/// Waits at most `timeout_ms` (-1: for ever) and returns how many events were written. An interruption counts as none.
int platform_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int capacity, int timeout_ms);

/// A non-blocking eventfd, closed on exec.
int platform_eventfd(void);
/// Adds one to an eventfd. A counter that is full already wakes its reader: that is success.
int platform_eventfd_signal(int fd);
/// Resets an eventfd to zero.
int platform_eventfd_clear(int fd);
