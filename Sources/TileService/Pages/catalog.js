// SPDX-License-Identifier: Apache-2.0

/**
 * The catalog page, made nicer: a filter, what other programs need, and the choice of two to compare. The list itself
 * comes from the server and works without any of this.
 */

import { isRaster } from "./format.js";
import { openOffer } from "./offer.js";

const element = (id) => document.getElementById(id);

const catalog = JSON.parse(element("catalog").textContent);
const items = [...document.querySelectorAll("#list > li")];
/** The first of two to be compared. */
let compared = null;

function addActions(item, tileset) {
  const actions = element("actions").content.cloneNode(true);
  const [offer, compare] = actions.querySelectorAll("button");
  offer.ariaLabel = `Use ${tileset.title} elsewhere`;
  compare.ariaLabel = `Compare ${tileset.title}`;
  offer.addEventListener("click", () => openOffer(tileset));
  compare.addEventListener("click", () => {
    if (compared === null || compared === tileset) compareWith(compared === null ? tileset : null);
    else location.href = tileset.viewer.replace("/viewer/", `${compared.viewer.replace("/viewer/", "/compare/")}/`);
  });
  compare.hidden = !isRaster(tileset);
  item.append(actions);
}

/** Waits for the second of two tilesets, or for none any more (null). */
function compareWith(tileset) {
  compared = tileset;
  element("comparing").hidden = tileset === null;
  element("compared").textContent = tileset?.title ?? "";
  items.forEach((item, index) => {
    item.querySelector(".compare")?.setAttribute("aria-pressed", tileset !== null && catalog[index] === tileset);
  });
}

function offerFilter() {
  const field = element("filter");
  const all = element("count").textContent;
  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const item of items) {
      const text = item.firstElementChild.textContent.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
    const shown = items.filter((item) => !item.hidden).length;
    element("count").textContent = shown === items.length ? all : `${shown} of ${all}`;
    element("none").hidden = shown > 0;
  };
  const clear = () => {
    field.value = "";
    apply();
    field.focus();
  };
  field.hidden = false;
  field.addEventListener("input", apply);
  element("show-all").addEventListener("click", clear);
  document.addEventListener("keydown", (event) => {
    const isFree = !event.target.closest("dialog, input") && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "/" && isFree) {
      event.preventDefault();
      field.focus();
    } else if (event.key === "Escape" && compared !== null && isFree) {
      compareWith(null);
    }
  });
  // A browser that goes back may have kept what was typed.
  apply();
}

items.forEach((item, index) => addActions(item, catalog[index]));
if (items.length > 1) offerFilter();
element("stop-comparing").addEventListener("click", () => compareWith(null));
// Pictures that cannot be made leave their place empty, with nothing broken in it.
for (const image of document.querySelectorAll("#list img")) {
  const leave = () => image.classList.add("absent");
  image.addEventListener("error", leave);
  if (image.complete && image.naturalWidth === 0 && image.currentSrc) leave();
}
