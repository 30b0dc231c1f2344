// SPDX-License-Identifier: Apache-2.0
#pragma once

// Raises this process's limit of open files to what it may have at most. Returns the limit that holds now.
long platform_raise_descriptor_limit(void);
