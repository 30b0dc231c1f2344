# SPDX-License-Identifier: Apache-2.0
"""Exports of maps and slides, opened by others, against their sources.

    test_exports.py ORIZURU DATA
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pmtiles.tile
import readers
from maps import DATA, ORIZURU, export, make_mbtiles, sources
from server import Server


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


def check_slides():
    """Exports of slides with residuals hold what the server answers, at every level; those of exact mode the
    reference's own bytes."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (f"{DATA}/slides/he-q90-r32", f"{DATA}/slides/he-odd-size", "tiles-sample/tissue"):
            name = os.path.basename(path)
            padded, partial = served(path)
            for ext, read, expected in (("pmtiles", readers.pmtiles_archive, padded), ("mbtiles", readers.mbtiles, padded),
                                        ("tiles", readers.xyz, padded), ("dzi", readers.dzi, partial)):
                target = f"{folder}/{name}.{ext}"
                export(path, target)
                assert read(target) == expected, (name, ext)
                if ext == "pmtiles":
                    check_archive(target, expected)
        target = f"{folder}/exact.dzi"
        export(f"{DATA}/slides/he-q90-r32", target, "--reconstruction", "exact")
        tiles = readers.dzi(target)
        for level, kind in ((10, "L1"), (11, "L0")):
            expected = readers.flat(f"{DATA}/expected/he-q90-r32/{kind}")
            assert {place[1:]: data for place, data in tiles.items() if place[0] == level} == expected, kind
    print("exported slides to pmtiles, mbtiles, folders and dzi: equal to what is served, and to the reference in exact mode")


def served(path):
    """Every tile of a slide as the server answers it: padded, and partial at the edges."""
    padded, partial = {}, {}
    with Server(ORIZURU, [path]) as server:
        (entry,) = server.catalog().values()
        for z in range(entry["minLevel"], entry["maxLevel"] + 1):
            scale = entry["tileSize"] << (entry["maxLevel"] - z)
            for x in range(-(-entry["width"] // scale)):
                for y in range(-(-entry["height"] // scale)):
                    status, _, padded[z, x, y] = server.get(f"/tiles/{entry['id']}/{z}/{x}/{y}.jpg")
                    assert status == 200, (path, z, x, y)
                    _, _, partial[z, x, y] = server.get(f"/dzi/{entry['id']}_files/{z}/{x}_{y}.jpg")
    return padded, partial


def check_interrupted_exports():
    """Interrupted, then killed again and again, an export ends as if nothing had been."""
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/source.mbtiles"
        make_mbtiles(source, 8, lambda z, x, y: b"%d %d %d" % (z, x // 2, y) * 20)
        tiles = readers.mbtiles(source)
        for ext, read in (("pmtiles", readers.pmtiles_archive), ("mbtiles", readers.mbtiles), ("tiles", readers.xyz)):
            target = f"{folder}/out.{ext}"
            begun = [interrupt(source, target, signal.SIGINT)]
            for delay in (0, 0.2, 0.4):
                assert not os.path.exists(target), "nothing half done has the name"
                begun.append(interrupt(source, target, signal.SIGKILL, delay))
                # A fast machine may be done before it is killed.
                if os.path.exists(target):
                    break
            else:
                begun.append(position(export(source, target).splitlines()[0]))
            assert begun[0] == 0 < begun[1] and begun == sorted(begun), (ext, begun)
            assert read(target) == tiles, ext
            assert [name for name in os.listdir(folder) if name.startswith("out") and name != f"out.{ext}"] == []
            remove(target)
    print("exports that were interrupted and killed went on where they were")


def position(line):
    """How many tiles a run found done, by its first line."""
    match = re.match(r"going on behind (\d+) of", line)
    return int(match[1]) if match else 0


def interrupt(source, target, number, delay=0):
    """Begins or continues an export and ends it when it is under way; how far it was when it began."""
    run = subprocess.Popen([ORIZURU, "export", source, target], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    # The first line comes with the first tile, or before it.
    line = run.stderr.readline()
    time.sleep(delay)
    run.send_signal(number)
    rest = run.stderr.read()
    code = run.wait()
    if number == signal.SIGINT:
        assert code == 130 and "run the same command again to go on" in rest, (code, line, rest)
    else:
        assert code in (-number, 0), (code, line, rest)
    return position(line)


def remove(path):
    shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


if __name__ == "__main__":
    check_exports()
    check_slides()
    check_interrupted_exports()
