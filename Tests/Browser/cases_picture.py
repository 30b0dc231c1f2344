# SPDX-License-Identifier: Apache-2.0
"""What the canvas shows, compared with the tiles pixel by pixel."""

from page import HEIGHT, WIDTH, middle
from reference import mean_difference
from sentences import expect, test


@test("every tileset's first picture shows the whole of it and agrees with its tiles")
def first_picture(page):
    for tileset in page.tilesets:
        page.open(tileset)
        view = page.view
        width, height = (2 * coordinate for coordinate in middle(tileset))
        if not tileset.get("bounds"):
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


@test("coarser tiles stand in until the finer ones arrive, and do not reach beyond the image")
def stand_ins(page):
    page.open(page.slide)
    finest = page.slide["maxLevel"]
    page.run("""
        const [level, tiles] = arguments, real = window.fetch;
        const never = (signal) => new Promise((resolve, reject) => signal.addEventListener("abort", reject));
        const isFinest = (url) => url.startsWith(tiles.replace("{level}", level).split("{x}")[0]);
        window.fetch = (url, options) => (isFinest(url) ? never(options.signal) : real(url, options));
        orizuruViewer.setView(...arguments[2], 1);
    """, finest, page.slide["tiles"], middle(page.slide))
    page.wait_for("requests of the finest level", lambda: page.stats["inFlight"] == 6)
    page.two_frames()
    actual, view = page.canvas(), page.view
    expected = page.references[page.slide["id"]].compose(view, *actual.size)
    coarse = mean_difference(actual, expected, blur=16)
    print(f"      shrunk 16 times, the stand-in differs by {coarse:.2f} from the finest level")
    expect(actual.getchannel("A").getextrema() == (255, 255), "there are holes in the picture")
    expect(coarse < 12, f"the stand-in differs by {coarse:.1f} from what it stands for")
    page.run("orizuruViewer.setView(...arguments, 1)", page.slide["width"], page.slide["height"])
    page.two_frames()
    actual = page.canvas()
    expected = page.references[page.slide["id"]].compose(page.view, *actual.size)
    inside, wanted = (picture.getchannel("A").getbbox() for picture in (actual, expected))
    expect(inside == wanted, f"the image's corner covers {inside} instead of {wanted}")
