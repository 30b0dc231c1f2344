# SPDX-License-Identifier: Apache-2.0
"""What the page tells in words: overlay, scale bar, coordinates, and the arithmetic behind them."""

import math
import re

from selenium.webdriver.common.by import By

from page import HEIGHT, WIDTH, middle
from reference import levels_size, mean_difference
from sentences import expect, expect_near, test


@test("the overlay tells the tier of every tile in the view")
def overlay(page):
    page.open(page.slide)
    page.show(*middle(page.slide), 1)
    plain = page.canvas()
    page.cdp("Network.setCacheDisabled", cacheDisabled=True)
    page.press("i")
    expect(mean_difference(page.canvas(), plain) > 0.2, "the overlay draws nothing")
    page.driver.refresh()
    page.idle()
    page.press("i")
    tiers = dict(re.findall(r"([a-z]+) (\d+)", page.driver.find_element(By.ID, "tiers").text))
    tiles = int(re.search(r"of (\d+) tiles", page.text("status"))[1])
    print(f"      {tiers}")
    expect(sum(map(int, tiers.values())) == tiles, f"{tiers} do not make {tiles} tiles")
    expect(set(tiers) <= {"hot", "warm", "disk", "shared", "render"}, f"unknown tiers: {tiers}")
    page.press("i")
    expect(page.canvas().tobytes() == plain.tobytes(), "the overlay leaves traces")


@test("scale bar, zoom, coordinates and status tell what is shown")
def readouts(page):
    page.open(page.slide)
    page.show(600, 500, 0.5)
    label = page.text("bar-label")
    width = page.run("return document.getElementById('bar').getBoundingClientRect().width")
    length, unit = re.fullmatch(r"([\d.]+) (px|nm|µm|mm)", label).groups()
    per_pixel = page.slide.get("micronsPerPixel")
    expect((unit == "px") == (not per_pixel), f"the scale bar says {label}")
    units = {"px": 1, "nm": 0.001, "µm": 1, "mm": 1000}[unit] / (per_pixel or 1)
    expect_near(width, float(length) * units * 0.5, 1, f"the width of a bar of {label}")
    expect(page.text("zoom") == "50 %", f"the zoom reads {page.text('zoom')}")
    page.cdp("Input.dispatchMouseEvent", type="mouseMoved", x=WIDTH // 2 + 10, y=HEIGHT // 2 - 20)
    page.wait_for("the pointer's coordinates", lambda: page.text("coordinates").startswith("620, 460 px"))
    expect(re.match(r"level \d+ · (\d+) of \1 tiles$", page.text("status")), f"the status reads {page.text('status')}")


@test("a map tells degrees, kilometres, its zoom, and whose it is")
def map_readouts(page):
    page.open(page.map)
    size = page.map["tileSize"] << page.map["maxLevel"]
    page.show(size * 0.75, size / 2, 1 / 2 ** page.map["maxLevel"] * 3)
    expect(page.text("coordinates") == "0.0000° N, 90.0000° E", f"the coordinates read {page.text('coordinates')}")
    expect(re.fullmatch(r"\d+ km", page.text("bar-label")), f"the scale bar says {page.text('bar-label')}")
    expect(page.text("zoom") == "zoom 1.6", f"the zoom reads {page.text('zoom')}")
    expect(page.text("attribution") == page.map["attribution"], f"the attribution reads {page.text('attribution')}")
    page.cdp("Input.dispatchMouseEvent", type="mouseMoved", x=WIDTH // 2, y=HEIGHT // 2 - 96)
    # An eighth of the world, which is 2^1.585 times 256 pixels wide.
    page.wait_for("the pointer's degrees", lambda: page.text("coordinates") == "40.9799° N, 90.0000° E")


@test("the viewer's arithmetic agrees with ours")
def arithmetic(page):
    page.open(page.slide)
    result = page.run_async("""
        const { Pyramid } = await import("/assets/pyramid.js");
        const { parseHash, formatHash } = await import("/assets/viewport.js");
        const { cacheTier, retryAfterMs } = await import("/assets/tiles.js");
        const { roundLength } = await import("/assets/readout.js");
        const { toLonLat, fromLonLat } = await import("/assets/mercator.js");
        const pyramid = new Pyramid(args[0]);
        const broken = { ...args[0], tileSize: 0 };
        const there = fromLonLat(13.4, 52.5, 1 << 20), back = toLonLat(there.x, there.y, 1 << 20);
        let refusal = null;
        try { new Pyramid(broken); } catch (error) { refusal = error.message; }
        return {
          sizes: Array.from({ length: args[0].maxLevel + 1 }, (_, level) => pyramid.levelSize(level)),
          hash: parseHash(formatHash({ x: 1234.5, y: 9.25, zoom: 1.25 })),
          tiers: ["orizuru; hit; detail=hot", 'edge; hit, orizuru; fwd=miss; detail="render"', "orizuru; hit",
            "orizuru; fwd=miss", "edge; hit", null].map(cacheTier),
          waits: [retryAfterMs("2", 0), retryAfterMs("Thu, 01 Jan 1970 00:00:05 GMT", 1000), retryAfterMs("soon", 0),
            retryAfterMs(null, 0)],
          lengths: [1, 4.9, 5, 99, 100, 0.3].map(roundLength),
          lonLat: [back.lon, back.lat],
          refusal,
        };
    """, page.slide)
    sizes = [(size["width"], size["height"]) for size in result["sizes"]]
    expect(sizes == [levels_size(page.slide, level) for level in range(page.slide["maxLevel"] + 1)], f"sizes: {sizes}")
    expect(math.dist((result["hash"]["x"], result["hash"]["y"]), (1234.5, 9.25)) < 0.05, f"hash: {result['hash']}")
    expect(result["tiers"] == ["hot", "render", "hit", "miss", "unknown", "unknown"], f"tiers: {result['tiers']}")
    expect(result["waits"] == [2000, 4000, 0, 0], f"waits: {result['waits']}")
    expect(all(abs(a - b) < 1e-9 for a, b in zip(result["lengths"], [1, 2, 5, 50, 100, 0.2])), f"{result['lengths']}")
    expect(math.dist(result["lonLat"], (13.4, 52.5)) < 1e-9, f"there and back: {result['lonLat']}")
    expect("tileSize" in (result["refusal"] or ""), f"a broken description is answered by {result['refusal']}")
