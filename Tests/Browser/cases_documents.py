# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/viewers: their code is what the catalog page gives, and works."""

import contextlib
import http.server
import io
import json
import pathlib
import re
import threading
import urllib.parse
import urllib.request

from PIL import Image

import documents
from reference import levels_size, mean_difference, worst_block
from sentences import Skip, expect, expect_near, test

LEAFLET = pathlib.Path("/usr/share/javascript/leaflet")
# Programs whose code is a page of its own; the others have theirs in Tests/Interop.
PAGES = {"openseadragon": "OpenSeadragon", "leaflet": "Leaflet", "openlayers": "OpenLayers", "maplibre": "MapLibre"}


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read(), answer.headers


def documented(page, kind):
    """The tileset of a kind that the documents speak of."""
    id_ = {"slide": "tissue", "map": "world"}[kind]
    for tileset in page.tilesets:
        if tileset["id"] == id_:
            return tileset
    raise Skip(f"the server has no {id_}: it does not serve the samples")


def given(page, tileset, origin):
    """What the catalog page gives for a tileset, program by program."""
    page.driver.get("about:blank")
    page.driver.get(page.base_url + "/")
    return page.run_async("""
        const { snippets } = await import("/assets/snippets.js");
        return Object.fromEntries(snippets(...args).map(({ name, code }) => [name, code]));
    """, tileset, origin)


def codes(page, name):
    """A page's code with the server's true address."""
    for code in documents.blocks(name, "html"):
        yield code.replace(documents.ORIGIN, page.base_url)


def script(code):
    return re.search(r"<script(?: type=\"module\")?>\n(.*?)</script>", code, re.S)[1]


def check_address(page, url):
    """Asks for what an address of an example leads to, and for a tile that it promises."""
    tileset = next(tileset for tileset in page.tilesets if f"/{tileset['id']}" in url or url.endswith(tileset["wmts"] or "-"))
    level = tileset["maxLevel"]
    body, headers = fetch(url.format(z=level, x=0, y=0))
    expect(headers["Access-Control-Allow-Origin"] == "*", f"{url} is not for pages of other hosts")
    if url.endswith(".dzi"):
        width, height = (int(value) for value in re.search(rb'Width="(\d+)" Height="(\d+)"', body).groups())
        expect((width, height) == (tileset["width"], tileset["height"]), f"{url} tells {width} x {height}")
        check_picture(url.replace(".dzi", f"_files/{level}/0_0.jpg"))
    elif url.endswith("info.json"):
        info = json.loads(body)
        expect((info["width"], info["height"]) == (tileset["width"], tileset["height"]), f"{url}: {info}")
        expect("height" in info["tiles"][0], "the tiles of info.json have no height")
        side = info["tiles"][0]["width"]
        check_picture(f"{info['id']}/0,0,{side},{side}/{side},{side}/0/default.jpg")
    elif "/tilejson/" in url:
        described = json.loads(body)
        expect(described["tilejson"] == "3.0.0" and described["maxzoom"] == level, f"{url}: {described}")
        check_picture(described["tiles"][0].format(z=level, x=0, y=0))
    elif "WMTSCapabilities" in url:
        expect(f"<ows:Identifier>{tileset['id']}</ows:Identifier>".encode() in body, f"{url} has no such layer")
    else:
        Image.open(io.BytesIO(body)).load()


def check_picture(url):
    body, _ = fetch(url)
    Image.open(io.BytesIO(body)).load()


@test("the code on the pages of docs/viewers is what the catalog page gives")
def same_code(page):
    for kind in ("slide", "map"):
        offered = given(page, documented(page, kind), documents.ORIGIN)
        for program, code in offered.items():
            text = (documents.FOLDER / f"{program.lower()}.md").read_text()
            expect(f"\n{code}```\n" in text, f"{program.lower()}.md lacks the code for a {kind}:\n{code}")


@test("the code of docs/viewers parses, and every address in it leads to what the viewer expects")
def addresses_resolve(page):
    for name in PAGES:
        text = (documents.FOLDER / f"{name}.md").read_text()
        found = documents.addresses(text)
        expect(found, f"{name}.md has no address")
        for url in found:
            check_address(page, url.replace(documents.ORIGIN, page.base_url))
        page.driver.get("about:blank")
        for code in codes(page, name):
            page.run("new (async () => {}).constructor(arguments[0])", script(code))
        print(f"      {name}: {len(found)} addresses")


@test("OpenSeadragon is told a Deep Zoom description, and of a map the levels and tiles that there are")
def open_seadragon(page):
    page.driver.get("about:blank")
    slide, world = documented(page, "slide"), documented(page, "map")
    told = []
    for code in codes(page, "openseadragon"):
        told.append(page.run("""
            let told;
            new Function("OpenSeadragon", arguments[0])((options) => { told = options; });
            const { tileSources: source } = told;
            const urls = source.getTileUrl && [source.getTileUrl(source.minLevel, 0, 0), source.getTileUrl(source.maxLevel, 5, 3)];
            return { ...told, urls };
        """, script(code)))
    expect(told[0]["tileSources"] == page.base_url + slide["dzi"], f"told was {told[0]}")
    source = told[1]["tileSources"]
    # OpenSeadragon's levels: the finest is the one at which the picture has its size, each other one has half.
    expect(2 ** source["maxLevel"] == source["width"] == levels_size(world, world["maxLevel"])[0], f"told was {source}")
    for url, (level, x, y) in zip(told[1]["urls"], ((world["minLevel"], 0, 0), (world["maxLevel"], 5, 3))):
        picture, _ = fetch(url)
        expect(picture == fetch(f"{page.base_url}/tiles/world/{level}/{x}/{y}.png")[0], f"{url} is another tile")


@test("MapLibre is told a style whose sources are there")
def map_libre(page):
    page.driver.get("about:blank")
    world = documented(page, "map")
    (code,) = codes(page, "maplibre")
    told = page.run("""
        let told;
        new Function("maplibregl", arguments[0])({ Map: class { constructor(options) { told = options; } } });
        return told;
    """, script(code))
    style = told["style"]
    expect(style["version"] == 8, f"the style is {style}")
    expect({layer["source"] for layer in style["layers"]} == set(style["sources"]), f"the style is {style}")
    (source,) = style["sources"].values()
    described = json.loads(fetch(source["url"])[0])
    expect(source["tileSize"] == described["tileSize"] == world["tileSize"], f"the source is {source}")
    expect(sum(told["bounds"], []) == world["bounds"] == described["bounds"], f"the bounds are {told['bounds']}")


# Leaflet itself

@contextlib.contextmanager
def site(html):
    """A web server of one page, and of Debian's Leaflet, on an origin of its own; gives its address."""

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = pathlib.PurePath(self.path).name
            kinds = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}
            if self.path == "/":
                body, kind = html.encode(), "text/html; charset=utf-8"
            elif self.path.startswith("/leaflet/"):
                folder = LEAFLET / "images" if name.endswith(".png") else LEAFLET
                body, kind = (folder / name).read_bytes(), kinds[pathlib.PurePath(name).suffix]
            else:  # the browser's own question for an icon
                body, kind = b"", "image/png"
            self.send_response(200 if body else 204)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def leaflet_tiles(page):
    """Waits until every tile is drawn; then where each lies on the screen, and its address."""
    page.wait_for("Leaflet's tiles", lambda: page.run("""
        const tiles = [...document.querySelectorAll("img.leaflet-tile")];
        return tiles.length > 0 && !document.querySelector(".leaflet-zoom-anim") && tiles.every((tile) =>
          tile.matches(".leaflet-tile-loaded") && tile.naturalWidth > 0 && getComputedStyle(tile).opacity === "1");
    """))
    return page.run("""
        return [...document.querySelectorAll("img.leaflet-tile")].map((tile) => {
          const { x, y, width, height } = tile.getBoundingClientRect();
          return { url: tile.src, place: [x, y, x + width, y + height].map(Math.round) };
        });
    """)


def expect_leaflet_shows(page, what):
    """The screen agrees with the tiles, fetched once more and laid where Leaflet has them."""
    tiles = leaflet_tiles(page)
    size = page.run("return [innerWidth, innerHeight]")
    expected, covered = Image.new("RGBA", size), Image.new("L", size)
    for tile in tiles:
        picture = Image.open(io.BytesIO(fetch(tile["url"])[0])).convert("RGBA")
        left, top, right, bottom = tile["place"]
        expected.paste(picture.resize((right - left, bottom - top), Image.Resampling.BILINEAR), (left, top))
        covered.paste(255, tuple(tile["place"]))
    expect(covered.histogram()[255] > size[0] * size[1] / 5, f"{what}: hardly a tile is in sight")
    page.run("for (const control of document.querySelectorAll('.leaflet-control')) control.style.visibility = 'hidden'")
    page.two_frames()
    actual = Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGBA")
    empty = Image.new("RGBA", size)
    actual, expected = (Image.composite(picture, empty, covered) for picture in (actual, expected))
    mean, block = mean_difference(actual, expected), worst_block(actual, expected)
    print(f"      {what}: {len(tiles)} tiles, mean difference {mean:.2f}, worst block {block}")
    expect(mean <= 1 and block <= 6, f"{what}: differs from the tiles by {mean:.2f}, worst block {block}")
    return tiles


@test("Leaflet shows the sample map and slide with the code of docs/viewers, pixel by pixel")
def leaflet(page):
    if not (LEAFLET / "leaflet.js").is_file():
        raise Skip(f"{LEAFLET} is not there (apt install libjs-leaflet)")
    documented(page, "map"), documented(page, "slide")
    by_kind = dict(zip(("map", "slide"), codes(page, "leaflet")))
    for kind, code in by_kind.items():
        tileset = documented(page, kind)
        local = re.sub(r"https://cdn[^\"]*/dist/", "/leaflet/", code)
        expect("https://" not in local, "the page loads more than Leaflet")
        with site(local) as origin:
            page.driver.get(origin)
            tiles = expect_leaflet_shows(page, f"{kind} as a whole")
            expect(all(tile["url"].startswith(f"{page.base_url}/tiles/{tileset['id']}/") for tile in tiles), f"{tiles[0]}")
            home = page.run("return map.getZoom()")
            for zoom in (home + 1, tileset["maxLevel"]):
                page.run("map.setZoom(arguments[0], { animate: false })", zoom)
                tiles = expect_leaflet_shows(page, f"{kind} at zoom {zoom}")
                levels = {int(urllib.parse.urlsplit(tile["url"]).path.split("/")[3]) for tile in tiles}
                expect(levels == {zoom}, f"{kind} at zoom {zoom}: tiles of levels {levels}")
            if kind == "map":
                west, south, east, north = tileset["bounds"]
                bounds = page.run("return [bounds[0][1], bounds[0][0], bounds[1][1], bounds[1][0]]")
                expect(bounds == [west, south, east, north], f"the bounds are {bounds}")
            else:
                corner = page.run("const at = map.project(bounds.getSouthEast(), arguments[0]); return [at.x, at.y]", zoom)
                expect_near(corner[0], tileset["width"], 1e-6, "the width in Leaflet's pixels")
                expect_near(corner[1], tileset["height"], 1e-6, "the height in Leaflet's pixels")
            loaded = page.run("return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin)")
            expect(set(loaded) <= {origin, page.base_url}, f"something came from {set(loaded)}")
