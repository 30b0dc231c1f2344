// SPDX-License-Identifier: Apache-2.0

/** The page of a map of vector tiles: in place of a picture, what other programs need, and what the tiles hold. */

import { writeAttribution } from "./attribution.js";
import { fillOffer } from "./offer.js";

const element = (id) => document.getElementById(id);

function row({ id, description, minzoom, maxzoom, fields }, tileset) {
  const made = document.createElement("tr");
  const [first, last] = [minzoom ?? tileset.minLevel, maxzoom ?? tileset.maxLevel];
  const zoom = first === last ? `${first}` : `${first}–${last}`;
  for (const text of [description ? `${id}: ${description}` : id, zoom, Object.keys(fields ?? {}).join(", ")]) {
    made.insertCell().textContent = text;
  }
  return made;
}

async function showLayers(tileset) {
  const { description = "", vector_layers: layers = [] } = await (await fetch(tileset.tilejson)).json();
  element("description").textContent = description === tileset.title ? "" : description;
  document.querySelector("#layers tbody").append(...layers.map((layer) => row(layer, tileset)));
  element("layers").hidden = layers.length === 0;
}

const tileset = JSON.parse(element("tileset").textContent);
fillOffer(element("offer-content"), tileset, "MapLibre");
writeAttribution(element("attribution"), tileset.attribution);
await showLayers(tileset);
