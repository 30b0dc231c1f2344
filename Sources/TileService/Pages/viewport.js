// SPDX-License-Identifier: Apache-2.0

/**
 * Which part of the image the canvas shows, and how points travel between the two. Pure; draws nothing.
 *
 * A view is {x, y, zoom}: the image point at the middle of the canvas, and CSS pixels per image pixel. Views are
 * values: the functions here answer a new one.
 *
 * @typedef {{x: number, y: number, zoom: number}} View
 * @typedef {{x: number, y: number}} Point
 */

/** The largest magnification: single pixels of the image are then easily told apart. */
const MAX_ZOOM = 8;

/** Zooming out ends where the coarsest level's tiles become this small, in CSS pixels: it bounds how many are seen. */
const MIN_TILE_EXTENT = 64;

/** How much of the canvas the whole image fills at first. */
const HOME_FILL = 0.96;

export class Viewport {
  /** @type {View} */
  view = { x: 0, y: 0, zoom: 1 };

  constructor(pyramid) {
    this.pyramid = pyramid;
    this.resize(1, 1, 1);
  }

  /** Takes the size of the canvas in device pixels; the point at its middle stays. */
  resize(deviceWidth, deviceHeight, pixelRatio) {
    this.deviceWidth = deviceWidth;
    this.deviceHeight = deviceHeight;
    this.pixelRatio = pixelRatio;
    this.width = deviceWidth / pixelRatio;
    this.height = deviceHeight / pixelRatio;
    this.view = this.clamped(this.view);
  }

  /** Device pixels per image pixel. */
  get deviceScale() {
    return this.view.zoom * this.pixelRatio;
  }

  /**
   * Where the image's corner lies, in whole device pixels. Everything is drawn from here, so that at 1:1 (and at every
   * level's own 1:1) pixels of the image fall on pixels of the screen.
   */
  get deviceOrigin() {
    return {
      x: Math.round(this.deviceWidth / 2 - this.view.x * this.deviceScale),
      y: Math.round(this.deviceHeight / 2 - this.view.y * this.deviceScale),
    };
  }

  /** The image pixels on the canvas; the rectangle may reach beyond the image. */
  get visibleRect() {
    const { x, y, zoom } = this.view;
    const halfWidth = this.width / 2 / zoom;
    const halfHeight = this.height / 2 / zoom;
    return { left: x - halfWidth, top: y - halfHeight, right: x + halfWidth, bottom: y + halfHeight };
  }

  /** The view that fits the whole image (or a map's bounds). */
  get home() {
    const { left, top, right, bottom } = this.pyramid.home;
    const zoom = HOME_FILL * Math.min(this.width / (right - left), this.height / (bottom - top));
    return this.clamped({ x: (left + right) / 2, y: (top + bottom) / 2, zoom });
  }

  get #minZoom() {
    const { width, height, tileSize, minLevel } = this.pyramid;
    const fit = Math.min(this.width / width, this.height / height);
    return Math.max(Math.min(fit / 2, 1), (MIN_TILE_EXTENT / tileSize) * this.pyramid.scale(minLevel));
  }

  /** The nearest view within the limits: a sensible zoom, and the middle of the canvas on the image. */
  clamped({ x, y, zoom }) {
    const within = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
    return {
      x: within(x, 0, this.pyramid.width),
      y: within(y, 0, this.pyramid.height),
      zoom: within(zoom, this.#minZoom, MAX_ZOOM),
    };
  }

  /** The image point under a point of the canvas (CSS pixels from its upper left corner). */
  screenToImage(point, view = this.view) {
    return {
      x: view.x + (point.x - this.width / 2) / view.zoom,
      y: view.y + (point.y - this.height / 2) / view.zoom,
    };
  }

  /** The point of the canvas at which an image point is seen. */
  imageToScreen(point, view = this.view) {
    return {
      x: (point.x - view.x) * view.zoom + this.width / 2,
      y: (point.y - view.y) * view.zoom + this.height / 2,
    };
  }

  /** `view` with the picture pushed by (dx, dy) CSS pixels. */
  panned(dx, dy, view = this.view) {
    return this.clamped({ ...view, x: view.x - dx / view.zoom, y: view.y - dy / view.zoom });
  }

  /** `view` magnified by `factor`; the image point under `point` stays where it is. */
  zoomed(point, factor, view = this.view) {
    const { zoom } = this.clamped({ ...view, zoom: view.zoom * factor });
    const still = this.screenToImage(point, view);
    return this.clamped({
      x: still.x - (point.x - this.width / 2) / zoom,
      y: still.y - (point.y - this.height / 2) / zoom,
      zoom,
    });
  }
}

/**
 * The view between two views at `t` in 0...1. The zoom goes evenly by ratio, and the path is the one on which some
 * point of the screen stands still: zooming about a point and travelling home are the same motion.
 */
export function between(from, to, t) {
  if (t >= 1) return to;
  const zoom = from.zoom * (to.zoom / from.zoom) ** t;
  const ratio = to.zoom / from.zoom;
  const share = Math.abs(ratio - 1) < 1e-6 ? t : (1 / zoom - 1 / from.zoom) / (1 / to.zoom - 1 / from.zoom);
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share, zoom };
}

/** A view as the page's address carries it: `#x,y,zoom`, exact to a fraction of a screen pixel. */
export function formatHash({ x, y, zoom }) {
  const digits = Math.min(Math.max(Math.ceil(Math.log10(zoom)) + 1, 0), 3);
  return `#${Number(x.toFixed(digits))},${Number(y.toFixed(digits))},${Number(zoom.toPrecision(6))}`;
}

/** @returns {View | null} the view in an address, null if there is none */
export function parseHash(hash) {
  const parts = hash.replace(/^#/, "").split(",");
  const [x, y, zoom] = parts.map(Number);
  const isView = parts.length === 3 && parts.every((part) => part.trim() !== "" && Number.isFinite(Number(part)));
  return isView && zoom > 0 ? { x, y, zoom } : null;
}
