// SPDX-License-Identifier: Apache-2.0
//
// What kind of file system a path is on.
#pragma once
#include <stdint.h>

/// The number of the file system's type (statfs(2), f_type), or a negative errno.
int64_t platform_file_system_type(const char *_Nonnull path);
