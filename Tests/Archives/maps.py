# SPDX-License-Identifier: Apache-2.0
"""The maps that are served and exported, and the commands for it."""

import glob
import os
import sqlite3
import subprocess
import sys

import readers

ORIZURU, DATA = sys.argv[1], os.path.abspath(sys.argv[2])
# What has to be refused, and with which words.
INVALID = {
    "js-empty": "the file is empty",
    "js-invalid": "does not begin with \"PMTiles\"",
    "js-invalid_v4": "version 4",
}


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


def export(source, target, *options, code=0):
    run = subprocess.run([ORIZURU, "export", source, target, *options], capture_output=True, text=True, timeout=600)
    assert run.returncode == code, (source, target, run.returncode, run.stderr)
    return run.stderr


def png(filling):
    """What passes for a PNG of 256 pixels without being decoded."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\0\0\0\0\1\2\3\4" + filling + b"\0\0\0\0IEND\xaeB`\x82"


def make_mbtiles(path, levels, filling):
    """An archive with every tile of some levels; `filling` gives what is in the tile at z, x, y."""
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE tiles(zoom_level, tile_column, tile_row, tile_data)")
    database.execute("CREATE UNIQUE INDEX places ON tiles(zoom_level, tile_column, tile_row)")
    for z in range(levels):
        for x in range(2**z):
            database.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)",
                                 [(z, x, 2**z - 1 - y, png(filling(z, x, y))) for y in range(2**z)])
    database.commit()
    database.close()
