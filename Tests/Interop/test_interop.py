#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the programs of others understand what Orizuru serves.

    python test_interop.py ORIZURU [WORDS]

Wants the packages of requirements.txt; whatever is absent is a skip that says so. The last line is
`N passed, N failed, N skipped`, and the exit code is 1 when something failed.
"""

import sys

import sentences

# Each registers its tests; they run in this order.
import cases_viewers  # noqa: F401
import cases_documents  # noqa: F401

if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(sentences.run_tests(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else ""))
