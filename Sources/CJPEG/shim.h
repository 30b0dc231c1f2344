// SPDX-License-Identifier: Apache-2.0
// jpeglib.h uses FILE and size_t without saying so.
#include <stddef.h>
#include <stdio.h>
#include <jpeglib.h>
