// SPDX-License-Identifier: Apache-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "platform_threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

_Thread_local uint32_t platform_thread_number_plus_one = 0;

uint32_t platform_thread_number_assign(void) {
    static _Atomic uint32_t next = 0;
    uint32_t number = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
    platform_thread_number_plus_one = number + 1 == 0 ? 1 : number + 1;
    return platform_thread_number_plus_one - 1;
}

void platform_thread_set_name(const char *name) {
    char shortened[16];
    strncpy(shortened, name, sizeof shortened - 1);
    shortened[sizeof shortened - 1] = 0;
    pthread_setname_np(pthread_self(), shortened);
}

int platform_thread_set_nice(int niceness) {
    id_t self = (id_t)syscall(SYS_gettid);
    return setpriority(PRIO_PROCESS, self, niceness) == 0 ? 0 : errno;
}

int platform_thread_set_slice(uint64_t nanoseconds) {
    // The C library of Debian 12 knows neither the call nor its structure (sched_setattr(2)).
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = 48};
    if (syscall(SYS_sched_getattr, 0, &attributes, 48, 0) != 0) return errno;
    attributes.size = 48;
    attributes.runtime = nanoseconds;
    return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 ? 0 : errno;
}

int platform_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}
