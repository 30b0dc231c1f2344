# SPDX-License-Identifier: Apache-2.0
"""The browser under test, and the words that the tests are written in."""

import base64
import io
import json
import re
import time
import urllib.request

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from reference import Reference, levels_size, mean_difference, worst_block
from sentences import Skip, expect

WIDTH, HEIGHT = 1000, 700
PATIENCE_SECONDS = 60

# Bounds of the differences, in levels of 0...255. At 1:1 only the JPEG decoders may differ, elsewhere the scalers, too.
EXACT = {"mean": 2.0, "block": 8}
SCALED = {"mean": 1.5, "block": 6}


class Page:
    """The browser, and the words the tests are written in."""

    def __init__(self, base_url, chromium, chromedriver):
        self.base_url = base_url
        with urllib.request.urlopen(base_url + "/", timeout=30) as answer:
            catalog = re.search(r'id="catalog">(.*?)</script>', answer.read().decode(), re.S)
        self.tilesets = json.loads(catalog[1])
        self.references = {tileset["id"]: Reference(base_url, tileset) for tileset in self.tilesets}

        options = Options()
        options.binary_location = chromium
        # Without a sandbox, for Chromium refuses to run as root otherwise, and test machines do that.
        for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"):
            options.add_argument(f"--{argument}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(chromedriver))
        self.driver.set_script_timeout(PATIENCE_SECONDS)
        self.driver.set_page_load_timeout(PATIENCE_SECONDS)
        self.console = []

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

    def other(self, tileset):
        """The first tileset that is another one."""
        for other in self.tilesets:
            if other != tileset:
                return other
        raise Skip("the server has but one tileset")

    def open(self, tileset, hash_=""):
        self.load(f"/viewer/{tileset['id']}{hash_}")

    def compare(self, left, right, hash_=""):
        self.load(f"/compare/{left['id']}/{right['id']}{hash_}")

    def load(self, path):
        """A page with pictures, until all of them is there."""
        self.driver.get("about:blank")  # a change of the hash alone would not load the page
        self.driver.get(self.base_url + path)
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
        self.run_async("await (window.orizuruViewer ?? window.orizuruCompare).idle()")

    def show(self, x, y, zoom):
        self.run("orizuruViewer.setView(...arguments)", x, y, zoom)
        self.idle()

    def two_frames(self):
        """Lets what has just been changed be drawn, loaded or not."""
        self.run_async("await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))")

    @property
    def stats(self):
        return self.run("return orizuruViewer.stats")

    @property
    def view(self):
        return self.stats["view"]

    def canvas(self, id_="image"):
        """A canvas, pixel by pixel, as RGBA."""
        url = self.run("return document.getElementById(arguments[0]).toDataURL('image/png')", id_)
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

    def expect_all_on_screen(self):
        """Nothing of a page with pictures lies beyond the screen, and no button is too small for a finger."""
        outside = self.run("""
            return [...document.querySelectorAll("button, header, footer > *")]
              .filter((element) => element.checkVisibility())
              .filter((element) => { const box = element.getBoundingClientRect();
                return box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight; })
              .map((element) => element.id || element.tagName)
        """)
        expect(outside == [], f"outside the screen: {outside}")
        small = self.run("""
            return [...document.querySelectorAll("#controls button")].filter((button) => button.checkVisibility())
              .filter((button) => button.offsetWidth < 36 || button.offsetHeight < 36).map((button) => button.id)
        """)
        expect(small == [], f"too small for a finger: {small}")

    def collect_console(self):
        self.console += self.driver.get_log("browser")

    def expect_picture(self, tileset, what, exact, pixel_ratio=1, side=None):
        """Compares the canvas, or of a comparison that of a side, with the picture that the tiles make."""
        stats = self.run("return orizuruCompare.stats")[side] if side else self.stats
        expect(stats["failed"] == 0, f"{what}: {stats['failed']} tiles failed")
        actual = self.canvas(side or "image")
        expected = self.references[tileset["id"]].compose(stats["view"], *actual.size, pixel_ratio)
        bounds = EXACT if exact else SCALED
        mean, block = mean_difference(actual, expected), worst_block(actual, expected)
        print(f"      {what}: mean difference {mean:.2f}, worst block {block}")
        is_near = mean <= bounds["mean"] and block <= bounds["block"]
        expect(is_near, f"{what}: differs from the tiles by {mean:.2f}, worst block {block}")


def middle(tileset):
    width, height = levels_size(tileset, tileset["maxLevel"])
    return (width / 2, height / 2) if tileset["kind"] == "map" else (tileset["width"] / 2, tileset["height"] / 2)
