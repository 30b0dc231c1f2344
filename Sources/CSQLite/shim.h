// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

// sqlite3_db_config takes variable arguments, which Swift cannot call.
static inline int orizuru_sqlite_configure(sqlite3 *database, int option, int value) {
    return sqlite3_db_config(database, option, value, (int *)0);
}
