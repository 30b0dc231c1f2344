// SPDX-License-Identifier: Apache-2.0

/**
 * Views in motion: a glide to a given view, or the inertia after a drag. Knows no clock: `advance` is told the time, in
 * milliseconds, once per frame.
 */

import { between } from "./viewport.js";

const GLIDE_MS = 220;

/** After this time a flung picture has lost 63 % of its speed. */
const FRICTION_MS = 280;

/** Slower than this, in CSS pixels per millisecond, counts as standing still. */
const STILL_SPEED = 0.02;

/** A page that was hidden meanwhile goes on where it was instead of jumping. */
const LONGEST_FRAME_MS = 50;

export class Motion {
  #glide = null;
  #fling = null;

  get isMoving() {
    return this.#glide !== null || this.#fling !== null;
  }

  /** Where the picture will rest if nothing interferes; null when it is not gliding. Steps add up from here. */
  get destination() {
    return this.#glide?.to ?? null;
  }

  stop() {
    this.#glide = null;
    this.#fling = null;
  }

  glide(from, to, now) {
    this.stop();
    this.#glide = { from, to, started: now };
  }

  /** Lets the picture run on with a speed in CSS pixels per millisecond. */
  fling(speed, now) {
    this.stop();
    if (Math.hypot(speed.x, speed.y) > STILL_SPEED) this.#fling = { ...speed, last: now };
  }

  /** The view at time `now`. */
  advance(viewport, now) {
    if (this.#glide) {
      const { from, to, started } = this.#glide;
      const t = Math.min(Math.max((now - started) / GLIDE_MS, 0), 1);
      if (t === 1) this.#glide = null;
      return between(from, to, 1 - (1 - t) ** 3);
    }
    if (this.#fling) {
      const fling = this.#fling;
      const elapsed = Math.min(Math.max(now - fling.last, 0), LONGEST_FRAME_MS);
      const kept = Math.exp(-elapsed / FRICTION_MS);
      const travelled = FRICTION_MS * (1 - kept);
      const view = viewport.panned(fling.x * travelled, fling.y * travelled);
      this.#fling = { x: fling.x * kept, y: fling.y * kept, last: now };
      if (Math.hypot(this.#fling.x, this.#fling.y) < STILL_SPEED) this.#fling = null;
      return view;
    }
    return viewport.view;
  }
}
