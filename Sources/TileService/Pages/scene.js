// SPDX-License-Identifier: Apache-2.0

/**
 * Decides what a frame shows and which tiles it asks for. Pure but for the look-up of tiles that are already here.
 *
 * A tile that is missing is stood in for by its nearest ancestor, and by those of its children that are at hand. What
 * is asked for, in this order:
 *   1. the overview, one tile that shows the whole image: however far a flick goes, there is something to see;
 *   2. previews: the ancestors two levels up, where nothing better is here. They are few (one for sixteen tiles), and
 *      the server folds a whole family of tiles out of just such a parent;
 *   3. the tiles themselves, those at the middle first.
 */

import { ancestor, children, keyOf } from "./pyramid.js";

const PREVIEW_STEPS = 2;

/** Smaller tiles, in device pixels, are not shown: a picture that follows another can be led so far away from itself. */
const MIN_TILE_EXTENT = 16;

/**
 * @typedef {object} Scene
 * @property {number} level the level that suits the view
 * @property {{tile, found}[]} tiles its tiles in the view; `found` is what the loader has, or undefined
 * @property {object[]} standIns loaded tiles of other levels, coarse to fine, to be drawn below
 * @property {object[]} wanted tiles to load, the most urgent first
 * @property {(tile) => boolean} isUseful whether a load under way serves this view though it is not wanted any more
 */

/**
 * @param find looks a tile up among the loaded ones; it marks it as used
 * @returns {Scene}
 */
export function composeScene(pyramid, viewport, find) {
  const level = pyramid.levelFor(viewport.deviceScale);
  const visible = viewport.visibleRect;
  const overview = pyramid.overview;
  const previewLevel = Math.max(level - PREVIEW_STEPS, pyramid.minLevel);
  const standIns = new Map();
  const previews = new Map();
  const missing = [];

  const isTooFar = !overview && pyramid.tileSize * (viewport.deviceScale / pyramid.scale(level)) < MIN_TILE_EXTENT;
  const inView = isTooFar ? [] : middleFirst(pyramid.tilesIn(level, visible), pyramid, viewport.view);
  const tiles = inView.map((tile) => ({ tile, found: find(tile) }));
  for (const { tile, found } of tiles) {
    if (found) continue;
    missing.push(tile);
    const below = nearestAncestor(tile, pyramid, find);
    if (below) standIns.set(keyOf(below.tile), below);
    if (previewLevel < level && (below?.tile.level ?? -1) < previewLevel) {
      const preview = ancestor(tile, level - previewLevel);
      previews.set(keyOf(preview), preview);
    }
    if (level < pyramid.maxLevel) {
      for (const child of children(tile).map(find)) if (child) standIns.set(keyOf(child.tile), child);
    }
  }

  const wanted = [...previews.values(), ...missing];
  if (overview && !find(overview)) wanted.unshift(overview);
  const mayStandIn = (tile) => tile.level >= previewLevel || tile.level === overview?.level;
  return {
    level,
    tiles,
    standIns: [...standIns.values()].sort((a, b) => a.tile.level - b.tile.level),
    wanted,
    isUseful: (tile) => tile.level <= level && mayStandIn(tile) && pyramid.touches(tile, visible),
  };
}

function nearestAncestor(tile, pyramid, find) {
  for (let steps = 1; tile.level - steps >= pyramid.minLevel; steps += 1) {
    const found = find(ancestor(tile, steps));
    if (found) return found;
  }
  return undefined;
}

/** Sorts tiles of one level by their distance from the middle of the view. */
function middleFirst(tiles, pyramid, { x, y }) {
  if (tiles.length === 0) return tiles;
  const perImagePixel = pyramid.scale(tiles[0].level) / pyramid.tileSize;
  const distance = (tile) => Math.hypot(tile.x + 0.5 - x * perImagePixel, tile.y + 0.5 - y * perImagePixel);
  return tiles.sort((a, b) => distance(a) - distance(b));
}
