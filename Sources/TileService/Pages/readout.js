// SPDX-License-Identifier: Apache-2.0

/** What the page says in words and lengths: scale bar, coordinates, status line. Pure functions from a view to text. */

import { metresPerPixel, toLonLat } from "./mercator.js";

/** The longest scale bar, in CSS pixels. */
const BAR_MAX = 140;

/** The greatest of 1, 2, 5, 10, 20, 50, ... that is not above `limit`. */
export function roundLength(limit) {
  const power = 10 ** Math.floor(Math.log10(limit));
  return [5, 2, 1].find((digit) => digit * power <= limit) * power;
}

/**
 * The scale bar of a view.
 * @returns {{width: number, label: string}} its width in CSS pixels and the length that it stands for
 */
export function scaleBar(pyramid, { y, zoom }, micronsPerPixel) {
  let [unitsPerPixel, format] = [1, (length) => `${trim(length)} px`];
  if (pyramid.isMap) [unitsPerPixel, format] = [metresPerPixel(y, pyramid.width), formatMetres];
  else if (micronsPerPixel > 0) [unitsPerPixel, format] = [micronsPerPixel, formatMicrons];
  const unitsPerScreenPixel = unitsPerPixel / zoom;
  const length = roundLength(BAR_MAX * unitsPerScreenPixel);
  return { width: length / unitsPerScreenPixel, label: format(length) };
}

/** Where a point lies: degrees on a map; image pixels, and millimetres when known, on a slide. */
export function coordinates(pyramid, { x, y }, micronsPerPixel) {
  if (pyramid.isMap) {
    const { lon, lat } = toLonLat(x, y, pyramid.width);
    const degrees = (value, positive, negative) => `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;
    return `${degrees(lat, "N", "S")}, ${degrees(lon, "E", "W")}`;
  }
  const pixels = `${Math.floor(x)}, ${Math.floor(y)} px`;
  if (!(micronsPerPixel > 0)) return pixels;
  const millimetres = (value) => ((value * micronsPerPixel) / 1000).toFixed(3);
  return `${pixels} (${millimetres(x)}, ${millimetres(y)} mm)`;
}

/** The status line: how much of the view is here. */
export function status(scene, stats) {
  const ready = scene.tiles.filter(({ found }) => found).length;
  const parts = [`level ${scene.level}`, `${ready} of ${scene.tiles.length} tiles`];
  if (stats.pending > 0) parts.push(`${stats.pending} pending`);
  if (stats.missing > 0) parts.push(`${stats.missing} missing`);
  if (stats.failed > 0) parts.push(`${stats.failed} failed`);
  return parts.join(" · ");
}

/** A zoom as people say it: a map's level, or of a slide 100 % where an image pixel is on a CSS pixel. */
export function formatZoom(pyramid, zoom) {
  if (pyramid.isMap) return `zoom ${(pyramid.maxLevel + Math.log2(zoom)).toFixed(1)}`;
  const percent = zoom * 100;
  return `${percent >= 10 ? Math.round(percent) : percent.toPrecision(2)} %`;
}

function formatMicrons(microns) {
  if (microns >= 1000) return `${trim(microns / 1000)} mm`;
  return microns >= 1 ? `${trim(microns)} µm` : `${trim(microns * 1000)} nm`;
}

function formatMetres(metres) {
  if (metres >= 1000) return `${trim(metres / 1000)} km`;
  return metres >= 1 ? `${trim(metres)} m` : `${trim(metres * 100)} cm`;
}

/** A number without the noise of binary fractions. */
function trim(value) {
  return Number(value.toPrecision(3)).toString();
}
