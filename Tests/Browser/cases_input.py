# SPDX-License-Identifier: Apache-2.0
"""Hands, mice, keys and buttons."""

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from page import middle
from sentences import expect, expect_near, test


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
    page.expect_all_on_screen()
