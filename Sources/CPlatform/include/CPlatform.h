// SPDX-License-Identifier: Apache-2.0
//
// What the Glibc module lacks, one small header per subject. No policy lives here. Calls that can fail return a negative
// errno, so that no caller reads errno after code that may have changed it.
#pragma once
#include "events.h"
#include "scan.h"
#include "signals.h"
#include "sockets.h"
