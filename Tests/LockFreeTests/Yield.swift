// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Lets another thread run.
func threadYield() { sched_yield() }
