// SPDX-License-Identifier: Apache-2.0

/**
 * The comparison page: two pictures (picture.js), one beside the other or both under a curtain that is drawn from one
 * to the other. They move together: the right one follows the left one, drawn in the same frame, so that nothing shears
 * at the curtain.
 */

import { bindAddress } from "./address.js";
import { writeAttribution } from "./attribution.js";
import { listenToHands, listenToKeys } from "./input.js";
import {
  attempt,
  connectButtons,
  element,
  embedded,
  showHelp,
  toggleFullscreen,
  write,
  writeMessage,
  writeReadouts,
} from "./page.js";
import { Picture } from "./picture.js";
import { status } from "./readout.js";

/** A bracket key moves the curtain by this many percent. */
const CURTAIN_STEP = 5;

/** How two pictures lie upon each other: a point of the left one, times `scale`, plus (x, y), is one of the right. */
class Link {
  x = 0;
  y = 0;

  /**
   * At first their corners meet, and so do lengths: as wide as each other on the glass, where that is known of both,
   * else as pictures. Of two maps this makes the same place on earth.
   */
  constructor(left, right) {
    const [one, other] = [left, right].map(({ tileset }) => tileset.micronsPerPixel);
    this.scale = one > 0 && other > 0 ? one / other : right.pyramid.width / left.pyramid.width;
  }

  /** The right picture's view to a view of the left one. */
  follow({ x, y, zoom }) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y, zoom: zoom / this.scale };
  }

  /** From now on the pictures lie as these views show them. */
  take(left, right) {
    this.scale = left.zoom / right.zoom;
    this.x = right.x - left.x * this.scale;
    this.y = right.y - left.y * this.scale;
  }
}

function start(left, right) {
  const link = new Link(left, right);
  const pictures = [left, right];
  let isLinked = true;
  /** The picture that was pointed at or focused last, and the pointer's place on its canvas while it is there. */
  let active = left;
  let pointer = null;

  /** Who is moved by what is done to a picture. The two canvases are of one size: a point of one is one of the other. */
  const moved = (picture) => (isLinked ? left : picture);

  const toggleLink = () => {
    isLinked = !isLinked;
    if (isLinked) link.take(left.viewport.view, right.viewport.view);
    right.follows = isLinked ? () => link.follow(left.viewport.view) : null;
    right.isHome = false;
    element("linked").setAttribute("aria-pressed", isLinked);
    left.invalidate();
  };

  const toggleBeside = () => {
    const isBeside = document.body.classList.toggle("beside");
    element("beside").setAttribute("aria-pressed", isBeside);
  };

  const toggleOverlay = () => {
    for (const picture of pictures) picture.hasOverlay = !picture.hasOverlay;
  };

  const curtain = element("curtain");
  const drawCurtain = () => {
    document.documentElement.style.setProperty("--split", `${curtain.value}%`);
    curtain.ariaValueText = `${Math.round(curtain.value)} percent ${left.tileset.title}`;
  };
  const moveCurtain = (percent) => {
    curtain.valueAsNumber += percent;
    drawCurtain();
  };

  const writeWords = () => {
    writeReadouts(moved(active), pointer);
    const drawn = pictures.filter(({ scene }) => scene);
    write("status", drawn.map((picture) => status(picture.scene, picture.loader.stats)).join(" | "));
    const troubled = pictures.find(({ problem }) => problem);
    writeMessage(troubled ? `${troubled.tileset.title}: ${troubled.problem}` : null);
  };
  left.onFrame = () => {
    if (right.follows && !isSame(right.viewport.view, right.follows())) right.drawNow();
    writeWords();
  };
  right.onFrame = writeWords;
  right.follows = () => link.follow(left.viewport.view);

  const attributions = new Set(pictures.map(({ tileset }) => tileset.attribution).filter(Boolean));
  writeAttribution(element("attribution"), [...attributions].join(" | "));
  bindAddress(left);
  for (const picture of pictures) {
    listenToHands(picture.canvas, () => moved(picture), (point) => {
      active = picture;
      pointer = point;
      writeReadouts(moved(active), pointer);
    });
    picture.canvas.addEventListener("focus", () => (active = picture));
  }
  curtain.addEventListener("input", drawCurtain);
  drawCurtain();
  listenToKeys(() => moved(active), {
    "[": () => moveCurtain(-CURTAIN_STEP),
    "]": () => moveCurtain(CURTAIN_STEP),
    f: toggleFullscreen,
    i: toggleOverlay,
    l: toggleLink,
    s: toggleBeside,
    "?": showHelp,
  });
  connectButtons({
    "zoom-in": () => moved(active).step(2),
    "zoom-out": () => moved(active).step(0.5),
    home: () => moved(active).goHome(),
    fullscreen: toggleFullscreen,
    beside: toggleBeside,
    linked: toggleLink,
    "show-help": showHelp,
    retry: () => pictures.forEach((picture) => picture.retry()),
  });
  right.invalidate();

  /** What tests hold on to. */
  window.orizuruCompare = {
    idle: async () => {
      await left.idle();
      await right.idle();
    },
    setView: (x, y, zoom) => left.jumpTo({ x, y, zoom }),
    get stats() {
      return { left: left.stats, right: right.stats };
    },
  };
}

function isSame(one, other) {
  return one.x === other.x && one.y === other.y && one.zoom === other.zoom;
}

const pictures = attempt(() => ["left", "right"].map((id) => new Picture(element(id), embedded(`${id}-tileset`))));
if (pictures) start(...pictures);
