// SPDX-License-Identifier: Apache-2.0

/**
 * The geometry of a tileset: its levels, its tiles, and where each of them lies. Pure; knows neither page nor network.
 *
 * Three spaces occur in the viewer:
 *   image   pixels of the finest level; (0, 0) is the image's upper left corner
 *   level   pixels of one level; an image pixel times `scale(level)`; level 0 is the coarsest
 *   device  pixels of the canvas (viewport.js leads there)
 *
 * A map is an image, too: the square world of its finest level.
 *
 * @typedef {{level: number, x: number, y: number}} Tile
 * @typedef {{left: number, top: number, right: number, bottom: number}} Rect
 */

import { isRaster } from "./format.js";
import { fromLonLat } from "./mercator.js";

/** How far a level may be magnified before the next finer one is taken, in powers of two (2^0.25 = 1.19 times). */
const MAGNIFICATION_BITS = 0.25;

export class Pyramid {
  /** Checks the description that the server put into the page; throws an Error that says what is wrong with it. */
  constructor(tileset) {
    const { tileSize, minLevel, maxLevel } = tileset;
    const demand = (holds, what) => {
      if (!holds) throw new Error(`The description of this tileset is not usable: ${what}.`);
    };
    demand(isRaster(tileset), "its tiles are shapes, not pictures");
    demand(Number.isInteger(tileSize) && tileSize > 0, "tileSize is not a positive number");
    const areLevels = [minLevel, maxLevel].every(Number.isInteger) && minLevel >= 0 && maxLevel <= 40;
    demand(areLevels && minLevel <= maxLevel, "its levels make no range");
    demand(
      typeof tileset.tiles === "string" && ["{level}", "{x}", "{y}"].every((part) => tileset.tiles.includes(part)),
      "its tiles have no address with {level}, {x} and {y}",
    );
    this.isMap = tileset.kind === "map";
    this.width = this.isMap ? tileSize * 2 ** maxLevel : tileset.width;
    this.height = this.isMap ? this.width : tileset.height;
    demand(this.width > 0 && this.height > 0, "width or height is not a positive number");

    this.tileSize = tileSize;
    this.overlap = this.isMap ? 0 : (tileset.overlap ?? 0);
    this.minLevel = minLevel;
    this.maxLevel = maxLevel;
    this.hasAlpha = tileset.format !== "jpg";
    this.home = this.#home(tileset.bounds);
    this.template = tileset.tiles;
    /** The one tile that shows the whole image best, or null if even the coarsest level has several. */
    this.overview = this.#overview();
  }

  /** What is shown first, in image pixels: the bounds of a map that has some, else everything. */
  #home(bounds) {
    if (!this.isMap || !Array.isArray(bounds) || bounds.length !== 4 || !bounds.every(Number.isFinite)) {
      return { left: 0, top: 0, right: this.width, bottom: this.height };
    }
    const [west, south, east, north] = bounds;
    const upperLeft = fromLonLat(west, north, this.width);
    const lowerRight = fromLonLat(east, south, this.width);
    return { left: upperLeft.x, top: upperLeft.y, right: lowerRight.x, bottom: lowerRight.y };
  }

  /** Level pixels per image pixel: 1 for the finest level, 1/2 for the next coarser one. */
  scale(level) {
    return 2 ** (level - this.maxLevel);
  }

  levelSize(level) {
    const scale = this.scale(level);
    return { width: Math.ceil(this.width * scale), height: Math.ceil(this.height * scale) };
  }

  grid(level) {
    const { width, height } = this.levelSize(level);
    return { columns: Math.ceil(width / this.tileSize), rows: Math.ceil(height / this.tileSize) };
  }

  /** The coarsest level that looks sharp when an image pixel takes `deviceScale` device pixels. */
  levelFor(deviceScale) {
    const level = this.maxLevel + Math.ceil(Math.log2(deviceScale) - MAGNIFICATION_BITS);
    return Math.min(Math.max(level, this.minLevel), this.maxLevel);
  }

  #overview() {
    let found = null;
    for (let level = this.minLevel; level <= this.maxLevel; level += 1) {
      const { columns, rows } = this.grid(level);
      if (columns * rows > 1) break;
      found = { level, x: 0, y: 0 };
    }
    return found;
  }

  /** @returns {Tile[]} the tiles of `level` that touch `rect` (image pixels), row by row */
  tilesIn(level, rect) {
    const { columns, rows } = this.grid(level);
    const perImagePixel = this.scale(level) / this.tileSize;
    const first = (edge) => Math.max(Math.floor(edge * perImagePixel), 0);
    const last = (edge, count) => Math.min(Math.ceil(edge * perImagePixel), count) - 1;
    const tiles = [];
    for (let y = first(rect.top); y <= last(rect.bottom, rows); y += 1) {
      for (let x = first(rect.left); x <= last(rect.right, columns); x += 1) tiles.push({ level, x, y });
    }
    return tiles;
  }

  /** What a tile covers, without its overlap, in pixels of its level. Tiles at the edge are partial. */
  extent(tile) {
    const { width, height } = this.levelSize(tile.level);
    const left = tile.x * this.tileSize;
    const top = tile.y * this.tileSize;
    return {
      left,
      top,
      right: Math.min(left + this.tileSize, width),
      bottom: Math.min(top + this.tileSize, height),
    };
  }

  /** The part of a tile's picture that belongs to its extent: x, y, width and height in the picture's pixels. */
  core(tile, picture) {
    // A map's picture may be finer than its nominal size (@2x): all of it counts.
    if (this.isMap) return [0, 0, picture.width, picture.height];
    const { left, top, right, bottom } = this.extent(tile);
    const x = tile.x > 0 ? this.overlap : 0;
    const y = tile.y > 0 ? this.overlap : 0;
    return [x, y, Math.min(right - left, picture.width - x), Math.min(bottom - top, picture.height - y)];
  }

  /** Whether a tile touches `rect` (image pixels). */
  touches(tile, rect) {
    const { left, top, right, bottom } = this.extent(tile);
    const scale = this.scale(tile.level);
    const isBeside = left >= rect.right * scale || right <= rect.left * scale;
    return !isBeside && top < rect.bottom * scale && bottom > rect.top * scale;
  }

  url(tile) {
    return this.template.replace("{level}", tile.level).replace("{x}", tile.x).replace("{y}", tile.y);
  }
}

/** The tile that covers `tile`, `steps` levels coarser. */
export function ancestor(tile, steps) {
  return { level: tile.level - steps, x: Math.floor(tile.x / 2 ** steps), y: Math.floor(tile.y / 2 ** steps) };
}

/** The four tiles one level finer; at the image's edge some of them do not exist. */
export function children(tile) {
  const [level, x, y] = [tile.level + 1, tile.x * 2, tile.y * 2];
  return [{ level, x, y }, { level, x: x + 1, y }, { level, x, y: y + 1 }, { level, x: x + 1, y: y + 1 }];
}

/** A tile's name in maps and sets. */
export function keyOf(tile) {
  return `${tile.level}/${tile.x}/${tile.y}`;
}
