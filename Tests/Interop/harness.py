# SPDX-License-Identifier: Apache-2.0
"""A server of our own to ask, and tests that are sentences."""

import contextlib
import os
import pathlib
import subprocess
import sys
import traceback
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = []


class Skip(Exception):
    """Why a test cannot run here."""


def test(sentence):
    """Registers a function of one argument, the path of the orizuru command."""

    def register(function):
        TESTS.append((sentence, function))
        return function

    return register


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def fetch(url, headers=None):
    """Status, headers and body of a GET, whatever the status."""
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@contextlib.contextmanager
def serving(orizuru, *paths, options=()):
    """Serves the paths for the length of a `with` block; gives the server's address."""
    command = [orizuru, "serve", *map(str, paths), "--listen", "127.0.0.1:0", "--no-disk-cache", *options]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = server.stdout.readline()
        expect(line.startswith("listening on "), f"the server did not start: {line!r}")
        yield line.split()[-1].rstrip("/")
    finally:
        server.terminate()
        server.wait(timeout=60)


def shared_data():
    """The folder of real slides and maps beside the repository."""
    folder = pathlib.Path(os.environ.get("ORIZURU_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        raise Skip(f"{folder} is not there (ORIZURU_DATA names another place)")
    return folder


def run(orizuru, words):
    passed = failed = skipped = 0
    for sentence, function in TESTS:
        if words not in sentence:
            continue
        try:
            function(orizuru)
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
