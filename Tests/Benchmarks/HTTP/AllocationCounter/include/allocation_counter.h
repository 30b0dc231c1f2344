// SPDX-License-Identifier: Apache-2.0
//
// A library to preload (LD_PRELOAD) that counts the allocations of a program it knows nothing about. The count is a
// 64-bit number at the start of the file that ORIZURU_ALLOCATION_FILE names, so that another process can read it.
#pragma once
