// SPDX-License-Identifier: Apache-2.0

/**
 * Hands, mice and keys: turns events into calls of the viewer (`moveBy`, `zoomBy`, `release`, `step`, ...). Keeps only
 * what a gesture under way needs.
 */

/** The magnification of a wheel's pixel of travel; a trackpad's pinch reports smaller travel, with the control key. */
const WHEEL_RATE = 0.002;
const PINCH_RATE = 0.01;

/** Wheels that count in lines or pages: pixels of a line, of a page. */
const LINE_PIXELS = 32;
const PAGE_PIXELS = 400;

/** A tap: at most this long, at most this far; the second of two at most this much later and farther away. */
const TAP = { milliseconds: 300, pixels: 8 };
const DOUBLE_TAP = { milliseconds: 350, pixels: 30 };

/** The speed at the end of a drag is taken over this time. */
const SPEED_WINDOW_MS = 90;

/** An arrow key moves the picture by this many CSS pixels, with shift by this share of the canvas. */
const ARROW_PIXELS = 80;
const ARROW_SHARE = 0.8;

export function listen(canvas, viewer) {
  listenToPointers(canvas, viewer);
  listenToWheel(canvas, viewer);
  listenToKeys(canvas, viewer);
}

const pointOf = (event) => ({ x: event.offsetX, y: event.offsetY });
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

/**
 * One pointer drags, two or more pinch: both are the same motion. The picture follows the pointers' middle, and grows
 * as they spread.
 */
function listenToPointers(canvas, viewer) {
  const pointers = new Map();
  let trail = [];
  let start = null;
  let lastTap = null;

  const middle = () => {
    const points = [...pointers.values()];
    const mean = (axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
    const at = { x: mean("x"), y: mean("y") };
    return { ...at, spread: points.reduce((sum, point) => sum + distance(point, at), 0) / points.length };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, pointOf(event));
    viewer.hold();
    trail = [];
    start = pointers.size === 1 ? { ...pointOf(event), time: event.timeStamp } : null;
    canvas.classList.add("dragging");
  });

  canvas.addEventListener("pointermove", (event) => {
    viewer.pointAt(pointOf(event));
    if (!pointers.has(event.pointerId)) return;
    const before = middle();
    pointers.set(event.pointerId, pointOf(event));
    const after = middle();
    viewer.moveBy(after.x - before.x, after.y - before.y);
    if (before.spread > 0 && after.spread > 0) viewer.zoomBy(after, after.spread / before.spread);
    trail.push({ x: after.x, y: after.y, time: event.timeStamp });
    trail = trail.filter(({ time }) => event.timeStamp - time <= SPEED_WINDOW_MS);
  });

  const lift = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size > 0) {
      trail = [];
      return;
    }
    canvas.classList.remove("dragging");
    const point = pointOf(event);
    const isTap =
      start !== null && event.timeStamp - start.time <= TAP.milliseconds && distance(start, point) <= TAP.pixels;
    if (event.type === "pointerup" && isTap) {
      const isSecond =
        lastTap !== null &&
        event.timeStamp - lastTap.time <= DOUBLE_TAP.milliseconds &&
        distance(lastTap, point) <= DOUBLE_TAP.pixels;
      if (isSecond) viewer.step(event.shiftKey ? 0.5 : 2, point);
      lastTap = isSecond ? null : { ...point, time: event.timeStamp };
    } else if (event.type === "pointerup") {
      viewer.release(speed(trail, event.timeStamp));
    }
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => viewer.pointAt(null));
}

/** The mean speed along a trail, in CSS pixels per millisecond; a pointer that rested before it was lifted has none. */
function speed(trail, now) {
  const [first, last] = [trail.at(0), trail.at(-1)];
  if (!first || now - last.time > SPEED_WINDOW_MS || last.time <= first.time) return { x: 0, y: 0 };
  const elapsed = now - first.time;
  return { x: (last.x - first.x) / elapsed, y: (last.y - first.y) / elapsed };
}

function listenToWheel(canvas, viewer) {
  const onWheel = (event) => {
    event.preventDefault();
    const unit = [1, LINE_PIXELS, PAGE_PIXELS][event.deltaMode] ?? 1;
    const bits = -event.deltaY * unit * (event.ctrlKey ? PINCH_RATE : WHEEL_RATE);
    viewer.hold();
    viewer.zoomBy(pointOf(event), Math.exp(Math.min(Math.max(bits, -0.7), 0.7)));
  };
  canvas.addEventListener("wheel", onWheel, { passive: false });
}

function listenToKeys(canvas, viewer) {
  const arrow = (x, y) => (event) => {
    const stride = event.shiftKey ? [canvas.clientWidth * ARROW_SHARE, canvas.clientHeight * ARROW_SHARE] : null;
    viewer.glideBy(x * (stride?.[0] ?? ARROW_PIXELS), y * (stride?.[1] ?? ARROW_PIXELS));
  };
  const keys = {
    ArrowLeft: arrow(1, 0),
    ArrowRight: arrow(-1, 0),
    ArrowUp: arrow(0, 1),
    ArrowDown: arrow(0, -1),
    "+": () => viewer.step(2),
    "=": () => viewer.step(2),
    "-": () => viewer.step(0.5),
    _: () => viewer.step(0.5),
    0: () => viewer.goHome(),
    Home: () => viewer.goHome(),
    1: () => viewer.showPixels(),
    f: () => viewer.toggleFullscreen(),
    i: () => viewer.toggleOverlay(),
    "?": () => viewer.showHelp(),
  };
  document.addEventListener("keydown", (event) => {
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("dialog, input")) return;
    event.preventDefault();
    action(event);
  });
}
