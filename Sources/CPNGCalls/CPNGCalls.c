// SPDX-License-Identifier: Apache-2.0
#include "CPNGCalls.h"
#include <png.h>
