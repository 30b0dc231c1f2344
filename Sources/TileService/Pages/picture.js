// SPDX-License-Identifier: Apache-2.0

/**
 * One tileset on one canvas, to be looked at and moved: what the viewer has one of and the comparison two. One frame
 * goes
 *
 *   view (viewport.js, motion.js) -> scene (scene.js, on pyramid.js) -> loads (tiles.js), canvas (render.js, overlay.js)
 *
 * and is drawn only when something changed. Knows nothing of the page around the canvas: who has a picture says what is
 * to happen after a frame (`onFrame`) and when the view changes (`onView`).
 */

import { Motion } from "./motion.js";
import { drawOverlay } from "./overlay.js";
import { Pyramid } from "./pyramid.js";
import { Renderer } from "./render.js";
import { composeScene } from "./scene.js";
import { TileLoader } from "./tiles.js";
import { Viewport } from "./viewport.js";

/** So many failed attempts before anything was shown call for a message. */
const PATIENCE = 3;

export class Picture {
  #frameRequest = null;
  #idleWaiters = [];
  #hasOverlay = false;
  #motion = new Motion();

  /** What the last frame showed; null before the first. */
  scene = null;
  /** Whether the whole picture is shown: it then fits the canvas anew when that changes its size. */
  isHome = true;
  /** Called after each frame. */
  onFrame = () => {};
  /** Called when the view changes, other than by following. */
  onView = () => {};
  /** Where another picture leads: a function that answers the view to be shown. */
  follows = null;

  /** Throws an Error that says what is wrong with the tileset's description. */
  constructor(canvas, tileset) {
    this.canvas = canvas;
    this.tileset = tileset;
    this.pyramid = new Pyramid(tileset);
    this.viewport = new Viewport(this.pyramid);
    this.loader = new TileLoader(this.pyramid, () => this.invalidate());
    this.renderer = new Renderer(canvas, this.pyramid);
    this.#resize();
    this.viewport.view = this.viewport.home;
    this.#watchSize();
    window.addEventListener("online", () => this.retry());
  }

  // What hands and keys do (input.js)

  /** Stops whatever moves: the picture has been grasped. */
  hold() {
    if (this.#motion.isMoving) this.isHome = false;
    this.#motion.stop();
  }

  moveBy(dx, dy) {
    this.show(this.viewport.panned(dx, dy));
  }

  zoomBy(point, factor) {
    this.show(this.viewport.zoomed(point, factor));
  }

  /** The picture was let go with a speed in CSS pixels per millisecond. */
  release(speed) {
    if (!prefersStillness()) this.#motion.fling(speed, performance.now());
    this.invalidate();
  }

  glideBy(dx, dy) {
    this.#glideTo(this.viewport.panned(dx, dy, this.restingView));
  }

  /** Magnifies in a short glide, about the middle unless a point is given. */
  step(factor, point = { x: this.viewport.width / 2, y: this.viewport.height / 2 }) {
    this.#glideTo(this.viewport.zoomed(point, factor, this.restingView));
  }

  goHome() {
    this.#glideTo(this.viewport.home);
    this.isHome = true;
  }

  /** One pixel of the image on one pixel of the screen. */
  showPixels() {
    this.step(1 / this.viewport.pixelRatio / this.restingView.zoom);
  }

  get hasOverlay() {
    return this.#hasOverlay;
  }

  set hasOverlay(value) {
    this.#hasOverlay = value;
    this.invalidate();
  }

  /** Tries again what failed. */
  retry() {
    this.loader.forgetFailures();
    this.invalidate();
  }

  // The view

  /** Where the picture will rest if nothing interferes. */
  get restingView() {
    return this.#motion.destination ?? this.viewport.view;
  }

  /** Shows a view at once, without a glide. */
  jumpTo(view) {
    this.#motion.stop();
    this.show(this.viewport.clamped(view));
  }

  /** Shows everything at once, without a glide. */
  jumpHome() {
    this.jumpTo(this.viewport.home);
    this.isHome = true;
  }

  show(view) {
    this.viewport.view = view;
    this.isHome = false;
    this.onView();
    this.invalidate();
  }

  #glideTo(view) {
    if (prefersStillness()) {
      this.show(view);
      return;
    }
    this.isHome = false;
    this.#motion.glide(this.viewport.view, view, performance.now());
    this.invalidate();
  }

  // One frame

  invalidate() {
    this.#frameRequest ??= requestAnimationFrame((now) => this.#frame(now));
  }

  /** Draws within the frame that is being made, instead of the next one. */
  drawNow() {
    cancelAnimationFrame(this.#frameRequest);
    this.#frame(performance.now());
  }

  #frame(now) {
    this.#frameRequest = null;
    if (this.follows) {
      this.#motion.stop();
      this.viewport.view = this.follows();
    } else if (this.#motion.isMoving) {
      this.viewport.view = this.#motion.advance(this.viewport, now);
      this.onView();
    }
    const scene = composeScene(this.pyramid, this.viewport, (tile) => this.loader.find(tile));
    this.scene = scene;
    this.loader.want(scene.wanted, scene.isUseful);
    this.renderer.draw(scene, this.viewport);
    if (this.#hasOverlay) drawOverlay(this.renderer, scene, this.viewport, (tile) => this.loader.peek(tile));
    this.onFrame();

    if (this.#motion.isMoving) this.invalidate();
    else if (this.loader.stats.pending === 0) this.#idleWaiters.splice(0).forEach((resolve) => resolve());
  }

  /** @returns a promise kept once nothing moves and every tile in the view is there, drawn, missing or given up */
  idle() {
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
      this.invalidate();
    });
  }

  get stats() {
    return { ...this.loader.stats, level: this.scene?.level, view: { ...this.viewport.view } };
  }

  /** What keeps the picture from being shown, in words; null while all goes well. */
  get problem() {
    const { problem, counters, stats } = this.loader;
    const isEmpty = counters.loaded === 0;
    if (problem && (stats.failed > 0 || (isEmpty && counters.retried >= PATIENCE))) {
      return `${isEmpty ? "This tileset" : "Some of the picture"} cannot be loaded: ${problem}.`;
    }
    return isEmpty && stats.missing > 0 && stats.pending === 0 ? "The server has no tiles here." : null;
  }

  // The canvas

  #watchSize() {
    const observer = new ResizeObserver((entries) => this.#resize(entries.at(-1).devicePixelContentBoxSize?.[0]));
    try {
      observer.observe(this.canvas, { box: "device-pixel-content-box" });
    } catch {
      observer.observe(this.canvas);
    }
  }

  /**
   * Gives the canvas one pixel for each of the screen's. `box` is their exact number where the browser tells it; it is
   * taken as a rounding only, since it leaves out emulated ratios.
   */
  #resize(box) {
    const ratio = window.devicePixelRatio;
    const rounded = (length, exact) => (Math.abs(exact - length * ratio) < 1 ? exact : Math.round(length * ratio));
    const width = rounded(this.canvas.clientWidth, box?.inlineSize);
    const height = rounded(this.canvas.clientHeight, box?.blockSize);
    if (width === this.canvas.width && height === this.canvas.height && ratio === this.viewport.pixelRatio) return;
    this.canvas.width = Math.max(width, 1);
    this.canvas.height = Math.max(height, 1);
    this.viewport.resize(this.canvas.width, this.canvas.height, ratio);
    if (this.isHome) this.viewport.view = this.viewport.home;
    if (this.scene) this.drawNow();
  }
}

function prefersStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
