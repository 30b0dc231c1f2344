#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives the pages in headless Chromium and compares what they show with the tiles themselves.

    PYTHONPATH=Tests/PythonSupport python test_pages.py BASE_URL [--only WORDS] [--shots FOLDER]        (or ORIZURU_URL=BASE_URL)

Wants a server that serves at least one slide larger than the window, chromium and chromium-driver, and the packages of
requirements.txt. Whatever is absent is a skip that says so. The last line is `N passed, N failed, N skipped`, and the
exit code is 1 when something failed.
"""

import argparse
import os
import shutil
import sys
import time

from sentences import expect, run_tests, test

try:
    from selenium.common.exceptions import WebDriverException

    from page import Page, middle

    # Each registers its tests; they run in this order, what is simple first.
    import cases_delivery
    import cases_catalog
    import cases_picture
    import cases_input
    import cases_address
    import cases_loading
    import cases_readouts
    import cases_compare
    import cases_formats
    import cases_documents

    MISSING_PACKAGE = None
except ImportError as error:
    MISSING_PACKAGE = str(error)


@test("nothing was written to the browser's console")
def expect_quiet_console(page):
    """All along: no error, no violated policy."""
    loud = [entry["message"] for entry in page.console if entry["level"] in ("SEVERE", "WARNING")]
    expect(loud == [], "the console says: " + " | ".join(loud[:5]))


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
            page.driver.find_element("css selector", ".map .offer").click()
            shoot("catalog-offer")
            for tileset in page.tilesets:
                page.open(tileset)
                shoot(tileset["id"])
            for name, keys in {"compare": "", "compare-beside": "s"}.items():
                page.compare(page.slide, page.other(page.slide))
                page.press(*keys)
                shoot(name)
            page.cdp("Network.setCacheDisabled", cacheDisabled=True)
            page.open(page.slide)
            page.show(*middle(page.slide), 1)
            page.press("i")
            shoot("overlay")
            page.press("?")
            shoot("help")
    print(f"screenshots are in {folder}")


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
        print(f"SKIP  all browser tests: {absent}")
        print("      (apt install chromium chromium-driver; pip install -r Tests/Browser/requirements.txt)")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    if not arguments.base_url:
        parser.error("the address of a running server is needed: BASE_URL or ORIZURU_URL")

    try:
        page = Page(arguments.base_url.rstrip("/"), chromium, chromedriver)
    except (WebDriverException, OSError, ValueError, TypeError) as error:
        print(f"FAIL  the browser starts and the catalog of {arguments.base_url} can be read: {error}")
        print("0 passed, 1 failed, 0 skipped")
        return 1
    try:
        if arguments.shots:
            take_shots(page, arguments.shots)
        return run_tests(page, arguments.only, before=page.fresh, after=page.collect_console)
    finally:
        page.driver.quit()


if __name__ == "__main__":
    sys.exit(main())
