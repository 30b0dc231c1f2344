# SPDX-License-Identifier: Apache-2.0
"""The comparison: two tilesets under a curtain or side by side, moved together or each by itself."""

import io
import re

from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from page import HEIGHT, WIDTH, middle
from reference import mean_difference
from sentences import expect, expect_near, test


def views(page):
    stats = page.run("return orizuruCompare.stats")
    return stats["left"]["view"], stats["right"]["view"]


def show(page, x, y, zoom):
    page.run("orizuruCompare.setView(...arguments)", x, y, zoom)
    page.idle()


def open_pair(page):
    """The largest slide beside another tileset, away from home; how many of the right's pixels one of the left is."""
    left, right = page.slide, page.other(page.slide)
    page.compare(left, right)
    show(page, *middle(left), 0.5)
    return left, right, right["width"] / left["width"]


def expect_linked(page, scale, what):
    left, right = views(page)
    for name, actual, expected in (
        ("x", right["x"], left["x"] * scale), ("y", right["y"], left["y"] * scale), ("zoom", right["zoom"], left["zoom"] / scale)
    ):
        expect_near(actual, expected, abs(expected) * 1e-9, f"{what}: the right {name}")


def over_stage(page, canvas):
    """A canvas as the page shows it: its own colour is where the picture is not."""
    colour = page.run("return getComputedStyle(document.body).backgroundColor")
    ground = Image.new("RGBA", canvas.size, tuple(map(int, re.findall(r"\d+", colour)[:3])) + (255,))
    return Image.alpha_composite(ground, canvas)


def screen(page):
    return Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGBA")


@test("both sides of a comparison agree with their tiles, at home and at 1:1")
def both_sides(page):
    left, right, scale = open_pair(page)
    page.compare(left, right)
    for exact, place in ((False, None), (True, (*middle(left), 1)), (False, (*middle(left), 0.37))):
        if place:
            show(page, *place)
        expect_linked(page, scale, f"at {place}")
        page.expect_picture(left, f"left at {place}", exact=exact, side="left")
        page.expect_picture(right, f"right at {place}", exact=False, side="right")


@test("two maps, and two slides of known scale, lie upon each other where they are the same")
def aligned(page):
    page.compare(page.map, page.map)
    left, right = views(page)
    expect(left == right, f"a map beside itself is shown at {left} and {right}")
    page.compare(page.slide, page.slide, "#400.5,300,1.5")
    left, right = views(page)
    expect(left == right == {"x": 400.5, "y": 300, "zoom": 1.5}, f"the address shows {left} and {right}")
    expect(page.canvas("left").tobytes() == page.canvas("right").tobytes(), "a slide differs from itself")
    result = page.run_async("""
        const read = (id) => JSON.parse(document.getElementById(id).textContent);
        return [read("left-tileset").micronsPerPixel, read("right-tileset").micronsPerPixel];
    """)
    expect(result == [page.slide["micronsPerPixel"]] * 2, f"the page knows {result}")


@test("the screen shows the left picture on one side of the curtain and the right one on the other")
def curtain(page):
    left, right, _ = open_pair(page)
    show(page, left["width"] / 4, left["height"] / 4, 1)
    pictures = {side: page.canvas(side) for side in ("left", "right")}
    expect(mean_difference(pictures["left"], pictures["right"]) > 5, "the two are too alike to be told apart")
    for percent in (30, 80):
        page.run("""
            const curtain = document.getElementById("curtain");
            curtain.value = arguments[0];
            curtain.dispatchEvent(new Event("input"));
        """, percent)
        page.two_frames()
        seen, edge = screen(page), WIDTH * percent // 100
        # Away from the panels, and from the curtain's own line and handle.
        for side, box in (("left", (60, 120, edge - 4, 300)), ("right", (edge + 4, 120, WIDTH - 80, 300))):
            difference = mean_difference(seen.crop(box), pictures[side].crop(box))
            expect(difference < 1, f"at {percent} % the {side} side differs by {difference:.1f}")


@test("the curtain is moved by its handle and by keys, and says where it is")
def curtain_moves(page):
    open_pair(page)
    value = "return document.getElementById('curtain').valueAsNumber"
    line = "return document.getElementById('divider').getBoundingClientRect().x + 1"
    handle = page.driver.find_element(By.ID, "curtain")
    before = views(page)
    ActionChains(page.driver, duration=80).move_to_element(handle).click_and_hold().move_by_offset(-200, 0).release().perform()
    expect_near(page.run(value), 50 - 20, 0.5, "the curtain after a drag by a fifth")
    expect_near(page.run(line), WIDTH * 0.3, 5, "the line after it")
    expect(page.run("return document.activeElement.id") == "curtain", "the handle has no focus")
    page.press(Keys.ARROW_RIGHT)
    after = page.run(value)
    expect(30 < after < 35, f"an arrow key moves the curtain to {after}")
    expect(views(page) == before, "moving the curtain moves the pictures")
    page.press("+")
    expect_near(views(page)[0]["zoom"], before[0]["zoom"] * 2, 0.001, "the zoom after + on the curtain")
    page.press("]")
    expect_near(page.run(value), after + 5, 0.01, "the curtain after ]")
    page.press("[", "[")
    expect_near(page.run(value), after - 5, 0.01, "the curtain after [ twice")
    expect("percent" in page.run("return document.getElementById('curtain').ariaValueText"), "the value has no words")
    page.press(Keys.END)
    expect(page.run(value) == 100, f"End moves the curtain to {page.run(value)}")


@test("the pictures move together, whichever is moved, and in the same frame")
def together(page):
    left, right, scale = open_pair(page)
    for x in (WIDTH // 4, WIDTH * 3 // 4):
        before = views(page)
        chain = ActionChains(page.driver, duration=80).move_to_element_with_offset(
            page.driver.find_element(By.TAG_NAME, "body"), x - WIDTH // 2, 120)
        chain.click_and_hold().move_by_offset(-60, 30).pause(0.4).release().perform()
        page.idle()
        after = views(page)
        expect_near(after[0]["x"], before[0]["x"] + 60 / before[0]["zoom"], 2, f"x after a drag at {x}")
        expect_linked(page, scale, f"after a drag at {x}")
    page.press(Keys.ARROW_LEFT, "+")
    expect_linked(page, scale, "after keys")
    # Whatever the left canvas was drawn with last, the right one was, too, after every single frame of a glide.
    zooms = page.run_async("""
        const { prototype } = CanvasRenderingContext2D, real = prototype.clearRect;
        const zoom = (side) => orizuruCompare.stats[side].view.zoom;
        const drawn = { left: zoom("left"), right: zoom("right") }, zooms = [];
        prototype.clearRect = function (...place) {
          drawn[this.canvas.id] = zoom(this.canvas.id);
          return real.apply(this, place);
        };
        const wanted = 2 * drawn.left;
        document.getElementById("zoom-in").click();
        do {
          await new Promise(requestAnimationFrame);
          zooms.push([drawn.left, drawn.right]);
        } while (drawn.left !== wanted);
        prototype.clearRect = real;
        return zooms;
    """)
    apart = [pair for pair in zooms if abs(pair[0] / pair[1] - scale) > 1e-9]
    expect(not apart, f"of {len(zooms)} frames {len(apart)} drew one without the other: {apart[:3]}")
    page.idle()
    page.expect_picture(left, "left in the end", exact=False, side="left")
    page.expect_picture(right, "right in the end", exact=False, side="right")


@test("unlinked, each picture moves by itself; linked again, they keep how they lie")
def unlinked(page):
    _, right, scale = open_pair(page)
    before = views(page)
    page.press("l")
    expect(page.run("return document.getElementById('linked').ariaPressed") == "false", "the button is still pressed")
    page.driver.find_element(By.ID, "right").send_keys(Keys.ARROW_RIGHT)
    page.idle()
    after = views(page)
    expect(after[0] == before[0], "the left picture moved, too")
    expect_near(after[1]["x"], before[1]["x"] + 80 / before[1]["zoom"], 0.5, "x of the right one")
    page.expect_picture(right, "right by itself", exact=False, side="right")
    page.press("l")
    offset = after[1]["x"] - after[0]["x"] * scale
    page.press("+", Keys.ARROW_UP)
    left_view, right_view = views(page)
    expect_near(right_view["x"], left_view["x"] * scale + offset, 1e-6, "x of the right one, linked again")
    expect_near(right_view["zoom"], left_view["zoom"] / scale, 1e-9, "the right one's zoom")


@test("side by side, each picture has its half, and one above the other on a portrait screen")
def beside(page):
    left, right, scale = open_pair(page)
    page.press("s")
    size = "const box = document.getElementById(arguments[0]).getBoundingClientRect(); return [box.x, box.y, box.width, box.height]"
    expect(page.run(size, "left") == [0, 0, WIDTH / 2, HEIGHT], f"the left picture is at {page.run(size, 'left')}")
    expect(page.run(size, "right") == [WIDTH / 2, 0, WIDTH / 2, HEIGHT], f"the right one is at {page.run(size, 'right')}")
    expect(not page.is_seen("curtain"), "there still is a curtain")
    expect_linked(page, scale, "side by side")
    seen = screen(page)
    for side, x in (("left", 0), ("right", WIDTH // 2)):
        canvas = page.canvas(side)
        # Below the title, above the footer, beside the buttons.
        box = (4, 60, WIDTH // 2 - 80, HEIGHT - 80)
        difference = mean_difference(seen.crop((x + box[0], box[1], x + box[2], box[3])), over_stage(page, canvas.crop(box)))
        expect(difference < 1, f"the screen's {side} half differs from its canvas by {difference:.1f}")
    page.expect_picture(left, "left half", exact=False, side="left")
    page.expect_picture(right, "right half", exact=False, side="right")
    page.fresh(390, 844, pixel_ratio=2, mobile=True)
    page.compare(left, right)
    page.run("document.getElementById('beside').click()")
    page.two_frames()
    page.idle()
    expect(page.run(size, "right") == [0, 422, 390, 422], f"on a phone the right one is at {page.run(size, 'right')}")
    page.expect_picture(right, "lower half", exact=False, pixel_ratio=2, side="right")


@test("a comparison follows the window's size, and its address restores it")
def comparison_address(page):
    left, right, scale = open_pair(page)
    page.wait_for("the hash", lambda: page.run("return location.hash") != "")
    page.cdp("Emulation.setDeviceMetricsOverride", width=700, height=500, deviceScaleFactor=1, mobile=False)
    page.wait_for("the new size", lambda: page.canvas("right").width == 700)
    page.idle()
    expect_linked(page, scale, "after a resize")
    page.expect_picture(right, "right after a resize", exact=False, side="right")
    before = views(page)
    page.driver.refresh()
    page.idle()
    expect(views(page) == before, f"reloaded, it shows {views(page)} in place of {before}")


@test("the buttons of a comparison have names, can be reached by Tab, and lie on the screen of a phone")
def comparison_buttons(page):
    page.fresh(390, 844, pixel_ratio=2, mobile=True)
    page.compare(page.slide, page.other(page.slide))
    page.expect_all_on_screen()
    page.fresh()
    page.compare(page.slide, page.other(page.slide))
    reached = set()
    for _ in range(16):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        reached.add(page.run("return document.activeElement.id"))
    wanted = {"left", "right", "curtain", "left-title", "right-title", "zoom-in", "zoom-out", "home", "beside", "linked", "show-help"}
    expect(wanted <= reached, f"Tab does not reach {wanted - reached}")
    for found in page.driver.find_elements(By.CSS_SELECTOR, "button, a, canvas, input"):
        if found.is_displayed():
            expect(found.accessible_name, f"{found.get_attribute('id')} has no name")
    page.press("?")
    expect(page.is_seen("help"), "? shows no help")
    page.press(Keys.ESCAPE)
    page.driver.find_element(By.ID, "right-title").click()
    page.wait_for("the viewer", lambda: "/viewer/" in page.driver.current_url)


@test("a comparison says which of its tilesets cannot be loaded, and tries again")
def troubled(page):
    left, right = page.other(page.slide), page.slide
    page.compare(left, right)
    page.run("""
        window.real = window.fetch;
        window.fetch = (url, options) =>
          url.startsWith(arguments[0]) ? Promise.resolve(new Response("", { status: 403 })) : real(url, options);
    """.replace("arguments[0]", repr(f"/tiles/{right['id']}/")))
    show(page, left["width"] / 3, left["height"] / 3, 6)
    expect(page.is_seen("message"), "there is no message")
    expect(page.text("message-text").startswith(right["title"]), f"the message is: {page.text('message-text')}")
    page.run("window.fetch = window.real")
    page.driver.find_element(By.ID, "retry").click()
    page.idle()
    expect(not page.is_seen("message"), "the message stays")
