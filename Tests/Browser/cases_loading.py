# SPDX-License-Identifier: Apache-2.0
"""Requests: cancelled, repeated, given up, and how much is kept."""

import time

from selenium.webdriver.common.by import By

from page import middle
from sentences import expect, test


@test("tiles that left the view are cancelled, and never more than six requests are under way")
def cancelled(page):
    page.open(page.slide)
    page.cdp("Network.setCacheDisabled", cacheDisabled=True)
    page.latency(300)
    result = page.run_async("""
        const [width, height] = args, viewer = window.orizuruViewer, real = window.fetch;
        const frames = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
        let now = 0, most = 0, aborted = 0;
        window.fetch = (url, options) => {
          now += 1;
          most = Math.max(most, now);
          options.signal.addEventListener("abort", () => { aborted += 1; });
          return real(url, options).finally(() => { now -= 1; });
        };
        viewer.setView(0, 0, 1);
        await frames();
        const underWay = viewer.stats.inFlight;
        viewer.setView(width, height, 1);
        await frames();
        const { cancelled } = viewer.stats;
        await viewer.idle();
        return { underWay, cancelled, aborted, most };
    """, page.slide["width"], page.slide["height"])
    print(f"      {result}")
    expect(result["underWay"] > 0, "nothing was under way")
    expect(result["underWay"] == result["cancelled"] == result["aborted"], f"not all were cancelled: {result}")
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
        const first = new Map(), waits = [];
        for (const [url, time] of window.times) {
          if (first.has(url)) waits.push(time - first.get(url)); else first.set(url, time);
        }
        return waits;
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
