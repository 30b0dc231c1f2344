# SPDX-License-Identifier: Apache-2.0
"""Every file of the shared maps as it is served, against independent readers.

    test_maps.py ORIZURU DATA
"""

import gzip
import io
import os
import tempfile

import PIL.Image
import readers
from maps import DATA, INVALID, ORIZURU, export, png, sources
from server import Server

MEDIA = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "mvt": "application/vnd.mapbox-vector-tile",
         "mlt": "application/vnd.maplibre-vector-tile"}


def magic(data):
    """The media type that the first bytes show."""
    for start, media in ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp")):
        if data.startswith(start):
            return media
    return None


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


def four(server, tileset, level, left, top):
    """Four tiles as one picture."""
    whole = PIL.Image.new("RGBA", (512, 512))
    for x in range(2):
        for y in range(2):
            whole.paste(picture(server, f"{tileset}/{level}/{left + x}/{top + y}.png"), (256 * x, 256 * y))
    return whole


def check_derived():
    """`@2x` is the four tiles of the next level; below the last level a tile is its part of the ancestor, enlarged."""
    with Server(ORIZURU, [f"{DATA}/mbtiles", f"{DATA}/dzi", "tiles-sample/tissue"], "--maps-overzoom", "geography-class-png: 2; world_cities: 2") as server:
        name = "/tiles/geography-class-png"
        whole = four(server, name, 1, 0, 0)
        double = picture(server, f"{name}/0/0/0@2x.png")
        assert double.size == (512, 512) and double.tobytes() == whole.tobytes(), "the double is the four finer ones"
        # Of a slide, from pixels that were rendered and not encoded in between.
        double = picture(server, "/tiles/tissue/11/2/1@2x.png")
        assert double.tobytes() == four(server, "/tiles/tissue", 12, 4, 2).tobytes(), "those of a family"
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
        tile = png(os.urandom(700_000))
        os.makedirs(f"{folder}/source/0/0")
        with open(f"{folder}/source/0/0/0.png", "wb") as file:
            file.write(tile)
        export(f"{folder}/source", f"{folder}/archive.pmtiles")
        with Server(ORIZURU, [folder]) as server:
            for name in ("source", "archive"):
                url = f"/tiles/{name}/0/0/0.png"
                before = server.metric("orizuru_http_file_bytes_total")
                status, headers, body = server.get(url)
                assert (status, body) == (200, tile), (name, status, len(body))
                assert server.metric("orizuru_http_file_bytes_total") == before + len(tile), name
                assert server.get(url, If_None_Match=headers["ETag"])[0] == 304, name
                status, headers, body = server.get(url, Range="bytes=100-600099")
                assert (status, body) == (206, tile[100:600_100]), (name, status, len(body))
                assert headers["Content-Range"] == f"bytes 100-600099/{len(tile)}", name
                assert server.get(url, Range=f"bytes={len(tile)}-")[0] == 416, name
                assert server.get(url, If_Match='"other"')[0] == 412, name
    print("large tiles come from their file")


def check_first_requests():
    """The first answer of an archive's tile goes from the file to the socket, the second into memory, the third out of it."""
    with Server(ORIZURU, [f"{DATA}/pmtiles/stamen-toner-z3.pmtiles", f"{DATA}/pmtiles/js-test_fixture_1.pmtiles"]) as server:
        for entry in server.catalog().values():
            tiles = readers.pmtiles_archive(f"{DATA}/pmtiles/{entry['id']}.pmtiles")
            for (z, x, y), data in tiles.items():
                url = f"/tiles/{entry['id']}/{z}/{x}/{y}.{entry['format']}"
                sent, statuses, answers = [server.metric("orizuru_http_file_bytes_total")], [], []
                for _ in range(3):
                    _, headers, body = server.get(url, Accept_Encoding="gzip")
                    assert body == data, url
                    sent.append(server.metric("orizuru_http_file_bytes_total"))
                    statuses.append(headers["Cache-Status"])
                    del headers["Cache-Status"], headers["Server-Timing"], headers["Date"]
                    answers.append(sorted(headers.items()))
                assert [after - before for before, after in zip(sent, sent[1:])] == [len(data), 0, 0], (url, sent)
                assert answers[0] == answers[1] == answers[2], (url, answers)
                assert "hit" not in statuses[1] and "; hit" in statuses[2], (url, statuses)
    print("tiles of an archive go from the file to the socket at their first request")


if __name__ == "__main__":
    check_served()
    check_derived()
    check_large()
    check_first_requests()
