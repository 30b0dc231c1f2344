// SPDX-License-Identifier: Apache-2.0

/**
 * The catalog page, made nicer: a small picture for each tileset and, for long lists, a filter. The list itself comes
 * from the server and works without any of this.
 */

import { Pyramid } from "./pyramid.js";

/** Shorter lists are read at a glance. */
const FILTER_FROM = 9;

/** The address of the one tile that shows a tileset best as a whole; null if there is none. */
function thumbnailUrl(tileset) {
  try {
    const pyramid = new Pyramid(tileset);
    return pyramid.overview && pyramid.url(pyramid.overview);
  } catch {
    return null;
  }
}

function addThumbnails(items, catalog) {
  const tilesets = new Map(catalog.map((tileset) => [tileset.id, tileset]));
  for (const item of items) {
    const link = item.querySelector("a");
    const tileset = tilesets.get(decodeURIComponent(link.pathname.split("/").at(-1)));
    const url = tileset && thumbnailUrl(tileset);
    if (!url) continue;
    const image = document.createElement("img");
    // Set before the address: only so are pictures outside the view left alone.
    image.loading = "lazy";
    image.alt = "";
    image.addEventListener("error", () => image.remove());
    image.src = url;
    link.prepend(image);
  }
}

function offerFilter(items) {
  if (items.length < FILTER_FROM) return;
  const field = document.getElementById("filter");
  field.hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const item of items) {
      const text = item.textContent.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
  });
}

const items = [...document.querySelectorAll("#list > li")];
addThumbnails(items, JSON.parse(document.getElementById("catalog").textContent));
offerFilter(items);
