# SPDX-License-Identifier: Apache-2.0
"""Tiles that the server cannot decode, or the viewer not draw: vector tiles, WebP."""

import contextlib
import io
import json
import os
import pathlib
import re
import tempfile
import urllib.error
import urllib.request

from PIL import Image
from selenium.webdriver.common.by import By

from harness import serving
from sentences import Skip, expect, test

LAYERS = [
    {"id": "water", "description": "Seas & <lakes>", "fields": {"name": "String", "depth": "Number"}, "maxzoom": 1},
    {"id": "roads", "fields": {}},
]


def write_maps(folder):
    """A map of two levels of vector tiles, and one of WebP."""
    # One layer (field 3) of version 2 (field 15), named "water" (field 1), with an extent (field 5) and no feature.
    layer = bytes([0x78, 2, 0x0A, 5]) + b"water" + bytes([0x28, 0x80, 0x20])
    picture = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(picture, "WEBP", lossless=True)
    for name, extension, tile in (("shapes", "mvt", bytes([0x1A, len(layer)]) + layer), ("photo", "webp", picture.getvalue())):
        for level, x, y in ((0, 0, 0), (1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)):
            place = folder / name / str(level) / str(x)
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{y}.{extension}").write_bytes(tile)
    facts = {"name": "Shapes", "vector_layers": LAYERS, "attribution": '© <a href="https://shapes.example/">Shapes</a> & co'}
    (folder / "shapes" / "metadata.json").write_text(json.dumps(facts))


@contextlib.contextmanager
def other_server(page):
    """The browser's words for a server of those maps."""
    orizuru = os.environ.get("ORIZURU")
    if not orizuru:
        raise Skip("the environment names no ORIZURU to serve other maps")
    with tempfile.TemporaryDirectory() as name:
        write_maps(pathlib.Path(name))
        with serving(orizuru, name) as url:
            yield url


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@test("nothing is offered that a tileset of vector tiles or of WebP does not have")
def not_offered(page):
    with other_server(page) as url:
        tilesets = {tileset["id"]: tileset for tileset in json.loads(fetch(f"{url}/catalog.json"))["tilesets"]}
        shapes, photo = tilesets["shapes"], tilesets["photo"]
        expect(shapes["thumbnail"] is shapes["wmts"] is photo["thumbnail"] is None, f"offered is {shapes}, {photo}")
        expect(photo["wmts"] and shapes["tilejson"], f"not offered is {shapes}, {photo}")
        for path in ("/thumbnail/shapes.jpg", "/thumbnail/photo.jpg", "/wmts/shapes/0/0/0.png"):
            expect(status(url + path) == 404, f"{path} is answered with {status(url + path)}")
        layers = re.findall(r"<ows:Identifier>(photo|shapes)</ows:Identifier>", fetch(f"{url}{photo['wmts']}").decode())
        expect(layers == ["photo"], f"the layers of WMTS are {layers}")
        page.driver.get(url + "/")
        page.wait_for("the buttons", lambda: page.run("return document.querySelectorAll('.offer').length === 2"))
        page.run("for (const image of document.images) image.loading = 'eager'")
        page.wait_for("the picture", lambda: page.run("return [...document.images].every((image) => image.naturalWidth)"))
        shown = page.run("return [...document.querySelectorAll('#list img')].map((image) => image.getAttribute('src'))")
        expect(shown == [photo["tiles"].format(level=0, x=0, y=0)], f"the pictures are {shown}")
        buttons = [button.is_displayed() for button in page.driver.find_elements(By.CLASS_NAME, "compare")]
        expect(buttons == [tileset == photo for tileset in tilesets.values()], f"can be compared: {buttons}")


@test("a map of vector tiles has a page that says so, with its layers, and code that MapLibre can use")
def vector_page(page):
    with other_server(page) as url:
        page.driver.get(f"{url}/viewer/shapes")
        page.wait_for("the layers", lambda: page.run("return !document.getElementById('layers')?.hidden"))
        expect("vector tiles" in page.driver.find_element(By.TAG_NAME, "main").text, "the page does not say what it is")
        rows = page.run("return [...document.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))")
        fields = sorted(rows[0].pop().split(", "))
        expect(fields == ["depth", "name"], f"the fields are {fields}")
        expect(rows == [["water: Seas & <lakes>", "0–1"], ["roads", "0–1", ""]], f"the layers are {rows}")
        expect(page.text("attribution") == "© Shapes & co", f"the attribution reads {page.text('attribution')}")
        link = page.driver.find_element(By.CSS_SELECTOR, "#attribution a").get_attribute("href")
        expect(link == "https://shapes.example/", f"the attribution leads to {link}")
        chosen = page.run("return document.querySelector('.programs :checked').parentElement.textContent")
        expect(chosen == "MapLibre", f"chosen is {chosen}")
        code = page.run("return document.querySelector('.code code').textContent")
        # The page's policy lets no text be run.
        page.cdp("Page.setBypassCSP", enabled=True)
        try:
            page.driver.refresh()
            told = page.run_async("""
                let told;
                const run = new (async () => {}).constructor("maplibregl", args[0]);
                await run({ Map: class { constructor(options) { told = options; } } });
                return told;
            """, re.search(r"<script type=\"module\">\n(.*)</script>", code, re.S)[1])
        finally:
            page.cdp("Page.setBypassCSP", enabled=False)
        (source,) = told["style"]["sources"].values()
        described = json.loads(fetch(source["url"]))
        expect(source["type"] == "vector" and described["vector_layers"][0]["id"] == "water", f"{source}: {described}")
        expect(fetch(described["tiles"][0].format(z=1, x=1, y=0))[:1] == b"\x1a", "the tile is another one")
        layers = told["style"]["layers"]
        expect([layer["source-layer"] for layer in layers] == ["water"] * 3 + ["roads"] * 3, f"the style has {layers}")
        expect(len({layer["id"] for layer in layers}) == 6, "two layers of the style have one id")


@test("a comparison with vector tiles says that they are no pictures")
def no_comparison(page):
    with other_server(page) as url:
        page.driver.get(f"{url}/compare/photo/shapes")
        page.wait_for("the message", lambda: page.is_seen("message"))
        expect("not pictures" in page.text("message-text"), f"the message is: {page.text('message-text')}")


@test("an attribution becomes text and links to web pages, and nothing else")
def attributions(page):
    page.open(page.slide)
    page.run_async("""
        const { writeAttribution } = await import("/assets/attribution.js");
        const target = document.getElementById("attribution");
        window.written = args[0].map((html) => { writeAttribution(target, html); return target.innerHTML; });
    """, [
        'a &amp; <b style="color: red" onclick="x()">b</b>', '<script>alert(1)</script>c', '<a href="javascript:alert(1)">d</a>',
        '<img src="/nowhere.png" onerror="alert(1)">e', '<a href="https://e.example/?a=1&amp;b=2" onclick="x()">f <i>g</i></a>', None,
    ])
    expect(page.run("return window.written") == [
        "a &amp; b", "c", "d", "e",
        '<a href="https://e.example/?a=1&amp;b=2" rel="noopener" target="_blank">f g</a>', "",
    ], f"written was {page.run('return window.written')}")
