// SPDX-License-Identifier: Apache-2.0

/**
 * Hands, mice and keys: turns events into calls of a picture (`moveBy`, `zoomBy`, `release`, `step`, ...). Keeps only
 * what a gesture under way needs. Which picture it is may change: it is asked for (`target`) each time.
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

/**
 * Lets what is done on a canvas move a picture.
 * @param pointAt told where the pointer is, or null when it left
 */
export function listenToHands(canvas, target, pointAt) {
  listenToPointers(canvas, target, pointAt);
  listenToWheel(canvas, target);
}

const pointOf = (event) => ({ x: event.offsetX, y: event.offsetY });
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

/**
 * One pointer drags, two or more pinch: both are the same motion. The picture follows the pointers' middle, and grows
 * as they spread.
 */
function listenToPointers(canvas, target, pointAt) {
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
    target().hold();
    trail = [];
    start = pointers.size === 1 ? { ...pointOf(event), time: event.timeStamp } : null;
    canvas.classList.add("dragging");
  });

  canvas.addEventListener("pointermove", (event) => {
    pointAt(pointOf(event));
    if (!pointers.has(event.pointerId)) return;
    const before = middle();
    pointers.set(event.pointerId, pointOf(event));
    const after = middle();
    target().moveBy(after.x - before.x, after.y - before.y);
    if (before.spread > 0 && after.spread > 0) target().zoomBy(after, after.spread / before.spread);
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
      if (isSecond) target().step(event.shiftKey ? 0.5 : 2, point);
      lastTap = isSecond ? null : { ...point, time: event.timeStamp };
    } else if (event.type === "pointerup") {
      target().release(speed(trail, event.timeStamp));
    }
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => pointAt(null));
}

/** The mean speed along a trail, in CSS pixels per millisecond; a pointer that rested before it was lifted has none. */
function speed(trail, now) {
  const [first, last] = [trail.at(0), trail.at(-1)];
  if (!first || now - last.time > SPEED_WINDOW_MS || last.time <= first.time) return { x: 0, y: 0 };
  const elapsed = now - first.time;
  return { x: (last.x - first.x) / elapsed, y: (last.y - first.y) / elapsed };
}

function listenToWheel(canvas, target) {
  const onWheel = (event) => {
    event.preventDefault();
    const unit = [1, LINE_PIXELS, PAGE_PIXELS][event.deltaMode] ?? 1;
    const bits = -event.deltaY * unit * (event.ctrlKey ? PINCH_RATE : WHEEL_RATE);
    target().hold();
    target().zoomBy(pointOf(event), Math.exp(Math.min(Math.max(bits, -0.7), 0.7)));
  };
  canvas.addEventListener("wheel", onWheel, { passive: false });
}

/**
 * Lets keys move a picture, wherever the focus is, unless something there needs them itself.
 * @param more further keys and what they do
 */
export function listenToKeys(target, more) {
  const arrow = (x, y) => (event) => {
    const { clientWidth, clientHeight } = target().canvas;
    const stride = event.shiftKey ? [clientWidth * ARROW_SHARE, clientHeight * ARROW_SHARE] : [ARROW_PIXELS, ARROW_PIXELS];
    target().glideBy(x * stride[0], y * stride[1]);
  };
  const keys = {
    ArrowLeft: arrow(1, 0),
    ArrowRight: arrow(-1, 0),
    ArrowUp: arrow(0, 1),
    ArrowDown: arrow(0, -1),
    "+": () => target().step(2),
    "=": () => target().step(2),
    "-": () => target().step(0.5),
    _: () => target().step(0.5),
    0: () => target().goHome(),
    Home: () => target().goHome(),
    1: () => target().showPixels(),
    ...more,
  };
  document.addEventListener("keydown", (event) => {
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || needsItself(event)) return;
    event.preventDefault();
    action(event);
  });
}

/** A dialog has its own keys, a slider those that are no letters. */
function needsItself({ key, target }) {
  return target.closest("dialog") !== null || (target.matches("input") && key.length > 1);
}
