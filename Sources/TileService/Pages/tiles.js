// SPDX-License-Identifier: Apache-2.0

/**
 * Loads tiles and keeps the decoded ones.
 *
 * The page says once per frame which tiles it wants (`want`), the most urgent first; whatever left that list is
 * dropped, and its request aborted. The server looks for a hang-up before it starts to render: an abort spares it work.
 *
 * A record goes through  waiting -> loading -> ready | missing | failed,  and from loading back to waiting when it is
 * to be tried again. Ready and missing ones stay until the budget needs their room, least recently used first.
 */

import { keyOf } from "./pyramid.js";

/** Browsers keep six connections to a host; more requests would only queue where they cannot be reordered. */
const IN_FLIGHT_MAX = 6;

/** Room for decoded pictures: about 1000 tiles of 256 x 256 pixels, three screens of 3840 x 2160. */
const DECODED_BYTES_MAX = 256 * 1024 * 1024;

/** What the note of a missing tile counts for in that room, so that the notes are bounded, too. */
const MISSING_BYTES = 1024;

const ATTEMPTS_MAX = 5;
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 20_000;

export class TileLoader {
  /** Records by key; the order of this map is the order of last use. */
  #records = new Map();
  #wanted = [];
  #inFlight = 0;
  #decodedBytes = 0;
  #turn = 0;
  #onChange;

  counters = { requested: 0, loaded: 0, retried: 0, cancelled: 0, evicted: 0, receivedBytes: 0 };

  /** @param onChange called whenever something arrived or failed */
  constructor(pyramid, onChange) {
    this.pyramid = pyramid;
    this.#onChange = onChange;
    // The browser notes the timing of 250 requests and then stops; see `cameFromBrowserCache`.
    performance.addEventListener("resourcetimingbufferfull", () => performance.clearResourceTimings());
  }

  /** The record of a tile that is ready to be drawn; keeps it from being evicted until the next `want`. */
  find(tile) {
    const record = this.#records.get(keyOf(tile));
    if (record?.state !== "ready") return undefined;
    this.#touch(record);
    return record;
  }

  /** The record of a tile in whatever state, for those who report it. */
  peek(tile) {
    return this.#records.get(keyOf(tile));
  }

  /**
   * Loads these tiles, the first ones first, and drops what is not among them.
   * @param isUseful of a tile that is being loaded but not wanted any more: whether to let it arrive
   */
  want(tiles, isUseful) {
    const keys = new Set(tiles.map(keyOf));
    for (const [key, record] of this.#records) {
      if (keys.has(key) || record.state === "ready" || record.state === "missing") continue;
      if (record.state === "loading" && isUseful(record.tile)) continue;
      this.#drop(record);
    }
    this.#wanted = tiles.map((tile) => this.#records.get(keyOf(tile)) ?? this.#add(tile));
    this.#wanted.forEach((record) => this.#touch(record));
    this.#evict();
    this.#turn += 1;
    this.#startLoads();
  }

  /** Forgets failures, so that the next `want` tries again. */
  forgetFailures() {
    for (const record of [...this.#records.values()]) {
      if (record.state !== "ready" && record.state !== "loading") this.#drop(record);
    }
  }

  /** Why a tile of the view is not here yet or never will be, in words; undefined while all goes well. */
  get problem() {
    return this.#wanted.find((record) => record.problem)?.problem;
  }

  get stats() {
    const count = (state) => this.#wanted.filter((record) => record.state === state).length;
    return {
      ...this.counters,
      pending: count("waiting") + count("loading"),
      failed: count("failed"),
      missing: count("missing"),
      inFlight: this.#inFlight,
      decodedBytes: this.#decodedBytes,
    };
  }

  #add(tile) {
    const record = { key: keyOf(tile), tile, state: "waiting", attempts: 0, decodedBytes: 0, turn: this.#turn };
    this.#records.set(record.key, record);
    return record;
  }

  #touch(record) {
    record.turn = this.#turn;
    this.#records.delete(record.key);
    this.#records.set(record.key, record);
  }

  #drop(record) {
    clearTimeout(record.timer);
    if (record.state === "loading") {
      this.counters.cancelled += 1;
      record.abort.abort();
    }
    record.picture?.close();
    this.#decodedBytes -= record.decodedBytes;
    this.#records.delete(record.key);
  }

  #startLoads() {
    for (const record of this.#wanted) {
      if (this.#inFlight >= IN_FLIGHT_MAX) return;
      if (record.state === "waiting" && record.timer === undefined) this.#load(record);
    }
  }

  async #load(record) {
    const abort = new AbortController();
    Object.assign(record, { state: "loading", attempts: record.attempts + 1, abort });
    this.#inFlight += 1;
    this.counters.requested += 1;
    try {
      const answer = await fetchPicture(this.pyramid.url(record.tile), abort.signal);
      if (abort.signal.aborted) answer?.picture.close();
      else this.#settle(record, answer);
    } catch (error) {
      if (!abort.signal.aborted) this.#retryLater(record, error);
    }
    this.#inFlight -= 1;
    this.#startLoads();
    this.#onChange();
  }

  /** @param answer what `fetchPicture` found; null when the tileset has no such tile */
  #settle(record, answer) {
    if (answer) {
      Object.assign(record, answer, { state: "ready", decodedBytes: answer.picture.width * answer.picture.height * 4 });
      this.counters.loaded += 1;
      this.counters.receivedBytes += answer.bytes;
    } else {
      Object.assign(record, { state: "missing", decodedBytes: MISSING_BYTES });
    }
    record.problem = undefined;
    this.#decodedBytes += record.decodedBytes;
    this.#touch(record);
  }

  #retryLater(record, error) {
    record.problem = error.message;
    if (record.attempts >= ATTEMPTS_MAX || error.isFinal) {
      record.state = "failed";
      return;
    }
    this.counters.retried += 1;
    record.state = "waiting";
    record.timer = setTimeout(() => {
      record.timer = undefined;
      this.#startLoads();
    }, retryDelay(record.attempts, error.retryAfterMs));
  }

  /** Makes room; what was used since the last `want` stays whatever it takes: it is about to be drawn. */
  #evict() {
    for (const record of this.#records.values()) {
      if (this.#decodedBytes <= DECODED_BYTES_MAX) return;
      if (record.decodedBytes === 0 || record.turn === this.#turn) continue;
      this.counters.evicted += 1;
      this.#drop(record);
    }
  }
}

/** An answer that is not a tile. `isFinal`: asking again would not help. */
class LoadError extends Error {
  constructor(message, { isFinal = false, retryAfterMs = 0 } = {}) {
    super(message);
    Object.assign(this, { isFinal, retryAfterMs });
  }
}

/** @returns picture, bytes, milliseconds and tier of a tile; null when there is no such tile */
async function fetchPicture(url, signal) {
  const started = performance.now();
  const response = await fetch(url, { signal }).catch((error) => {
    throw signal.aborted ? error : new LoadError("the server cannot be reached");
  });
  if ([204, 404, 410].includes(response.status)) return null;
  if (!response.ok) {
    throw new LoadError(`the server answered ${response.status} to ${url}`, {
      isFinal: response.status < 500 && ![408, 429].includes(response.status),
      retryAfterMs: retryAfterMs(response.headers.get("Retry-After"), Date.now()),
    });
  }
  const blob = await response.blob();
  const milliseconds = performance.now() - started;
  const tier = cameFromBrowserCache(response.url) ? "browser" : cacheTier(response.headers.get("Cache-Status"));
  const picture = await createImageBitmap(blob).catch(() => {
    throw new LoadError(`what the server answered to ${url} is not a picture`);
  });
  return { picture, bytes: blob.size, milliseconds, tier };
}

/**
 * Whether the browser answered by itself. It then repeats the stored `Cache-Status`, which tells of an earlier day.
 * Nothing was transferred (Resource Timing, transferSize).
 */
function cameFromBrowserCache(url) {
  const timing = performance.getEntriesByName(url, "resource").at(-1);
  return timing !== undefined && timing.transferSize === 0 && timing.decodedBodySize > 0;
}

/** The tier that answered, out of a `Cache-Status` header (RFC 9211) such as `orizuru; hit; detail=hot`. */
export function cacheTier(header) {
  for (const member of (header ?? "").split(",")) {
    const [cache, ...parameters] = member.split(";").map((part) => part.trim());
    if (cache !== "orizuru") continue;
    const detail = parameters.find((parameter) => parameter.startsWith("detail="));
    return detail ? detail.slice("detail=".length).replaceAll('"', "") : parameters.includes("hit") ? "hit" : "miss";
  }
  return "unknown";
}

/** `Retry-After` (RFC 9110, 10.2.3), seconds or a date, in milliseconds from `now`; 0 when absent. */
export function retryAfterMs(header, now) {
  if (!header) return 0;
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(milliseconds) ? Math.max(milliseconds, 0) : 0;
}

/** Twice as long after each attempt, never sooner than the server asked; scattered, lest all tiles return at once. */
function retryDelay(attempts, atLeastMs) {
  const backOff = FIRST_RETRY_MS * 2 ** (attempts - 1) * (0.75 + Math.random() / 2);
  return Math.min(Math.max(backOff, atLeastMs * (1 + Math.random() / 4)), LONGEST_RETRY_MS);
}
