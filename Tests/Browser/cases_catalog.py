# SPDX-License-Identifier: Apache-2.0
"""The catalog page: pictures, filter, addresses and code for other programs, the choice of two to compare."""

import urllib.request

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from sentences import Skip, expect, test


def open_catalog(page):
    page.driver.get("about:blank")
    page.driver.get(page.base_url + "/")
    page.wait_for("the buttons", lambda: page.run("return document.querySelectorAll('.offer').length > 0"))


def card(page, tileset):
    index = page.tilesets.index(tileset)
    return page.driver.find_elements(By.CSS_SELECTOR, "#list > li")[index]


def press(page, *keys):
    ActionChains(page.driver).send_keys(*keys).perform()


@test("the catalog shows a picture of each tileset, and leads to a viewer")
def pictures(page):
    open_catalog(page)
    all_there = "return [...document.images].every((image) => image.complete && image.naturalWidth > 0)"
    page.run("for (const image of document.images) image.loading = 'eager'")
    page.wait_for("the catalog's pictures", lambda: page.run(all_there))
    shown = page.run("return [...document.querySelectorAll('#list img')].map((image) => new URL(image.src).pathname)")
    expect(shown == [tileset["thumbnail"] for tileset in page.tilesets], f"the pictures are {shown}")
    card(page, page.slide).find_element(By.TAG_NAME, "a").click()
    page.wait_for("the viewer", lambda: "/viewer/" in page.driver.current_url)
    page.idle()
    expect(page.stats["loaded"] > 0, "the viewer loaded no tile")


@test("a slide's whole picture is seen on its card, however tall or wide it is")
def whole_picture(page):
    open_catalog(page)
    for width, height in ((100, 400), (400, 100)):
        over = page.run_async("""
            const picture = document.createElement("canvas");
            [picture.width, picture.height] = args;
            const image = document.querySelector(".slide img");
            image.src = picture.toDataURL();
            await image.decode();
            const [place, box] = [image.parentElement, image].map((element) => element.getBoundingClientRect());
            return [box.width - place.width, box.height - place.height, getComputedStyle(image).objectFit];
        """, width, height)
        expect(max(over[:2]) < 0.5 and over[2] == "contain", f"{width} x {height} reaches beyond its place: {over}")


@test("the catalog tells sizes, zooms and microns per pixel")
def facts(page):
    open_catalog(page)
    for tileset in page.tilesets:
        text = card(page, tileset).find_element(By.CLASS_NAME, "facts").text
        if tileset["kind"] == "slide":
            expect(f"{tileset['width']} × {tileset['height']} px" in text, f"{tileset['id']}: {text}")
            microns = tileset["micronsPerPixel"]
            expect((f"{microns} µm/px" in text) if microns else ("µm" not in text), f"{tileset['id']}: {text}")
        else:
            expect(f"zoom {tileset['minLevel']}–{tileset['maxLevel']}" in text, f"{tileset['id']}: {text}")


@test("the filter leaves what has all of its words, by keyboard alone, and says how much that is")
def filtered(page):
    open_catalog(page)
    names = "return [...document.querySelectorAll('#list > li')].filter((item) => !item.hidden)" \
        ".map((item) => item.querySelector('strong').textContent)"
    titles = [tileset["title"] for tileset in page.tilesets]
    wanted = [tileset["title"] for tileset in page.tilesets if tileset["kind"] == "map"]
    press(page, "/")
    expect(page.run("return document.activeElement.id") == "filter", "/ does not lead to the filter")
    press(page, "  MAP zoom")
    expect(page.run(names) == wanted, f"'map zoom' leaves {page.run(names)}")
    expect(page.text("count").startswith(f"{len(wanted)} of {len(titles)}"), f"the count is {page.text('count')}")
    press(page, " qqqq")
    expect(page.run(names) == [] and page.is_seen("none"), "an idle filter does not say so")
    page.driver.find_element(By.ID, "show-all").click()
    expect(page.run(names) == titles and not page.is_seen("none"), f"then there are {page.run(names)}")


@test("the addresses that the catalog offers are there, and those that a tileset does not have are not offered")
def addresses(page):
    for tileset in page.tilesets:
        open_catalog(page)
        card(page, tileset).find_element(By.CLASS_NAME, "offer").click()
        expect(page.is_seen("offer"), "there is no dialog")
        expect(page.text("offer-title") == tileset["title"], f"the dialog is of {page.text('offer-title')}")
        offered = page.run("""
            return Object.fromEntries([...document.querySelectorAll(".addresses dt")]
              .map((name) => [name.textContent, name.nextElementSibling.querySelector("code").textContent]));
        """)
        named = {
            "Deep Zoom": "dzi", "IIIF Image API": "iiif", "Zoomify": "zoomify", "TileJSON": "tilejson", "WMTS": "wmts",
            "Thumbnail": "thumbnail",
        }
        wanted = {name for name, key in named.items() if tileset[key]} | {"XYZ tiles"}
        expect(set(offered) == wanted, f"{tileset['id']} is offered as {sorted(offered)}")
        for name, url in offered.items():
            expect(url.startswith(page.base_url + "/"), f"{name}: {url}")
            level = tileset["maxLevel"]
            with urllib.request.urlopen(url.format(z=level, x=0, y=0), timeout=30) as answer:
                expect(answer.status == 200 and answer.read(1), f"{name}: {answer.status}")
        press(page, Keys.ESCAPE)
        expect(not page.is_seen("offer"), "Escape does not close the dialog")


@test("what the dialog offers is copied, also where the page has no clipboard of its own")
def copied(page):
    origin = {"origin": page.base_url, "permission": {"name": "clipboard-read"}, "setting": "granted"}
    page.cdp("Browser.setPermission", **origin)
    for has_clipboard in (True, False):
        open_catalog(page)
        if not has_clipboard:
            page.run("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
        card(page, page.slide).find_element(By.CLASS_NAME, "offer").click()
        for button in page.driver.find_elements(By.CSS_SELECTOR, "#offer :is(dd, .code) button"):
            expect(button.accessible_name.startswith("Copy "), f"a button is called {button.accessible_name}")
            text = page.run("return arguments[0].parentElement.querySelector('code').textContent", button)
            button.click()
            page.wait_for("the copy", lambda: button.text in ("Copied", "Not copied"))
            expect(button.text == "Copied", f"{button.accessible_name}: {button.text}")
            field = "const field = document.body.appendChild(document.createElement('textarea')); field.focus();"
            page.run("document.getElementById('offer').close();" + field)
            ActionChains(page.driver).key_down(Keys.CONTROL).send_keys("v").key_up(Keys.CONTROL).perform()
            page.wait_for("the paste", lambda: page.run("return document.activeElement.value !== ''"))
            pasted = page.run("const { value } = document.activeElement; document.activeElement.remove(); return value")
            page.run("document.getElementById('offer').showModal()")
            expect(pasted == text, f"copied was {pasted!r} in place of {text!r}")


@test("the dialog has code for the programs that can show a tileset, chosen by arrow keys, and remembers which")
def programs(page):
    open_catalog(page)
    programs = {
        "slide": ["OpenSeadragon", "Leaflet", "OpenLayers", "QGIS"],
        "map": ["OpenSeadragon", "Leaflet", "OpenLayers", "MapLibre", "QGIS"],
    }
    chosen = "return document.querySelector('.programs :checked').parentElement.textContent"
    code = "return document.querySelector('.code code').textContent"
    for tileset in (page.slide, page.map):
        card(page, tileset).find_element(By.CLASS_NAME, "offer").send_keys(Keys.ENTER)
        labels = page.run("return [...document.querySelectorAll('.programs label')].map((label) => label.textContent)")
        expect(labels == programs[tileset["kind"]], f"{tileset['id']} has code for {labels}")
        codes = set()
        page.run("document.querySelector('.programs :checked').focus()")
        for _ in labels:
            press(page, Keys.ARROW_RIGHT)
            codes.add(page.run(code))
            expect(f"/{tileset['id']}" in page.run(code), f"the code for {page.run(chosen)} names no tileset")
        expect(len(codes) == len(labels), f"there are {len(codes)} codes for {len(labels)} programs")
        page.driver.find_element(By.XPATH, "//label[text()='QGIS']").click()
        press(page, Keys.ESCAPE)
    card(page, page.slide).find_element(By.CLASS_NAME, "offer").click()
    expect(page.run(chosen) == "QGIS", f"the next dialog shows {page.run(chosen)}")


@test("two tilesets are chosen to be compared, by keyboard; Escape calls it off")
def choosing(page):
    open_catalog(page)
    left, right = page.slide, page.other(page.slide)
    pressed = "return [...document.querySelectorAll('.compare')].filter((button) => button.ariaPressed === 'true').length"
    for end in (Keys.ESCAPE, Keys.ENTER):
        card(page, left).find_element(By.CLASS_NAME, "compare").send_keys(Keys.ENTER)
        expect(page.is_seen("comparing") and left["title"] in page.text("comparing"), "nothing asks for the other one")
        expect(page.run(pressed) == 1, "the button is not pressed")
        press(page, end)
        expect(not page.is_seen("comparing") and page.run(pressed) == 0, "it is not called off")
    card(page, left).find_element(By.CLASS_NAME, "compare").click()
    card(page, right).find_element(By.CLASS_NAME, "compare").click()
    wanted = f"{page.base_url}/compare/{left['id']}/{right['id']}"
    page.wait_for("the comparison", lambda: page.driver.current_url.split("#")[0] == wanted)
    page.idle()


@test("everything of the catalog is reached by Tab, and has a name")
def by_keyboard(page):
    open_catalog(page)
    for found in page.driver.find_elements(By.CSS_SELECTOR, "a, button, input"):
        if found.is_displayed():
            expect(found.accessible_name, f"{found.get_attribute('outerHTML')[:80]} has no name")
    reached = set()
    for _ in range(3 * len(page.tilesets) + 2):
        press(page, Keys.TAB)
        reached.add(page.run("const at = document.activeElement; return at.id || at.className || at.pathname"))
    wanted = {"filter", "offer", "compare"} | {tileset["viewer"] for tileset in page.tilesets}
    expect(wanted <= reached, f"Tab does not reach {wanted - reached}")


@test("without script the catalog is a list with pictures and links")
def without_script(page):
    page.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.driver.get("about:blank")
        page.driver.get(page.base_url + "/")
        links = page.driver.find_elements(By.CSS_SELECTOR, "#list a")
        expect(len(links) == len(page.tilesets), f"there are {len(links)} links")
        expect(not page.is_seen("filter"), "there is a filter that does nothing")
    finally:
        page.cdp("Emulation.setScriptExecutionDisabled", value=False)


@test("a tileset whose picture cannot be made keeps its place, with nothing broken in it")
def no_picture(page):
    page.cdp("Network.setBlockedURLs", urls=["*/thumbnail/*"])
    try:
        open_catalog(page)
        page.run("for (const image of document.images) image.loading = 'eager'")
        page.wait_for("the missing pictures", lambda: page.run(
            "return [...document.querySelectorAll('#list img')].every((image) => image.matches('.absent'))"))
        expect(page.run("return document.querySelector('.thumbnail').offsetHeight") > 100, "the place is gone")
    finally:
        page.cdp("Network.setBlockedURLs", urls=[])
        blocked = [entry for entry in page.driver.get_log("browser") if "ERR_BLOCKED_BY_CLIENT" not in entry["message"]]
        page.console += blocked
