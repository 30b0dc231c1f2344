// SPDX-License-Identifier: Apache-2.0

/** What the viewer and the comparison share: the words and buttons around their pictures (parts.html). */

import { coordinates, formatZoom, scaleBar } from "./readout.js";

export const element = (id) => document.getElementById(id);

/** A description that the server wrote into the page. */
export const embedded = (id) => JSON.parse(element(id).textContent);

/** Writes a text into the page, if it is another one than before. */
export function write(id, text) {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

/** Scale bar, zoom, and where the pointer is, a point of the picture's canvas; of the middle where there is none. */
export function writeReadouts({ pyramid, viewport, tileset }, pointer) {
  const { view } = viewport;
  const bar = scaleBar(pyramid, view, tileset.micronsPerPixel);
  element("bar").style.width = `${bar.width}px`;
  write("bar-label", bar.label);
  write("zoom", formatZoom(pyramid, view.zoom));
  write("coordinates", coordinates(pyramid, pointer ? viewport.screenToImage(pointer) : view, tileset.micronsPerPixel));
}

/** Shows why something cannot be shown, or hides that again (null). */
export function writeMessage(text, canRetry = true) {
  element("message").hidden = text === null;
  element("retry").hidden = !canRetry;
  if (text !== null) write("message-text", text);
}

/** Lets buttons act, by their ids. */
export function connectButtons(actions) {
  for (const [id, action] of Object.entries(actions)) element(id).addEventListener("click", action);
  element("fullscreen").hidden = !document.fullscreenEnabled;
}

export function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}

export function showHelp() {
  const help = element("help");
  if (!help.open) help.showModal();
}

/** Makes the page's pictures; where a description is not usable, the message says why, and nothing is answered. */
export function attempt(make) {
  try {
    return make();
  } catch (error) {
    const isOurs = error.message.startsWith("The description");
    writeMessage(isOurs ? error.message : `This page cannot show the tileset: ${error.message}.`, false);
    return undefined;
  }
}
