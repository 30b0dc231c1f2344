// SPDX-License-Identifier: Apache-2.0

/** The viewer page: one picture (picture.js), and around it words (readout.js), buttons, keys and the address. */

import { bindAddress } from "./address.js";
import { writeAttribution } from "./attribution.js";
import { listenToHands, listenToKeys } from "./input.js";
import { openOffer } from "./offer.js";
import { countTiers, tierColour } from "./overlay.js";
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

function start(picture) {
  const { viewport, tileset } = picture;
  let pointer = null;

  picture.onFrame = () => {
    writeReadouts(picture, pointer);
    write("status", status(picture.scene, picture.loader.stats));
    if (picture.hasOverlay) writeTiers(countTiers(picture.scene));
    writeMessage(picture.problem);
  };

  const toggleOverlay = () => {
    picture.hasOverlay = !picture.hasOverlay;
    element("overlay").setAttribute("aria-pressed", picture.hasOverlay);
    element("tiers").hidden = !picture.hasOverlay;
  };

  const showOffer = () => openOffer(tileset);

  writeAttribution(element("attribution"), tileset.attribution);
  bindAddress(picture);
  listenToHands(picture.canvas, () => picture, (point) => {
    pointer = point;
    writeReadouts(picture, pointer);
  });
  listenToKeys(() => picture, { f: toggleFullscreen, i: toggleOverlay, u: showOffer, "?": showHelp });
  connectButtons({
    "zoom-in": () => picture.step(2),
    "zoom-out": () => picture.step(0.5),
    home: () => picture.goHome(),
    fullscreen: toggleFullscreen,
    overlay: toggleOverlay,
    "show-offer": showOffer,
    "show-help": showHelp,
    retry: () => picture.retry(),
  });

  /** What tests hold on to. */
  window.orizuruViewer = {
    idle: () => picture.idle(),
    setView: (x, y, zoom) => picture.jumpTo({ x, y, zoom }),
    screenToImage: (x, y) => viewport.screenToImage({ x, y }),
    get stats() {
      return picture.stats;
    },
  };
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

const picture = attempt(() => new Picture(element("image"), embedded("tileset")));
if (picture) start(picture);
