// SPDX-License-Identifier: Apache-2.0
//
// epoll and eventfd. Every function returns a negative errno where it fails.
#pragma once
#include <stdint.h>
#include <sys/epoll.h>

static const uint32_t ORIZURU_EPOLLIN = EPOLLIN;
static const uint32_t ORIZURU_EPOLLOUT = EPOLLOUT;
static const uint32_t ORIZURU_EPOLLERR = EPOLLERR;
static const uint32_t ORIZURU_EPOLLHUP = EPOLLHUP;
static const uint32_t ORIZURU_EPOLLRDHUP = EPOLLRDHUP;
static const uint32_t ORIZURU_EPOLLET = EPOLLET;
static const uint32_t ORIZURU_EPOLLEXCLUSIVE = EPOLLEXCLUSIVE;

/// An epoll descriptor, closed on exec.
int orizuru_epoll_create(void);
/// Watches `fd` for `events`; `data` comes back with each event.
int orizuru_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);
/// Stops watching `fd`.
int orizuru_epoll_remove(int epoll, int fd);
/// Waits at most `timeout_ms` (-1: for ever) and returns how many events were written. An interruption counts as none.
int orizuru_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int capacity, int timeout_ms);

/// A non-blocking eventfd, closed on exec.
int orizuru_eventfd(void);
/// Adds one to an eventfd. A counter that is full already wakes its reader: that is success.
int orizuru_eventfd_signal(int fd);
/// Resets an eventfd to zero.
int orizuru_eventfd_clear(int fd);
