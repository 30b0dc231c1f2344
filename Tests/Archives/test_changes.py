# SPDX-License-Identifier: Apache-2.0
"""Archives that change while they are served.

    test_changes.py ORIZURU DATA
"""

import http.client
import os
import shutil
import tempfile
import threading
import time

from maps import ORIZURU, export, make_mbtiles, png
from server import Server, until


def check_changes():
    """A file that is replaced by a rename, or written over in place, is served anew, and no answer is of both."""
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("mbtiles", "pmtiles"):
            versions = []
            for shade in (1, 2, 3):
                # All tiles carry one mark, and are equally long: only bytes tell.
                make_mbtiles(f"{folder}/{kind}-{shade}.source.mbtiles", 4, lambda *_: bytes([shade]) * 40_000)
                made = f"{folder}/{kind}-{shade}.{kind}.version"
                if kind == "pmtiles":
                    export(f"{folder}/{kind}-{shade}.source.mbtiles", f"{folder}/{kind}-{shade}.pmtiles")
                    os.rename(f"{folder}/{kind}-{shade}.pmtiles", made)
                else:
                    shutil.copy(f"{folder}/{kind}-{shade}.source.mbtiles", made)
                os.remove(f"{folder}/{kind}-{shade}.source.mbtiles")
                versions.append(made)
            live = f"{folder}/map.{kind}"
            shutil.copy(versions[0], live)
            with Server(ORIZURU, [live]) as server:
                changed(server, live, versions)
            os.remove(live)
    print("a changed file is noticed, by rename and in place: no mixture, new tags")


def changed(server, live, versions):
    stop = threading.Event()
    faults, tags = [], {}

    def look():
        connection = http.client.HTTPConnection("127.0.0.1", server.connection.port, timeout=60)
        number = 0
        while not stop.is_set():
            number += 1
            z = number % 4
            connection.request("GET", f"/tiles/map/{z}/{number % 2**z}/0.png")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                if len(set(body[33:40_000])) != 1:
                    faults.append("two states in one answer")
                if tags.setdefault((z, number % 2**z, answer.headers["ETag"]), body) != body:
                    faults.append("one tag for two states")
            elif answer.status not in (503, 404):
                faults.append(f"status {answer.status}")

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: server.get("/tiles/map/0/0/0.png")[2][40:41] == b"\1", "the first state")
        shutil.copy(versions[1], live + ".new")
        os.rename(live + ".new", live)
        until(lambda: server.get("/tiles/map/0/0/0.png")[2][40:41] == b"\2", "the second state, renamed into place")
        with open(versions[2], "rb") as source, open(live, "r+b") as target:
            data = source.read()
            for start in range(0, len(data), 1 << 18):
                target.write(data[start:start + (1 << 18)])
                target.flush()
                time.sleep(0.02)
            target.truncate(len(data))
        until(lambda: server.get("/tiles/map/0/0/0.png")[2][40:41] == b"\3", "the third state, written in place")
        before = server.get("/tiles/map/1/0/0.png")[1]["ETag"]
        os.utime(live)
        server.reload()
        until(lambda: server.get("/tiles/map/1/0/0.png")[1]["ETag"] != before, "a new tag after SIGHUP")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not faults, faults[:5]


def check_folders():
    """A tile that is replaced in a folder of tiles has another tag; a level that is added is served; so is an archive that
    comes into a folder that is searched, until it goes."""
    with tempfile.TemporaryDirectory() as folder:
        make_mbtiles(f"{folder}/source.mbtiles", 3, lambda *_: b"old")
        export(f"{folder}/source.mbtiles", f"{folder}/maps")
        os.remove(f"{folder}/source.mbtiles")
        os.mkdir(f"{folder}/served")
        os.rename(f"{folder}/maps", f"{folder}/served/tiles")
        tile, url = f"{folder}/served/tiles/1/0/0.png", "/tiles/tiles/1/0/0.png"
        with Server(ORIZURU, [f"{folder}/served"]) as server:
            _, before, body = server.get(url)
            assert body == png(b"old")
            with open(f"{tile}.new", "wb") as file:
                file.write(png(b"renamed"))
            os.rename(f"{tile}.new", tile)
            until(lambda: server.get(url)[2] == png(b"renamed"), "the tile that was renamed into place")
            with open(tile, "wb") as file:
                file.write(png(b"in place"))
            until(lambda: server.get(url)[2] == png(b"in place"), "the tile that was written over")
            _, after, _ = server.get(url)
            assert after["ETag"] != before["ETag"]
            assert server.get(url, If_None_Match=before["ETag"])[0] == 200
            assert server.get(url, If_None_Match=after["ETag"])[0] == 304
            os.makedirs(f"{folder}/served/tiles/3/5")
            shutil.copy(tile, f"{folder}/served/tiles/3/5/6.png")
            until(lambda: server.get("/tiles/tiles/3/5/6.png")[0] == 200, "the new level")
            make_mbtiles(f"{folder}/new.mbtiles", 2, lambda *_: b"new")
            os.rename(f"{folder}/new.mbtiles", f"{folder}/served/new.mbtiles")
            until(lambda: server.get("/tiles/new/1/1/1.png")[2] == png(b"new"), "the new archive")
            os.remove(f"{folder}/served/new.mbtiles")
            until(lambda: "new" not in server.catalog(), "the archive that went")
            assert server.get("/tiles/new/1/1/1.png")[0] == 404
    print("changed folders are noticed: tiles, levels, archives that come and go")


if __name__ == "__main__":
    check_changes()
    check_folders()
