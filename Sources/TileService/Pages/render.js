// SPDX-License-Identifier: Apache-2.0

/**
 * Draws a scene onto the canvas. All edges fall on whole device pixels, and neighbours share theirs: there are no
 * seams, and at 1:1 a tile's pixels are copied, not resampled.
 */

/** From this many device pixels per image pixel on, pixels are shown as the squares they are. */
const SQUARE_PIXELS_SCALE = 3;

export class Renderer {
  #context;

  constructor(canvas, pyramid) {
    this.#context = canvas.getContext("2d");
    this.pyramid = pyramid;
  }

  get context() {
    return this.#context;
  }

  draw(scene, viewport) {
    const context = this.#context;
    const origin = viewport.deviceOrigin;
    const image = {
      width: Math.round(this.pyramid.width * viewport.deviceScale),
      height: Math.round(this.pyramid.height * viewport.deviceScale),
    };
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, viewport.deviceWidth, viewport.deviceHeight);
    context.save();
    // A pixel of a coarse level at the image's edge reaches beyond it.
    context.beginPath();
    context.rect(origin.x, origin.y, image.width, image.height);
    context.clip();
    context.imageSmoothingEnabled = viewport.deviceScale < SQUARE_PIXELS_SCALE;
    for (const standIn of scene.standIns) this.#drawTile(standIn, viewport);
    for (const { found } of scene.tiles) if (found) this.#drawTile(found, viewport);
    context.restore();
  }

  /** Where a tile lies on the canvas: left, top, width and height in whole device pixels. */
  place(tile, viewport) {
    const { left, top, right, bottom } = this.pyramid.extent(tile);
    const origin = viewport.deviceOrigin;
    const perLevelPixel = viewport.deviceScale / this.pyramid.scale(tile.level);
    const x = Math.round(origin.x + left * perLevelPixel);
    const y = Math.round(origin.y + top * perLevelPixel);
    return [x, y, Math.round(origin.x + right * perLevelPixel) - x, Math.round(origin.y + bottom * perLevelPixel) - y];
  }

  #drawTile({ tile, picture }, viewport) {
    const place = this.place(tile, viewport);
    // Nothing coarser may shine through a transparent tile.
    if (this.pyramid.hasAlpha) this.#context.clearRect(...place);
    this.#context.drawImage(picture, ...this.pyramid.core(tile, picture), ...place);
  }
}
