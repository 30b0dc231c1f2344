# SPDX-License-Identifier: Apache-2.0
"""A server of our own to ask."""

import contextlib
import subprocess
import urllib.request

from sentences import expect


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
