// SPDX-License-Identifier: Apache-2.0

/** Web Mercator (EPSG:3857) on a square world of `size` pixels, north up. Pure. */

/** The length of the equator in metres, WGS 84. */
const EQUATOR_METRES = 40_075_016.686;

/** Degrees of longitude and latitude at a point of the world. */
export function toLonLat(x, y, size) {
  const lat = Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / size)));
  return { lon: (x / size) * 360 - 180, lat: (lat * 180) / Math.PI };
}

/** The point of the world at a longitude and latitude; latitudes nearer to a pole than the map reaches are cut. */
export function fromLonLat(lon, lat, size) {
  const sine = Math.sin((Math.min(Math.max(lat, -85.051129), 85.051129) * Math.PI) / 180);
  return { x: ((lon + 180) / 360) * size, y: (0.5 - Math.atanh(sine) / (2 * Math.PI)) * size };
}

/** How many metres a pixel at height `y` of the world is wide. */
export function metresPerPixel(y, size) {
  const { lat } = toLonLat(0, y, size);
  return (EQUATOR_METRES * Math.cos((lat * Math.PI) / 180)) / size;
}
