# SPDX-License-Identifier: Apache-2.0
"""A running `orizuru serve`, and plain requests to it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time


class Server:
    def __init__(self, orizuru, paths, *options):
        self.log = tempfile.NamedTemporaryFile(prefix="orizuru-archives-", suffix=".log")
        self.process = subprocess.Popen(
            [orizuru, "serve", *paths, "--listen", "127.0.0.1:0", "--log-format", "json", "--no-disk-cache", *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        match = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert match, f"the server did not start: {line} {self.errors()}"
        self.connection = http.client.HTTPConnection("127.0.0.1", int(match[1]), timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.errors(), file=sys.stderr)
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.errors()

    def errors(self):
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()

    def get(self, path, **headers):
        """Status, headers and body, the body as it was sent."""
        self.connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def catalog(self):
        return {entry["id"]: entry for entry in json.loads(self.get("/catalog.json")[2])["tilesets"]}

    def metric(self, series):
        """The value of a series, 0 where it is not there."""
        for line in self.get("/metrics")[2].decode().splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0

    def reload(self):
        os.kill(self.process.pid, signal.SIGHUP)


def until(condition, what, seconds=20):
    """Waits for something that takes a while on a busy machine."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")
