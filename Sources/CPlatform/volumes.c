// SPDX-License-Identifier: Apache-2.0
#include "platform_volumes.h"

#include <errno.h>
#include <sys/vfs.h>

int64_t platform_file_system_type(const char *path) {
    struct statfs facts;
    if (statfs(path, &facts) < 0) return -errno;
    return (int64_t)(uint32_t)facts.f_type;
}
