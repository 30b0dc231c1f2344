// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "platform_pages.h"
#include "platform_threads.h"
