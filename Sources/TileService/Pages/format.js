// SPDX-License-Identifier: Apache-2.0

/** Whether a tileset's tiles are pictures; vector tiles are shapes, to be drawn in a style by who shows them. */
export const isRaster = ({ format }) => format !== "mvt" && format !== "mlt";
