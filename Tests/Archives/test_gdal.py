# SPDX-License-Identifier: Apache-2.0
"""Maps as GDAL writes them: folders of gdal2tiles, and MBTiles, as a table and as a view.

    test_gdal.py ORIZURU DATA
"""

import json
import os
import sqlite3
import subprocess
import tempfile

import PIL.Image
import readers
from maps import ORIZURU
from server import Server


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (command, done.stderr)


def make_picture(folder):
    """A picture of which no two places are alike, from 20 W to 40 E and from 10 to 60 N."""
    picture = PIL.Image.new("RGB", (600, 500))
    picture.putdata([(x % 256, y % 256, (x // 3 * y) % 256) for y in range(500) for x in range(600)])
    picture.save(f"{folder}/plain.png")
    run("gdal_translate", "-q", "-a_srs", "EPSG:4326", "-a_ullr", "-20", "60", "40", "10", f"{folder}/plain.png",
        f"{folder}/picture.tif")
    return f"{folder}/picture.tif"


def same(server, name, entry, tiles):
    for (z, x, y), data in tiles.items():
        status, _, body = server.get(f"/tiles/{name}/{z}/{x}/{y}.png")
        assert (status, body) == (200, data), (name, z, x, y, status)
    assert (entry["minLevel"], entry["maxLevel"]) == (min(tiles)[0], max(tiles)[0]), (name, entry)


def check_folders(folder, picture):
    """TMS by its tilemapresource.xml alone is the same map as XYZ."""
    for name, options in (("tms", []), ("xyz", ["--xyz"])):
        run("gdal2tiles.py", "--profile=mercator", "-z", "0-4", "-q", "-w", "none", *options, picture, f"{folder}/maps/{name}")
    for profile in ("geodetic", "raster"):
        run("gdal2tiles.py", f"--profile={profile}", "-z", "0-2", "-q", "-w", "none", picture, f"{folder}/maps/{profile}")
    assert os.path.exists(f"{folder}/maps/tms/tilemapresource.xml")
    assert not os.path.exists(f"{folder}/maps/xyz/tilemapresource.xml")
    tiles = readers.xyz(f"{folder}/maps/xyz")
    assert len(tiles) > 20 and set(tiles) != {(z, x, 2**z - 1 - y) for z, x, y in tiles}, "upside down it is another one"
    with Server(ORIZURU, [f"{folder}/maps"]) as server:
        catalog = server.catalog()
        assert set(catalog) == {"tms", "xyz"}, list(catalog)
        for name in catalog:
            same(server, name, catalog[name], tiles)
        document = json.loads(server.get("/tilejson/tms.json")[2])
        assert document["name"] == "picture.tif" and document["minzoom"] == 0 and document["maxzoom"] == 4, document
        difference = max(abs(a - b) for a, b in zip(document["bounds"], (-20, 10, 40, 60)))
        assert difference < 0.5, document["bounds"]
        for profile in ("geodetic", "raster"):
            lines = [line for line in server.errors().splitlines() if f"maps/{profile}" in line]
            assert any("--profile=mercator" in line for line in lines), (profile, lines)
    print(f"gdal2tiles: {len(tiles)} tiles, the same from TMS and XYZ")


def check_mbtiles(folder, picture):
    """MBTiles by GDAL, and the same with a view in place of its table."""
    os.makedirs(f"{folder}/archives")
    path = f"{folder}/archives/table.mbtiles"
    run("gdal_translate", "-q", "-of", "MBTILES", picture, path)
    run("gdaladdo", "-q", path, "2", "4", "8")
    tiles = readers.mbtiles(path)
    with sqlite3.connect(path) as table, sqlite3.connect(f"{folder}/archives/view.mbtiles") as view:
        table.backup(view)
        view.executescript("""
            ALTER TABLE tiles RENAME TO stored;
            CREATE TABLE images(tile_id INTEGER PRIMARY KEY, tile_data BLOB);
            CREATE TABLE map(zoom_level INTEGER, tile_column INTEGER, xyz_row INTEGER, tile_id INTEGER);
            INSERT INTO images SELECT rowid, tile_data FROM stored;
            INSERT INTO map SELECT zoom_level, tile_column, (1 << zoom_level) - 1 - tile_row, rowid FROM stored;
            DROP TABLE stored;
            CREATE UNIQUE INDEX places ON map(zoom_level, tile_column, xyz_row);
            CREATE VIEW tiles AS SELECT map.zoom_level AS zoom_level, map.tile_column AS tile_column,
                (1 << map.zoom_level) - 1 - map.xyz_row AS tile_row, images.tile_data AS tile_data
                FROM map JOIN images ON images.tile_id = map.tile_id;
            """)
    assert readers.mbtiles(f"{folder}/archives/view.mbtiles") == tiles and len(tiles) > 5
    with Server(ORIZURU, [f"{folder}/archives"]) as server:
        catalog = server.catalog()
        for name in ("table", "view"):
            same(server, name, catalog[name], tiles)
    print(f"GDAL's MBTiles: {len(tiles)} tiles, from a table and from a view")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        source = make_picture(scratch)
        check_folders(scratch, source)
        check_mbtiles(scratch, source)
