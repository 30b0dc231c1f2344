# SPDX-License-Identifier: Apache-2.0
"""Every file of the shared maps, served and exported, against independent readers.

    test_maps.py ORIZURU DATA
"""

import glob
import gzip
import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import pmtiles.tile
import PIL.Image
import readers
from server import Server, until

ORIZURU, DATA = sys.argv[1], os.path.abspath(sys.argv[2])
INVALID = {
    "js-empty": "the file is empty",
    "js-invalid": "does not begin with \"PMTiles\"",
    "js-invalid_v4": "version 4",
}
MEDIA = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "mvt": "application/vnd.mapbox-vector-tile",
         "mlt": "application/vnd.maplibre-vector-tile"}


def magic(data):
    """The media type that the first bytes show."""
    for start, media in ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp")):
        if data.startswith(start):
            return media
    return None


def sources():
    """Name, path, reader of every file that is to be served."""
    for path in sorted(glob.glob(f"{DATA}/mbtiles/*.mbtiles")):
        yield os.path.basename(path)[:-8], path, readers.mbtiles
    for path in sorted(glob.glob(f"{DATA}/pmtiles/*.pmtiles")):
        name = os.path.basename(path)[:-8]
        if name not in INVALID:
            yield name, path, readers.pmtiles_archive
    for path in sorted(glob.glob(f"{DATA}/dzi/*.dzi")):
        yield os.path.basename(path)[:-4], path, readers.dzi


def check_served():
    """Every tile that a reader gives is answered with the same bytes; a place that it does not have is a 404."""
    with Server(ORIZURU, [f"{DATA}/{kind}" for kind in ("mbtiles", "pmtiles", "dzi")]) as server:
        catalog = server.catalog()
        expected = {name for name, _, _ in sources()}
        assert set(catalog) == expected, (set(catalog) ^ expected)
        total = 0
        for name, path, reader in sources():
            entry, tiles = catalog[name], reader(path)
            for (z, x, y), data in tiles.items():
                place = f"{z}/{x}_{y}" if entry["kind"] == "slide" else f"{z}/{x}/{y}"
                url = f"/tiles/{name}/{place}.{entry['format']}"
                status, headers, body = server.get(url, Accept_Encoding="gzip")
                assert (status, body) == (200, data), f"{url}: {status}, {len(body)} bytes for {len(data)}"
                assert headers["Content-Type"] == (magic(data) or MEDIA[entry["format"]]), (url, headers["Content-Type"])
                isGzip = data[:2] == b"\x1f\x8b"
                assert (headers["Content-Encoding"] == "gzip") == isGzip, url
                assert (headers["Vary"] == "Accept-Encoding") == isGzip, url
                if isGzip:
                    check_inflated(server, url, data, headers["ETag"])
                total += 1
            check_holes(server, name, entry, tiles)
        print(f"served: {len(expected)} tilesets, {total} tiles")
        for name, reason in INVALID.items():
            lines = [line for line in server.errors().splitlines() if f"{name}.pmtiles" in line]
            assert any(reason.replace('"', '\\"') in line for line in lines), (name, lines)
        print(f"refused with their reason: {', '.join(INVALID)}")


def check_inflated(server, url, data, tag):
    for refusal in ("identity", "gzip;q=0, *", "br"):
        status, headers, body = server.get(url, Accept_Encoding=refusal)
        assert (status, body) == (200, gzip.decompress(data)), (url, refusal, status)
        assert headers["Content-Encoding"] is None and headers["Vary"] == "Accept-Encoding", url
        assert headers["ETag"] != tag, url
    status, headers, _ = server.get(url, Accept_Encoding="gzip", If_None_Match=tag)
    assert (status, headers["Vary"]) == (304, "Accept-Encoding"), (url, status)


def check_holes(server, name, entry, tiles):
    for z in range(entry["minLevel"], min(entry["maxLevel"], 4) + 1):
        for x in range(2**z if entry["kind"] == "map" else 0):
            for y in range(2**z):
                if (z, x, y) not in tiles:
                    status, _, _ = server.get(f"/tiles/{name}/{z}/{x}/{y}.{entry['format']}")
                    assert status == 404, (name, z, x, y, status)


def picture(server, url):
    status, headers, body = server.get(url)
    assert status == 200, (url, status, body[:100])
    image = PIL.Image.open(io.BytesIO(body))
    image.load()
    assert headers["Content-Type"] == PIL.Image.MIME[image.format], url
    return image.convert("RGBA")


def check_derived():
    """`@2x` is the four tiles of the next level; below the last level a tile is its part of the ancestor, enlarged."""
    with Server(ORIZURU, [f"{DATA}/mbtiles", f"{DATA}/dzi"], "--maps-overzoom", "geography-class-png: 2; world_cities: 2") as server:
        name = "/tiles/geography-class-png"
        whole = PIL.Image.new("RGBA", (512, 512))
        for x in range(2):
            for y in range(2):
                whole.paste(picture(server, f"{name}/1/{x}/{y}.png"), (256 * x, 256 * y))
        double = picture(server, f"{name}/0/0/0@2x.png")
        assert double.size == (512, 512) and double.tobytes() == whole.tobytes(), "the double is the four finer ones"
        assert server.get(f"{name}/1/0/0@2x.png")[0] == 404, "there are no finer ones"
        for steps in (1, 2):
            side = 256 >> steps
            for x, y in ((0, 0), (1, 0), (2**(1 + steps) - 1, 2**steps)):
                tile = picture(server, f"{name}/{1 + steps}/{x}/{y}.png")
                ancestor = whole.crop((x * side, y * side, (x + 1) * side, (y + 1) * side))
                assert tile.size == (256, 256)
                shrunk = tile.resize((side, side), PIL.Image.Resampling.BOX)
                differences = sorted(abs(a - b) for a, b in zip(shrunk.tobytes(), ancestor.tobytes()))
                assert differences[len(differences) * 9 // 10] <= 24, (steps, x, y, differences[-1])
        assert server.get(f"{name}/4/0/0.png")[0] == 404, "two levels are allowed"
        assert server.get("/tiles/geography-class-jpg/2/0/0.jpg")[0] == 404, "this one is not allowed any"
        assert server.get("/tiles/geography-class-webp/0/0/0@2x.webp")[0] == 404, "WebP is passed through"
        assert server.get("/tiles/world_cities/7/0/0.mvt")[0] == 404, "vector tiles are enlarged by viewers"
        double = picture(server, "/tiles/geography-class-jpg/0/0/0@2x.jpg")
        assert double.size == (512, 512)
        # The edge of a slide: Deep Zoom keeps it partial, XYZ does not; overlaps are cut off.
        catalog = server.catalog()["tall"]
        size = (-(-catalog["width"] // 2), -(-catalog["height"] // 2))
        y = (size[1] - 1) // catalog["tileSize"]
        level, side = catalog["maxLevel"] - 1, 2 * catalog["tileSize"]
        partial = picture(server, f"/tiles/tall/{level}/0_{y}@2x.jpg")
        assert partial.size == (min(side, catalog["width"]), catalog["height"] - y * side), partial.size
        assert picture(server, f"/tiles/tall/{level}/0/{y}@2x.jpg").size == (side, side)
    print("@2x and levels below the last one are what they should be")


def check_large():
    """Tiles that are sent from the file: whole, in parts, and by condition."""
    with tempfile.TemporaryDirectory() as folder:
        noise = os.urandom(700_000)
        png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\0\0\0\0\1\2\3\4" + noise + b"\0\0\0\0IEND\xaeB`\x82"
        os.makedirs(f"{folder}/source/0/0")
        with open(f"{folder}/source/0/0/0.png", "wb") as file:
            file.write(png)
        export(f"{folder}/source", f"{folder}/archive.pmtiles")
        with Server(ORIZURU, [folder]) as server:
            for name in ("source", "archive"):
                url = f"/tiles/{name}/0/0/0.png"
                status, headers, body = server.get(url)
                assert (status, body) == (200, png), (name, status, len(body))
                tag = headers["ETag"]
                assert server.get(url, If_None_Match=tag)[0] == 304, name
                status, headers, body = server.get(url, Range="bytes=100-600099")
                assert (status, body) == (206, png[100:600_100]), (name, status, len(body))
                assert headers["Content-Range"] == f"bytes 100-600099/{len(png)}", name
                assert server.get(url, Range=f"bytes={len(png)}-")[0] == 416, name
                assert server.get(url, If_Match='"other"')[0] == 412, name
    print("large tiles come from their file")


def export(source, target, *options, code=0):
    run = subprocess.run([ORIZURU, "export", source, target, *options], capture_output=True, text=True, timeout=600)
    assert run.returncode == code, (source, target, run.returncode, run.stderr)
    return run.stderr


def check_exports():
    """An export opened by others equals its source tile by tile."""
    with tempfile.TemporaryDirectory() as folder:
        for name, path, reader in sources():
            tiles = reader(path)
            isSlide = path.endswith(".dzi")
            if isSlide:
                # Deep Zoom keeps overlaps and partial edges: byte for byte.
                target = f"{folder}/{name}.dzi"
                export(path, target)
                assert readers.dzi(target) == tiles, name
                continue
            for ext, read in (("pmtiles", readers.pmtiles_archive), ("mbtiles", readers.mbtiles), ("tiles", readers.xyz)):
                target = f"{folder}/{name}.{ext}"
                if not tiles and ext == "tiles":
                    continue
                export(path, target)
                assert read(target) == tiles, (name, ext)
                assert not os.path.exists(f"{target}.part"), target
                if ext == "pmtiles":
                    check_archive(target, tiles)
                    # And back again.
                    export(target, f"{folder}/{name}-again.mbtiles") if tiles else None
                    assert not tiles or readers.mbtiles(f"{folder}/{name}-again.mbtiles") == tiles, name
            assert "exists already" in export(path, f"{folder}/{name}.pmtiles", code=1)
    print("exported to pmtiles, mbtiles, folders and dzi: equal")


def check_archive(path, tiles):
    with open(path, "rb") as file:
        data = file.read()
    header = pmtiles.tile.deserialize_header(data[:127])
    sections = sum(header[name] for name in
                   ("root_length", "metadata_length", "leaf_directory_length", "tile_data_length"))
    assert 127 + sections == len(data), "the sections are the file"
    assert header["clustered"] and header["addressed_tiles_count"] == len(tiles)
    assert header["tile_contents_count"] == len(set(tiles.values())), "equal tiles are stored once"
    assert header["tile_data_length"] == sum(len(tile) for tile in set(tiles.values()))


def check_interrupted_export():
    """Killed in the middle and started again, an export ends as if nothing had been."""
    with tempfile.TemporaryDirectory() as folder:
        for target in (f"{folder}/a.pmtiles", f"{folder}/b.mbtiles"):
            command = [ORIZURU, "export", f"{DATA}/mbtiles/node-plain_1.mbtiles", target]
            run = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            time.sleep(0.15)
            run.send_signal(signal.SIGKILL)
            run.wait()
            if run.returncode != 0:
                assert not os.path.exists(target), "nothing half done has the name"
                export(command[2], target)
        tiles = readers.mbtiles(f"{DATA}/mbtiles/node-plain_1.mbtiles")
        assert readers.pmtiles_archive(f"{folder}/a.pmtiles") == tiles
        assert readers.mbtiles(f"{folder}/b.mbtiles") == tiles
    print("an export that was killed goes on")


def archive(path, shade, count=4):
    """A map of four levels whose tiles all carry the same mark; equal lengths, so that only bytes tell."""
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE tiles(zoom_level, tile_column, tile_row, tile_data)")
    png = (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\0\0\0\0\1\2\3\4" + bytes([shade]) * 40_000
           + b"\0\0\0\0IEND\xaeB`\x82")
    for z in range(count):
        for x in range(2**z):
            database.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", [(z, x, y, png) for y in range(2**z)])
    database.commit()
    database.close()


def check_changes():
    """A file that is replaced by a rename, or written over in place, is served anew, and no answer is of both."""
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("mbtiles", "pmtiles"):
            versions = []
            for shade in (1, 2, 3):
                archive(f"{folder}/{kind}-{shade}.source.mbtiles", shade)
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
        import http.client
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


if __name__ == "__main__":
    check_served()
    check_derived()
    check_large()
    check_exports()
    check_interrupted_export()
    check_changes()
    print("archives: all passed")
