#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives the catalog and the viewer in headless Chromium and compares what they show with the tiles themselves.

    python test_viewer.py BASE_URL [--only WORDS] [--shots FOLDER]        (or ORIZURU_URL=BASE_URL)

Wants a server that serves at least one slide larger than the window, chromium and chromium-driver, and the packages of
requirements.txt. Whatever is absent is a skip that says so. The last line is `N passed, N failed, N skipped`, and the
exit code is 1 when something failed.
"""

import argparse
import base64
import io
import json
import math
import os
import re
import shutil
import sys
import time
import traceback
import urllib.request

try:
    from PIL import Image
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    from reference import Reference, levels_size, mean_difference, worst_block

    MISSING_PACKAGE = None
except ImportError as error:
    MISSING_PACKAGE = str(error)

WIDTH, HEIGHT = 1000, 700
PATIENCE_SECONDS = 60

# Bounds of the differences, in levels of 0...255. At 1:1 only the JPEG decoders may differ, elsewhere the scalers, too.
EXACT = {"mean": 2.0, "block": 8}
SCALED = {"mean": 1.5, "block": 6}

TESTS = []


class Skip(Exception):
    """A test that cannot be run here; the text says why."""


def test(sentence):
    def register(function):
        TESTS.append((sentence, function))
        return function

    return register


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def expect_near(actual, expected, tolerance, what):
    expect(abs(actual - expected) <= tolerance, f"{what} is {actual}, expected {expected} within {tolerance}")


class Page:
    """The browser, and the words the tests are written in."""

    def __init__(self, base_url, chromium, chromedriver):
        self.base_url = base_url
        options = Options()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(chromedriver))
        self.driver.set_script_timeout(PATIENCE_SECONDS)
        self.driver.set_page_load_timeout(PATIENCE_SECONDS)
        self.console = []
        with urllib.request.urlopen(base_url + "/", timeout=30) as answer:
            catalog = re.search(r'id="catalog">(.*?)</script>', answer.read().decode(), re.S)
        self.tilesets = json.loads(catalog[1])
        self.references = {tileset["id"]: Reference(base_url, tileset) for tileset in self.tilesets}

    def fresh(self, width=WIDTH, height=HEIGHT, pixel_ratio=1, mobile=False, **media):
        """Brings the browser back to what every test starts from."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        metrics = {"width": width, "height": height, "deviceScaleFactor": pixel_ratio, "mobile": mobile}
        self.driver.get("about:blank")
        self.cdp("Emulation.setDeviceMetricsOverride", **metrics)
        self.cdp("Emulation.setEmulatedMedia", features=features)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=mobile)
        self.cdp("Network.enable")
        self.cdp("Network.setCacheDisabled", cacheDisabled=False)
        self.latency(0)

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def resize(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.wait_for("the new size", lambda: self.run("return document.getElementById('image').width") == width)
        self.idle()

    def latency(self, milliseconds):
        throughput = {"downloadThroughput": -1, "uploadThroughput": -1}
        self.cdp("Network.emulateNetworkConditions", offline=False, latency=milliseconds, **throughput)

    @property
    def slide(self):
        """The largest slide."""
        slides = [tileset for tileset in self.tilesets if tileset["kind"] == "slide"]
        if not slides:
            raise Skip("the server has no slide")
        return max(slides, key=lambda tileset: tileset["width"] * tileset["height"])

    @property
    def map(self):
        maps = [tileset for tileset in self.tilesets if tileset["kind"] == "map"]
        if not maps:
            raise Skip("the server has no map")
        return maps[0]

    def open(self, tileset, hash_=""):
        self.driver.get("about:blank")  # a change of the hash alone would not load the page
        self.driver.get(f"{self.base_url}/viewer/{tileset['id']}{hash_}")
        self.idle()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def run_async(self, script, *arguments):
        """Runs the body of an async function and answers what it returns."""
        wrapped = f"const done = arguments[arguments.length - 1]; (async (...args) => {{ {script} }})(...arguments)" \
            ".then((value) => done({value}), (error) => done({error: String(error)}))"
        answer = self.driver.execute_async_script(wrapped, *arguments)
        expect("error" not in answer, f"the page threw {answer.get('error')}")
        return answer.get("value")

    def idle(self):
        self.run_async("await window.orizuruViewer.idle()")

    def show(self, x, y, zoom):
        self.run("orizuruViewer.setView(...arguments)", x, y, zoom)
        self.idle()

    @property
    def stats(self):
        return self.run("return orizuruViewer.stats")

    @property
    def view(self):
        return self.stats["view"]

    def canvas(self):
        """The canvas, pixel by pixel, as RGBA."""
        url = self.run("return document.getElementById('image').toDataURL('image/png')")
        return Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))).convert("RGBA")

    def text(self, id_):
        return self.run("return document.getElementById(arguments[0]).textContent.trim()", id_)

    def is_seen(self, id_):
        return self.driver.find_element(By.ID, id_).is_displayed()

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()
        self.idle()

    def wait_for(self, what, condition):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            expect(time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s in vain: {what}")
            time.sleep(0.05)

    def collect_console(self):
        self.console += self.driver.get_log("browser")

    def expect_picture(self, tileset, what, exact, pixel_ratio=1):
        """Compares the canvas with the picture that the tiles make."""
        stats = self.stats
        expect(stats["failed"] == 0, f"{what}: {stats['failed']} tiles failed")
        actual = self.canvas()
        expected = self.references[tileset["id"]].compose(stats["view"], *actual.size, pixel_ratio)
        bounds = EXACT if exact else SCALED
        mean, block = mean_difference(actual, expected), worst_block(actual, expected)
        print(f"      {what}: mean difference {mean:.2f}, worst block {block}")
        is_near = mean <= bounds["mean"] and block <= bounds["block"]
        expect(is_near, f"{what}: differs from the tiles by {mean:.2f}, worst block {block}")


def middle(tileset):
    width, height = levels_size(tileset, tileset["maxLevel"])
    return (width / 2, height / 2) if tileset["kind"] == "map" else (tileset["width"] / 2, tileset["height"] / 2)


# ---------------------------------------------------------------------------------------------- what is delivered


def fetch(page, path):
    with urllib.request.urlopen(page.base_url + path, timeout=30) as answer:
        return answer.read().decode(), answer.headers


@test("the catalog links to the viewer of every tileset, without script")
def catalog_links(page):
    html, _ = fetch(page, "/")
    links = re.findall(r'<li><a href="/viewer/([^"]+)">', html)
    expect(sorted(links) == sorted(tileset["id"] for tileset in page.tilesets), f"the links lead to {links}")
    for link in links:
        page_html, headers = fetch(page, f"/viewer/{link}")
        expect(headers.get_content_type() == "text/html", f"/viewer/{link} is {headers.get_content_type()}")
        described = json.loads(re.search(r'id="tileset">(.*?)</script>', page_html, re.S)[1])
        expect(described["id"] == link, f"/viewer/{link} describes {described['id']}")


@test("the pages carry a strict Content-Security-Policy and nothing that it forbids")
def strict_policy(page):
    for path in ("/", f"/viewer/{page.slide['id']}"):
        html, headers = fetch(page, path)
        policy = headers.get("Content-Security-Policy") or ""
        for directive in ("default-src 'none'", "script-src 'self'", "style-src 'self'"):
            expect(directive in policy, f"{path}: the policy '{policy}' lacks {directive}")
        expect("unsafe" not in policy, f"{path}: the policy allows what is unsafe")
        expect("{{" not in html, f"{path} still has a marker")
        expect(not re.search(r"<style|\sstyle=|\son[a-z]+=", html), f"{path} has inline style or handlers")
        for tag in re.findall(r"<script[^>]*>", html):
            expect("src=" in tag or 'type="application/json"' in tag, f"{path} has an inline script")
        for url in re.findall(r'(?:src|href)="([^"]*)"', html):
            expect(url.startswith("/") or url.startswith("data:"), f"{path} refers to {url}")


@test("the viewer lists each of its modules for preloading, and all of them are there")
def modules_are_there(page):
    html, _ = fetch(page, f"/viewer/{page.slide['id']}")
    listed = set(re.findall(r'<link rel="modulepreload" href="/assets/([^"]+)"', html)) | {"viewer.js"}
    imported = {"viewer.js"}
    for module in listed:
        source, headers = fetch(page, f"/assets/{module}")
        expect("javascript" in headers.get_content_type(), f"{module} is {headers.get_content_type()}")
        imported |= set(re.findall(r'from "\./([^"]+)"', source))
    expect(imported == listed, f"listed and imported modules differ: {sorted(imported ^ listed)}")


@test("the catalog shows a picture of each tileset that has one, and leads to a viewer")
def catalog_in_browser(page):
    page.driver.get(page.base_url + "/")
    pictures = "return [...document.images].every((image) => image.complete && image.naturalWidth > 0)"
    page.run("for (const image of document.images) image.loading = 'eager'")
    page.wait_for("the catalog's pictures", lambda: page.run(pictures))
    expect(page.run("return document.images.length") > 0, "the catalog has no picture")
    page.driver.find_element(By.CSS_SELECTOR, f"a[href='/viewer/{page.slide['id']}']").click()
    page.wait_for("the viewer", lambda: "/viewer/" in page.driver.current_url)
    page.idle()
    expect(page.stats["loaded"] > 0, "the viewer loaded no tile")


# ---------------------------------------------------------------------------------------------- what is shown


@test("every tileset's first picture shows the whole of it and agrees with its tiles")
def first_picture(page):
    for tileset in page.tilesets:
        page.open(tileset)
        view = page.view
        width, height = (2 * coordinate for coordinate in middle(tileset))
        if not tileset["bounds"]:
            expect(view["zoom"] * width <= WIDTH and view["zoom"] * height <= HEIGHT, f"{tileset['id']} does not fit")
        page.expect_picture(tileset, f"{tileset['id']} at home", exact=False)


@test("at 1:1 the canvas shows the tiles' own pixels, in the middle and in the corners")
def pixels_at_one_to_one(page):
    for tileset in page.tilesets:
        page.open(tileset)
        x, y = middle(tileset)
        places = {"middle": (x, y), "off the grid": (x + 0.37, y - 0.61), "corner": (2 * x, 2 * y), "origin": (0, 0)}
        for name, place in places.items():
            page.show(*place, 1)
            expect(page.stats["level"] == tileset["maxLevel"], "1:1 does not show the finest level")
            page.expect_picture(tileset, f"{tileset['id']} 1:1, {name}", exact=True)


@test("every level is shown pixel by pixel at its own 1:1")
def pixels_of_levels(page):
    page.open(page.slide)
    for steps in (1, 2):
        page.show(*middle(page.slide), 2**-steps)
        expect(page.stats["level"] == page.slide["maxLevel"] - steps, f"zoom 1/{2 ** steps} shows another level")
        page.expect_picture(page.slide, f"level {page.stats['level']}", exact=True)


@test("between the levels and beyond the finest one the picture agrees with the tiles")
def pixels_between_levels(page):
    for tileset in page.tilesets:
        page.open(tileset)
        for zoom in (0.31, 0.7, 1.13, 1.7, 4):
            page.show(*middle(tileset), zoom)
            page.expect_picture(tileset, f"{tileset['id']} at zoom {zoom}", exact=False)


@test("on a screen with two device pixels per pixel the canvas has all of them")
def device_pixel_ratio(page):
    page.fresh(600, 400, pixel_ratio=2)
    page.open(page.slide)
    page.show(*middle(page.slide), 0.5)
    expect(page.canvas().size == (1200, 800), f"the canvas has {page.canvas().size} pixels")
    expect(page.stats["level"] == page.slide["maxLevel"], "zoom 0.5 does not show the finest level")
    page.expect_picture(page.slide, "two device pixels per pixel", exact=True, pixel_ratio=2)


@test("a resized window keeps the middle, and the whole picture when that was shown")
def resized(page):
    page.open(page.slide)
    page.resize(700, 500)
    expect(page.view["zoom"] * page.slide["width"] <= 700, "the whole picture is not shown any more")
    page.show(700, 600, 1)
    page.resize(900, 640)
    expect(page.view == {"x": 700, "y": 600, "zoom": 1}, f"the view became {page.view}")
    page.expect_picture(page.slide, "after a resize", exact=True)


@test("coarser tiles stand in until the finer ones arrive")
def stand_ins(page):
    page.open(page.slide)
    finest = page.slide["maxLevel"]
    page.run("""
        const [level, tiles] = arguments, real = window.fetch;
        window.fetch = (url, options) => url.startsWith(tiles.replace("{level}", level).split("{x}")[0])
          ? new Promise((resolve, reject) => options.signal.addEventListener("abort", () => reject(new Error("aborted"))))
          : real(url, options);
        orizuruViewer.setView(...arguments[2], 1);
    """, finest, page.slide["tiles"], middle(page.slide))
    page.wait_for("requests of the finest level", lambda: page.stats["inFlight"] == 6)
    page.run_async("await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))")
    actual, view = page.canvas(), page.view
    expected = page.references[page.slide["id"]].compose(view, *actual.size)
    coarse = mean_difference(actual, expected, blur=16)
    print(f"      shrunk 16 times, the stand-in differs by {coarse:.2f} from the finest level")
    expect(actual.getchannel("A").getextrema() == (255, 255), "there are holes in the picture")
    expect(coarse < 12, f"the stand-in differs by {coarse:.1f} from what it stands for")


# ---------------------------------------------------------------------------------------------- hands and keys


@test("the wheel zooms, and the point under the pointer stays")
def wheel(page):
    page.open(page.slide)
    page.show(*middle(page.slide), 0.5)
    point = "return orizuruViewer.screenToImage(300, 200)"
    before, zoom = page.run(point), page.view["zoom"]
    origin = ScrollOrigin.from_viewport(300, 200)
    ActionChains(page.driver).scroll_from_origin(origin, 0, -240).perform()
    page.idle()
    after = page.run(point)
    expect(page.view["zoom"] > zoom * 1.2, f"the zoom went from {zoom} to {page.view['zoom']}")
    expect_near(after["x"], before["x"], 0.5, "x under the pointer")
    expect_near(after["y"], before["y"], 0.5, "y under the pointer")
    page.expect_picture(page.slide, "after the wheel", exact=False)
    ActionChains(page.driver).scroll_from_origin(origin, 0, 240).perform()
    page.idle()
    expect_near(page.view["zoom"], zoom, zoom * 0.01, "the zoom after the way back")


@test("a drag moves the picture with the pointer; a flick lets it run on")
def drag(page):
    page.open(page.slide)
    page.show(*middle(page.slide), 1)
    before = page.view
    canvas = page.driver.find_element(By.ID, "image")
    chain = ActionChains(page.driver, duration=80).move_to_element(canvas).click_and_hold()
    chain.move_by_offset(-120, 60).pause(0.4).release().perform()
    page.idle()
    after = page.view
    expect_near(after["x"], before["x"] + 120, 1, "x after a drag")
    expect_near(after["y"], before["y"] - 60, 1, "y after a drag")
    page.expect_picture(page.slide, "after a drag", exact=True)
    chain = ActionChains(page.driver, duration=60).move_to_element(canvas).click_and_hold()
    chain.move_by_offset(60, 0).move_by_offset(60, 0).release().perform()
    page.idle()
    expect(page.view["x"] < after["x"] - 125, f"a flick of 120 pixels went from {after['x']} to {page.view['x']}")


@test("with reduced motion the picture neither glides nor runs on")
def reduced_motion(page):
    page.fresh(prefers_reduced_motion="reduce")
    page.open(page.slide)
    page.show(*middle(page.slide), 1)
    before = page.view
    page.run("document.getElementById('zoom-in').click()")
    expect_near(page.view["zoom"], 2 * before["zoom"], 0.001, "the zoom right after the step")


@test("a double click zooms in, with shift out")
def double_click(page):
    page.open(page.slide)
    page.show(*middle(page.slide), 0.5)
    canvas = page.driver.find_element(By.ID, "image")
    ActionChains(page.driver).double_click(canvas).perform()
    page.idle()
    expect_near(page.view["zoom"], 1, 0.001, "the zoom after a double click")
    ActionChains(page.driver).key_down(Keys.SHIFT).double_click(canvas).key_up(Keys.SHIFT).perform()
    page.idle()
    expect_near(page.view["zoom"], 0.5, 0.001, "the zoom after a double click with shift")


@test("two fingers pinch and move the picture at once")
def pinch(page):
    page.fresh(mobile=True)
    page.open(page.slide)
    page.show(*middle(page.slide), 0.5)
    before = page.run("return orizuruViewer.screenToImage(400, 300)")

    def touch(kind, *points):
        points = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(points)]
        page.cdp("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    touch("touchStart", (350, 300))
    touch("touchStart", (350, 300), (450, 300))
    for step in range(1, 11):
        touch("touchMove", (350 - 5 * step, 300 + 4 * step), (450 + 5 * step, 300 + 4 * step))
    touch("touchEnd")
    page.idle()
    expect_near(page.view["zoom"], 1, 0.05, "the zoom after fingers twice as far apart")
    after = page.run("return orizuruViewer.screenToImage(400, 340)")
    expect_near(after["x"], before["x"], 12, "x between the fingers")
    expect_near(after["y"], before["y"], 12, "y between the fingers")


@test("two taps zoom in")
def double_tap(page):
    page.fresh(mobile=True)
    page.open(page.slide)
    page.show(*middle(page.slide), 0.5)
    for _ in range(2):
        page.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": 500, "y": 350, "id": 0}])
        page.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.idle()
    expect_near(page.view["zoom"], 1, 0.001, "the zoom after two taps")


@test("the keys move, zoom, and open overlay and help")
def keyboard(page):
    page.open(page.slide)
    home = page.view
    page.show(*middle(page.slide), 1)
    start = page.view
    page.press(Keys.ARROW_RIGHT)
    expect_near(page.view["x"], start["x"] + 80, 0.5, "x after the right arrow")
    page.press(Keys.ARROW_LEFT, Keys.ARROW_UP)
    expect_near(page.view["x"], start["x"], 0.5, "x after the left arrow")
    expect_near(page.view["y"], start["y"] - 80, 0.5, "y after the up arrow")
    page.press(Keys.ARROW_DOWN)
    expect_near(page.view["y"], start["y"], 0.5, "y after the down arrow")
    page.press("+")
    expect_near(page.view["zoom"], 2, 0.001, "the zoom after +")
    page.press("-", "-")
    expect_near(page.view["zoom"], 0.5, 0.001, "the zoom after - twice")
    page.press("1")
    expect_near(page.view["zoom"], 1, 0.001, "the zoom after 1")
    for key in ("0", Keys.HOME):
        page.show(*middle(page.slide), 1)
        page.press(key)
        expect(page.view == home, f"the view after {key!r} is {page.view}, at first it was {home}")
    page.press("i")
    expect(page.is_seen("tiers"), "i shows no overlay")
    page.press("i")
    expect(not page.is_seen("tiers"), "i does not hide the overlay")
    page.press("?")
    expect(page.is_seen("help"), "? shows no help")
    page.press(Keys.ESCAPE)
    expect(not page.is_seen("help"), "Escape does not close the help")


@test("the buttons have names, can be reached by Tab, and work")
def buttons(page):
    page.open(page.slide)
    page.show(*middle(page.slide), 1)
    found = page.driver.find_elements(By.CSS_SELECTOR, "#controls button")
    expect(len(found) >= 5, f"there are {len(found)} buttons")
    for button in found:
        expect(button.accessible_name, "a button has no name")
    reached = set()
    for _ in range(12):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        reached.add(page.run("return document.activeElement.id"))
    expect({"zoom-in", "zoom-out", "home", "overlay", "show-help"} <= reached, f"Tab reached only {reached}")
    for id_, zoom in (("zoom-in", 2), ("zoom-out", 1)):
        page.driver.find_element(By.ID, id_).click()
        page.idle()
        expect_near(page.view["zoom"], zoom, 0.001, f"the zoom after {id_}")
    page.run("document.getElementById('overlay').focus()")
    page.press(Keys.ENTER)
    expect(page.run("return document.getElementById('overlay').ariaPressed") == "true", "Enter does not press a button")
    page.driver.find_element(By.ID, "fullscreen").click()
    page.wait_for("full screen", lambda: page.run("return document.fullscreenElement !== null"))
    page.press("f")
    page.wait_for("the end of full screen", lambda: page.run("return document.fullscreenElement === null"))


@test("on a phone everything lies within the screen, and nothing scrolls")
def phone_layout(page):
    page.fresh(390, 844, pixel_ratio=2, mobile=True)
    for path in ("/", f"/viewer/{page.slide['id']}"):
        page.driver.get(page.base_url + path)
        expect(page.run("return document.documentElement.scrollWidth") <= 390, f"{path} is wider than the screen")
    page.idle()
    outside = page.run("""
        return [...document.querySelectorAll("button, header, footer > *")].filter((element) => element.checkVisibility())
          .filter((element) => { const box = element.getBoundingClientRect();
            return box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight; })
          .map((element) => element.id || element.tagName)
    """)
    expect(outside == [], f"outside the screen: {outside}")
    small = page.run("""
        return [...document.querySelectorAll("#controls button")].filter((button) => button.checkVisibility())
          .filter((button) => button.offsetWidth < 36 || button.offsetHeight < 36).map((button) => button.id)
    """)
    expect(small == [], f"too small for a finger: {small}")


# ---------------------------------------------------------------------------------------------- address


@test("the address follows the view, without filling the history; reload and back restore it")
def address(page):
    page.open(page.slide)
    entries = page.run("return history.length")
    x, y = (round(value) + 0.3 for value in middle(page.slide))
    page.show(x, y, 1)
    page.wait_for("the hash", lambda: page.run("return location.hash") != "")
    page.show(x + 40, y - 20, 1)
    wanted = [x + 40, y - 20, 1]

    def has_arrived():
        values = [float(part) for part in page.run("return location.hash").lstrip("#").split(",")]
        return all(abs(a - b) < 0.1 for a, b in zip(values, wanted))

    page.wait_for("the hash of the second view", has_arrived)
    expect(page.run("return history.length") == entries, "the history grew")
    before = page.canvas()
    page.driver.refresh()
    page.idle()
    expect(page.canvas().tobytes() == before.tobytes(), "the reloaded page shows something else")
    page.driver.get(page.base_url + "/")
    page.driver.back()
    page.wait_for("the viewer", lambda: page.run("return Boolean(window.orizuruViewer)"))
    page.idle()
    expect_near(page.view["x"], x + 40, 0.1, "x after going back")
    page.run("location.hash = '#100,200,2'")
    page.wait_for("the view of a new hash", lambda: page.view == {"x": 100, "y": 200, "zoom": 2})


@test("an address that makes no sense shows the whole picture")
def senseless_address(page):
    page.open(page.slide)
    home = page.view
    for hash_ in ("#1,2", "#a,b,c", "#1,2,-3", "#,,", "#1,2,Infinity", "#<script>"):
        page.open(page.slide, hash_)
        expect(page.view == home, f"{hash_} shows {page.view}")
    page.open(page.slide, "#-1e9,1e300,1e300")
    expect(page.view["x"] == 0 and page.view["y"] == page.slide["height"], f"far outside shows {page.view}")


# ---------------------------------------------------------------------------------------------- loading


@test("tiles that left the view are cancelled, and never more than six requests are under way")
def cancelled(page):
    page.open(page.slide)
    page.cdp("Network.setCacheDisabled", cacheDisabled=True)
    page.latency(300)
    result = page.run_async("""
        const [width, height] = args, viewer = window.orizuruViewer, real = window.fetch;
        const frames = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
        let now = 0, most = 0;
        window.fetch = (...request) => {
          now += 1;
          most = Math.max(most, now);
          return real(...request).finally(() => { now -= 1; });
        };
        viewer.setView(0, 0, 1);
        await frames();
        const underWay = viewer.stats.inFlight;
        viewer.setView(width, height, 1);
        await frames();
        const { cancelled } = viewer.stats;
        await viewer.idle();
        return { underWay, cancelled, most };
    """, page.slide["width"], page.slide["height"])
    print(f"      {result}")
    expect(result["underWay"] > 0 and result["cancelled"] == result["underWay"], f"not all were cancelled: {result}")
    expect(result["most"] <= 6, f"{result['most']} requests at once")
    page.latency(0)
    page.expect_picture(page.slide, "after the move", exact=True)


@test("a busy server (503, Retry-After) and one that fails now and then are asked again")
def retried(page):
    page.open(page.slide)
    page.run("""
        const real = window.fetch, refused = new Set(); window.times = [];
        let turn = 0;
        window.fetch = (url, options) => {
          window.times.push([url, performance.now()]);
          if (refused.has(url)) return real(url, options);
          refused.add(url);
          turn += 1;
          if (turn % 3 === 0) return Promise.reject(new TypeError("network"));
          if (turn % 3 === 1) return Promise.resolve(new Response("", { status: 500 }));
          return Promise.resolve(new Response("", { status: 503, headers: { "Retry-After": "1" } }));
        };
    """)
    page.show(*middle(page.slide), 1)
    stats = page.stats
    expect(stats["retried"] > 0 and stats["failed"] == 0, f"retried {stats['retried']}, failed {stats['failed']}")
    waits = page.run("""
        const first = new Map(); const waits = [];
        for (const [url, time] of window.times) first.has(url) ? waits.push(time - first.get(url)) : first.set(url, time);
        return waits
    """)
    expect(max(waits) >= 1000, f"Retry-After of one second was waited for {max(waits):.0f} ms")
    page.expect_picture(page.slide, "in the end", exact=True)


@test("a tileset that cannot be loaded is said so, and can be tried again")
def unloadable(page):
    page.open(page.slide)
    page.run("""
        window.real = window.fetch; window.asked = 0;
        window.fetch = () => { window.asked += 1; return Promise.resolve(new Response("", { status: 403 })); };
        orizuruViewer.setView(...arguments, 1);
    """, *middle(page.slide))
    page.idle()
    expect(page.is_seen("message"), "there is no message")
    expect("403" in page.text("message-text"), f"the message is: {page.text('message-text')}")
    expect("failed" in page.text("status"), f"the status line is: {page.text('status')}")
    asked = page.run("return window.asked")
    time.sleep(1)
    page.idle()
    expect(page.run("return window.asked") == asked, "a refusal is asked for again and again")
    page.run("window.fetch = window.real")
    page.driver.find_element(By.ID, "retry").click()
    page.idle()
    expect(not page.is_seen("message"), "the message stays")
    page.expect_picture(page.slide, "after another try", exact=True)


@test("decoded tiles stay within their budget, the least recently used leave first")
def bounded(page):
    page.open(page.slide)
    result = page.run_async("""
        const { TileLoader } = await import("/assets/tiles.js");
        const url = args[0];
        let changed = () => {};
        const loader = new TileLoader({ url: () => url }, () => changed());
        const load = async (tiles) => {
          loader.want(tiles, () => false);
          while (loader.stats.pending > 0) await new Promise((next) => { changed = next; });
        };
        const row = (y) => Array.from({ length: 50 }, (_, x) => ({ level: 0, x, y }));
        let most = 0, rows = 0;
        for (; loader.counters.evicted < 100 && rows < 400; rows += 1) {
          await load(row(rows));
          most = Math.max(most, loader.stats.decodedBytes - 50 * 4 * 256 * 256);
        }
        const kept = (y) => row(y).filter((tile) => loader.peek(tile)).length;
        const result = { most, evicted: loader.counters.evicted, first: kept(0), last: kept(rows - 1) };
        loader.want([], () => false);
        return result;
    """, page.slide["tiles"].format(level=page.slide["maxLevel"], x=0, y=0))
    print(f"      {result}")
    expect(result["evicted"] >= 100, "nothing was evicted")
    expect(result["most"] <= 256 * 1024 * 1024, f"{result['most']} bytes were held")
    expect(result["first"] == 0 and result["last"] == 50, "not the oldest ones left")


# ---------------------------------------------------------------------------------------------- what is said


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
    label, width = page.text("bar-label"), page.run("return document.getElementById('bar').getBoundingClientRect().width")
    length, unit = re.fullmatch(r"([\d.]+) (px|nm|µm|mm)", label).groups()
    per_pixel = page.slide["micronsPerPixel"]
    expect((unit == "px") == (not per_pixel), f"the scale bar says {label}")
    units = {"px": 1, "nm": 0.001, "µm": 1, "mm": 1000}[unit] / (per_pixel or 1)
    expect_near(width, float(length) * units * 0.5, 1, f"the width of a bar of {label}")
    expect(page.text("zoom") == "50 %", f"the zoom reads {page.text('zoom')}")
    ActionChains(page.driver).move_by_offset(0, 0).perform()
    page.cdp("Input.dispatchMouseEvent", type="mouseMoved", x=WIDTH // 2 + 10, y=HEIGHT // 2 - 20)
    page.wait_for("the pointer's coordinates", lambda: page.text("coordinates").startswith("620, 460 px"))
    expect(re.match(r"level \d+ · (\d+) of \1 tiles$", page.text("status")), f"the status reads {page.text('status')}")


@test("a map tells degrees and kilometres")
def map_readouts(page):
    page.open(page.map)
    size = page.map["tileSize"] << page.map["maxLevel"]
    page.show(size * 0.75, size / 2, 1 / 2 ** page.map["maxLevel"] * 3)
    expect(page.text("coordinates") == "0.0000° N, 90.0000° E", f"the coordinates read {page.text('coordinates')}")
    expect(re.fullmatch(r"\d+ km", page.text("bar-label")), f"the scale bar says {page.text('bar-label')}")


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


@test("nothing was written to the browser's console: no error, no violated policy")
def quiet_console(page):
    page.collect_console()
    loud = [entry["message"] for entry in page.console if entry["level"] in ("SEVERE", "WARNING")]
    expect(loud == [], "the console says: " + " | ".join(loud[:5]))


# ---------------------------------------------------------------------------------------------- pictures for people


def take_shots(page, folder):
    """Saves screenshots to be looked at."""
    os.makedirs(folder, exist_ok=True)
    screens = {"desk": (1280, 800, 1, False), "phone": (390, 844, 2, True)}
    for screen, (width, height, ratio, mobile) in screens.items():
        for scheme in ("light", "dark"):
            page.fresh(width, height, ratio, mobile, prefers_color_scheme=scheme)

            def shoot(name):
                page.driver.save_screenshot(os.path.join(folder, f"{screen}-{scheme}-{name}.png"))

            page.driver.get(page.base_url + "/")
            time.sleep(1)
            shoot("catalog")
            for tileset in page.tilesets:
                page.open(tileset)
                shoot(tileset["id"])
            page.open(page.slide)
            page.show(*middle(page.slide), 1)
            page.press("i")
            shoot("overlay")
            page.press("?")
            shoot("help")
    print(f"screenshots are in {folder}")


def run(page, only):
    passed = failed = skipped = 0
    for sentence, function in TESTS:
        if only not in sentence:
            continue
        try:
            page.fresh()
            function(page)
            page.collect_console()
            print(f"ok    {sentence}")
            passed += 1
        except Skip as reason:
            print(f"SKIP  {sentence}: {reason}")
            skipped += 1
        except (AssertionError, WebDriverException, OSError, KeyError, TypeError, ValueError) as error:
            print(f"FAIL  {sentence}: {error}")
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
            failed += 1
        sys.stdout.flush()
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base_url", nargs="?", default=os.environ.get("ORIZURU_URL"), metavar="BASE_URL")
    parser.add_argument("--only", default="", help="run the tests whose sentence contains this")
    parser.add_argument("--shots", metavar="FOLDER", help="save screenshots to look at")
    arguments = parser.parse_args()

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    absent = MISSING_PACKAGE or (not chromium and "no chromium") or (not chromedriver and "no chromedriver")
    if absent:
        print(f"SKIP  all browser tests: {absent} (apt install chromium chromium-driver; pip install -r requirements.txt)")
        print(f"0 passed, 0 failed, {len(TESTS)} skipped")
        return 0
    if not arguments.base_url:
        parser.error("the address of a running server is needed: BASE_URL or ORIZURU_URL")

    page = Page(arguments.base_url.rstrip("/"), chromium, chromedriver)
    try:
        passed, failed, skipped = run(page, arguments.only)
        if arguments.shots:
            take_shots(page, arguments.shots)
    finally:
        page.driver.quit()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
