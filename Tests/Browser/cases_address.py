# SPDX-License-Identifier: Apache-2.0
"""The position in the address."""

from page import middle
from sentences import expect, expect_near, test


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
