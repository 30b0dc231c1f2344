// SPDX-License-Identifier: Apache-2.0

/**
 * The viewer page: holds the parts together. One frame goes
 *
 *   input.js -> view (viewport.js, motion.js) -> scene (scene.js, on pyramid.js)
 *     -> loads (tiles.js), canvas (render.js, overlay.js), words (readout.js)
 *
 * and is drawn only when something changed.
 */

import { listen } from "./input.js";
import { Motion } from "./motion.js";
import { countTiers, drawOverlay, tierColour } from "./overlay.js";
import { Pyramid } from "./pyramid.js";
import { coordinates, formatZoom, scaleBar, status } from "./readout.js";
import { Renderer } from "./render.js";
import { composeScene } from "./scene.js";
import { TileLoader } from "./tiles.js";
import { Viewport, formatHash, parseHash } from "./viewport.js";

/** The address follows the view after this rest: browsers refuse pages that change it too often. */
const HASH_DELAY_MS = 200;

/** So many failed attempts before anything was shown call for a message. */
const PATIENCE = 3;

const element = (id) => document.getElementById(id);

class Viewer {
  #frameRequest = null;
  #idleWaiters = [];
  #isHome = true;
  #hasOverlay = false;
  #pointer = null;
  #hashTimer = undefined;
  #motion = new Motion();
  #scene = null;

  constructor(tileset) {
    this.tileset = tileset;
    this.canvas = element("image");
    this.pyramid = new Pyramid(tileset);
    this.viewport = new Viewport(this.pyramid);
    this.loader = new TileLoader(this.pyramid, () => this.invalidate());
    this.renderer = new Renderer(this.canvas, this.pyramid);
    element("attribution").textContent = tileset.attribution ?? "";

    this.#resize();
    this.#takeViewFromAddress();
    this.#watchSize();
    window.addEventListener("hashchange", () => this.#takeViewFromAddress());
    window.addEventListener("pagehide", () => this.#writeAddress());
    window.addEventListener("online", () => this.retry());
    listen(this.canvas, this);
    this.#connectButtons();
  }

  // What hands and keys do (input.js)

  /** Stops whatever moves: the picture has been grasped. */
  hold() {
    if (this.#motion.isMoving) this.#isHome = false;
    this.#motion.stop();
  }

  moveBy(dx, dy) {
    this.#show(this.viewport.panned(dx, dy));
  }

  zoomBy(point, factor) {
    this.#show(this.viewport.zoomed(point, factor));
  }

  /** The picture was let go with a speed in CSS pixels per millisecond. */
  release(speed) {
    if (!this.#prefersStillness) this.#motion.fling(speed, performance.now());
    this.invalidate();
  }

  glideBy(dx, dy) {
    this.#glideTo(this.viewport.panned(dx, dy, this.#restingView));
  }

  /** Magnifies in a short glide, about the middle unless a point is given. */
  step(factor, point = { x: this.viewport.width / 2, y: this.viewport.height / 2 }) {
    this.#glideTo(this.viewport.zoomed(point, factor, this.#restingView));
  }

  goHome() {
    this.#glideTo(this.viewport.home);
    this.#isHome = true;
  }

  /** One pixel of the image on one pixel of the screen. */
  showPixels() {
    this.step(1 / this.viewport.pixelRatio / this.#restingView.zoom);
  }

  /** Tells where the pointer is, or null when it left; the coordinates follow it. */
  pointAt(point) {
    this.#pointer = point;
    this.#writeCoordinates();
  }

  toggleFullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.().catch(() => {});
  }

  toggleOverlay() {
    this.#hasOverlay = !this.#hasOverlay;
    element("overlay").setAttribute("aria-pressed", this.#hasOverlay);
    element("tiers").hidden = !this.#hasOverlay;
    this.invalidate();
  }

  showHelp() {
    const help = element("help");
    if (!help.open) help.showModal();
  }

  /** Tries again what failed. */
  retry() {
    this.loader.forgetFailures();
    this.invalidate();
  }

  // The test hook, `window.orizuruViewer`

  /** Shows a view at once, without a glide. */
  setView(x, y, zoom) {
    this.#motion.stop();
    this.#show(this.viewport.clamped({ x, y, zoom }));
  }

  /** @returns a promise kept once nothing moves and every tile in the view is there, drawn, missing or given up */
  idle() {
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
      this.invalidate();
    });
  }

  get stats() {
    return { ...this.loader.stats, level: this.#scene?.level, view: { ...this.viewport.view } };
  }

  // One frame

  invalidate() {
    this.#frameRequest ??= requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now) {
    this.#frameRequest = null;
    if (this.#motion.isMoving) {
      this.viewport.view = this.#motion.advance(this.viewport, now);
      this.#addressChanged();
    }
    const scene = composeScene(this.pyramid, this.viewport, (tile) => this.loader.find(tile));
    this.#scene = scene;
    this.loader.want(scene.wanted, scene.isUseful);
    this.renderer.draw(scene, this.viewport);
    if (this.#hasOverlay) drawOverlay(this.renderer, scene, this.viewport, (tile) => this.loader.peek(tile));
    const stats = this.loader.stats;
    this.#writeReadouts(scene, stats);
    this.#writeMessage(stats);

    if (this.#motion.isMoving) this.invalidate();
    else if (stats.pending === 0) this.#idleWaiters.splice(0).forEach((resolve) => resolve());
  }

  #writeReadouts(scene, stats) {
    const { view } = this.viewport;
    const bar = scaleBar(this.pyramid, view, this.tileset.micronsPerPixel);
    element("bar").style.width = `${bar.width}px`;
    write("bar-label", bar.label);
    this.#writeCoordinates();
    write("zoom", formatZoom(view.zoom));
    write("status", status(scene, stats));
    if (this.#hasOverlay) writeTiers(countTiers(scene));
  }

  /** Of the pointer, or of the middle of the view when there is none. */
  #writeCoordinates() {
    const point = this.#pointer ? this.viewport.screenToImage(this.#pointer) : this.viewport.view;
    write("coordinates", coordinates(this.pyramid, point, this.tileset.micronsPerPixel));
  }

  #writeMessage(stats) {
    const { problem, counters } = this.loader;
    const isEmpty = counters.loaded === 0;
    if (problem && (stats.failed > 0 || (isEmpty && counters.retried >= PATIENCE))) {
      showMessage(`${isEmpty ? "This tileset" : "Some of the picture"} cannot be loaded: ${problem}.`, true);
    } else if (isEmpty && stats.missing > 0 && stats.pending === 0) {
      showMessage("The server has no tiles here.", true);
    } else {
      element("message").hidden = true;
    }
  }

  // View and address

  get #restingView() {
    return this.#motion.destination ?? this.viewport.view;
  }

  get #prefersStillness() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  #show(view) {
    this.viewport.view = view;
    this.#isHome = false;
    this.#addressChanged();
    this.invalidate();
  }

  #glideTo(view) {
    if (this.#prefersStillness) {
      this.#show(view);
      return;
    }
    this.#isHome = false;
    this.#motion.glide(this.viewport.view, view, performance.now());
    this.invalidate();
  }

  #takeViewFromAddress() {
    const view = parseHash(location.hash);
    this.#motion.stop();
    this.#isHome = view === null;
    this.viewport.view = view ? this.viewport.clamped(view) : this.viewport.home;
    this.invalidate();
  }

  #addressChanged() {
    clearTimeout(this.#hashTimer);
    this.#hashTimer = setTimeout(() => this.#writeAddress(), HASH_DELAY_MS);
  }

  /** The whole picture needs no position: it fits every screen anew. */
  #writeAddress() {
    clearTimeout(this.#hashTimer);
    const hash = this.#isHome ? "" : formatHash(this.#restingView);
    if (hash !== location.hash) history.replaceState(null, "", location.pathname + location.search + hash);
  }

  // Page

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
    if (this.#isHome) this.viewport.view = this.viewport.home;
    if (this.#scene) this.#frame(performance.now());
  }

  #connectButtons() {
    const actions = {
      "zoom-in": () => this.step(2),
      "zoom-out": () => this.step(0.5),
      home: () => this.goHome(),
      fullscreen: () => this.toggleFullscreen(),
      overlay: () => this.toggleOverlay(),
      "show-help": () => this.showHelp(),
      retry: () => this.retry(),
    };
    for (const [id, action] of Object.entries(actions)) element(id).addEventListener("click", action);
    element("fullscreen").hidden = !document.fullscreenEnabled;
  }
}

/** Writes a text into the page, if it is another one than before. */
function write(id, text) {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

/** The overlay's legend: how many tiles of the view each tier answered. */
function writeTiers(counts) {
  const legend = element("tiers");
  const text = counts.map(([tier, count]) => `${tier} ${count}`).join();
  if (legend.dataset.text === text) return;
  legend.dataset.text = text;
  legend.replaceChildren(
    ...counts.map(([tier, count]) => {
      const item = document.createElement("li");
      item.style.borderColor = tierColour(tier);
      item.textContent = `${tier} ${count}`;
      return item;
    }),
  );
}

function showMessage(text, canRetry) {
  write("message-text", text);
  element("retry").hidden = !canRetry;
  element("message").hidden = false;
}

function start() {
  let viewer;
  try {
    viewer = new Viewer(JSON.parse(element("tileset").textContent));
  } catch (error) {
    const isOurs = error.message.startsWith("The description");
    showMessage(isOurs ? error.message : `This page cannot show the tileset: ${error.message}.`, false);
    return;
  }
  window.orizuruViewer = {
    idle: () => viewer.idle(),
    setView: (x, y, zoom) => viewer.setView(x, y, zoom),
    screenToImage: (x, y) => viewer.viewport.screenToImage({ x, y }),
    get stats() {
      return viewer.stats;
    },
  };
}

start();
