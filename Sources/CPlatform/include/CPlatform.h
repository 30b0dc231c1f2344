// SPDX-License-Identifier: Apache-2.0
//
// What the Glibc module lacks, one small header per subject. No policy lives here. Calls that can fail return a negative
// errno, so that no caller reads errno after code that may have changed it.
#pragma once
#include "platform_crc32c.h"
#include "platform_bucket.h"
#include "platform_events.h"
#include "platform_files.h"
#include "platform_limits.h"
#include "platform_pages.h"
#include "platform_scan.h"
#include "platform_signals.h"
#include "platform_sockets.h"
#include "platform_threads.h"
#include "platform_volumes.h"
#include "platform_watch.h"
