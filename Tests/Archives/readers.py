# SPDX-License-Identifier: Apache-2.0
"""What others make of the same files: every tile of an archive as (z, x, y) -> bytes, rows counted from the top."""

import os
import re
import sqlite3

import pmtiles.reader


def mbtiles(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = database.execute("SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles")
    return {(z, x, 2**z - 1 - y): bytes(data) for z, x, y, data in rows}


def pmtiles_archive(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    # An archive of the format's first weeks carries the digit 3 as its version; the reader wants the number.
    if data[:8] == b"PMTiles3":
        data[7] = 3
    source = pmtiles.reader.MemorySource(bytes(data))
    return {place: bytes(tile) for place, tile in pmtiles.reader.all_tiles(source)}


def dzi(path):
    tiles = {}
    folder = path[:-4] + "_files"
    for level in os.listdir(folder):
        if not level.isdigit():
            continue
        for name in os.listdir(os.path.join(folder, level)):
            match = re.fullmatch(r"(\d+)_(\d+)\.\w+", name)
            if match:
                with open(os.path.join(folder, level, name), "rb") as file:
                    tiles[(int(level), int(match[1]), int(match[2]))] = file.read()
    return tiles


def xyz(folder):
    tiles = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            match = re.fullmatch(r"(\d+)/(\d+)/(\d+)\.\w+", os.path.relpath(os.path.join(parent, name), folder))
            if match:
                with open(os.path.join(parent, name), "rb") as file:
                    tiles[tuple(int(number) for number in match.groups())] = file.read()
    return tiles


def flat(folder):
    """Files named x_y as (x, y) -> bytes."""
    tiles = {}
    for name in os.listdir(folder):
        match = re.fullmatch(r"(\d+)_(\d+)\.\w+", name)
        with open(os.path.join(folder, name), "rb") as file:
            tiles[int(match[1]), int(match[2])] = file.read()
    return tiles
