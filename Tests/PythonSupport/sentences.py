# SPDX-License-Identifier: Apache-2.0
"""Tests that are sentences: what the browser's and the interoperability tests share."""

import pathlib
import sys
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tiles-sample"
TESTS = []


class Skip(Exception):
    """Why a test cannot run here."""


def test(sentence):
    """Registers a function of one argument: whatever `run_tests` is given for it."""

    def register(function):
        TESTS.append((sentence, function))
        return function

    return register


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def expect_near(actual, expected, tolerance, what):
    expect(abs(actual - expected) <= tolerance, f"{what} is {actual}, expected {expected} within {tolerance}")


def run_tests(subject, words="", before=lambda: None, after=lambda: None):
    """Runs the tests whose sentence contains `words`, and says what became of them. Answers the exit code."""
    passed = failed = skipped = 0
    for sentence, function in TESTS:
        if words not in sentence:
            continue
        try:
            before()
            function(subject)
            after()
            print(f"ok    {sentence}")
            passed += 1
        except Skip as reason:
            print(f"SKIP  {sentence}: {reason}")
            skipped += 1
        except Exception as error:  # whatever breaks in one test, the others run
            print(f"FAIL  {sentence}: {error}")
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
            failed += 1
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0
