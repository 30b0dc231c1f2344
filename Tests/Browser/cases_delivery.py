# SPDX-License-Identifier: Apache-2.0
"""What the server delivers: the catalog, the pages, their policy and their modules."""

import json
import re
import urllib.request

from sentences import expect, test


def fetch(page, path):
    with urllib.request.urlopen(page.base_url + path, timeout=30) as answer:
        return answer.read().decode(), answer.headers


def pages(page):
    """A page of each kind, by its script."""
    id_, other = page.slide["id"], page.other(page.slide)["id"]
    return {"catalog.js": "/", "viewer.js": f"/viewer/{id_}", "compare.js": f"/compare/{id_}/{other}"}


@test("the catalog links to the viewer of every tileset, without script")
def catalog_links(page):
    html, _ = fetch(page, "/")
    links = re.findall(r'<li class="[a-z]+"><a href="/viewer/([^"]+)">', html)
    expect(sorted(links) == sorted(tileset["id"] for tileset in page.tilesets), f"the links lead to {links}")
    for link in links:
        page_html, headers = fetch(page, f"/viewer/{link}")
        expect(headers.get_content_type() == "text/html", f"/viewer/{link} is {headers.get_content_type()}")
        described = json.loads(re.search(r'id="tileset">(.*?)</script>', page_html, re.S)[1])
        expect(described["id"] == link, f"/viewer/{link} describes {described['id']}")


@test("the pages carry a strict Content-Security-Policy and nothing that it forbids")
def strict_policy(page):
    for path in pages(page).values():
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


@test("each page lists the modules of its own for preloading, and all of them are there")
def modules_are_there(page):
    for main, path in pages(page).items():
        html, _ = fetch(page, path)
        listed = set(re.findall(r'<link rel="modulepreload" href="/assets/([^"]+)"', html)) | {main}
        imported = {main}
        for module in listed:
            source, headers = fetch(page, f"/assets/{module}")
            expect("javascript" in headers.get_content_type(), f"{module} is {headers.get_content_type()}")
            imported |= set(re.findall(r'from "\./([^"]+)"', source))
        expect(imported == listed, f"{path}: listed and imported modules differ: {sorted(imported ^ listed)}")
