// SPDX-License-Identifier: Apache-2.0

/**
 * The overlay: draws on each tile its place in the pyramid, its size, how long it took, and which tier answered. A tile
 * that is not here yet tells what it waits for.
 */

/** A colour for each tier, from the quickest to the slowest; the name is always written beside it. */
const TIER_COLOURS = {
  hot: "#ff8a5c",
  warm: "#ffc94d",
  disk: "#5cc8ff",
  shared: "#a99bff",
  render: "#ff7fb0",
  browser: "#9be29b",
};
const OTHER_COLOUR = "#d0d4da";

export function tierColour(tier) {
  return TIER_COLOURS[tier] ?? OTHER_COLOUR;
}

/** How many of a scene's tiles came from each tier, in the order of the tiers. */
export function countTiers(scene) {
  const counts = new Map(Object.keys(TIER_COLOURS).map((tier) => [tier, 0]));
  for (const { found } of scene.tiles) if (found) counts.set(found.tier, (counts.get(found.tier) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 0);
}

/** @param peek answers the loader's record of a tile, in whatever state */
export function drawOverlay(renderer, scene, viewport, peek) {
  const { context } = renderer;
  const ratio = viewport.pixelRatio;
  context.save();
  context.lineWidth = Math.max(Math.round(ratio), 1);
  context.textBaseline = "top";
  context.font = `${11 * ratio}px ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace`;
  for (const { tile, found } of scene.tiles) {
    const [left, top, width, height] = renderer.place(tile, viewport);
    const colour = found ? tierColour(found.tier) : OTHER_COLOUR;
    context.strokeStyle = "rgb(20 24 31 / 55%)";
    context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
    const lines = found ? describe(found) : [nameOf(tile), stateOf(peek(tile))];
    drawLabel(context, lines, colour, seen({ left, top, width, height }), ratio);
  }
  context.restore();
}

/** The part of a place that is not beyond the canvas's left or upper edge: labels stay in sight. */
function seen({ left, top, width, height }) {
  const [x, y] = [Math.max(left, 0), Math.max(top, 0)];
  return { left: x, top: y, width: left + width - x, height: top + height - y };
}

function nameOf({ level, x, y }) {
  return `level ${level} · ${x}, ${y}`;
}

function describe({ tile, bytes, milliseconds, tier }) {
  return [nameOf(tile), `${formatBytes(bytes)} · ${formatMilliseconds(milliseconds)}`, tier];
}

function stateOf(record) {
  if (!record) return "wanted";
  if (record.state === "waiting" && record.timer !== undefined) return `attempt ${record.attempts + 1} follows`;
  return record.state;
}

function formatBytes(bytes) {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(bytes < 100_000 ? 1 : 0)} kB`;
}

function formatMilliseconds(milliseconds) {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}

/** Lines of text on a dark plate, the last one in the tier's colour; as many as the place has room for. */
function drawLabel(context, lines, colour, place, ratio) {
  const [gap, lineHeight] = [6 * ratio, 15 * ratio];
  const room = Math.floor((place.height - 3 * gap) / lineHeight);
  // The tier matters most: where room is short, the lines above it go.
  const shown = lines.slice(Math.max(lines.length - room, 0));
  const textWidth = Math.max(...shown.map((line) => context.measureText(line).width));
  if (shown.length === 0 || textWidth + 4 * gap > place.width) return;
  const [x, y] = [place.left + gap, place.top + gap];
  context.fillStyle = "rgb(20 24 31 / 78%)";
  context.fillRect(x, y, textWidth + 2.75 * gap, shown.length * lineHeight + gap);
  context.fillStyle = colour;
  context.fillRect(x, y, 3 * ratio, shown.length * lineHeight + gap);
  shown.forEach((line, index) => {
    context.fillStyle = index === shown.length - 1 ? colour : "#f2f4f7";
    context.fillText(line, x + gap * 1.5, y + gap / 2 + index * lineHeight + 2 * ratio);
  });
}
