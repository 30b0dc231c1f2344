# SPDX-License-Identifier: Apache-2.0
"""What the viewer's canvas has to show, composed from the tiles themselves, and how far a picture is from it.

Written from the tileset's description alone, with Pillow in the place of the browser's decoder and scaler; it shares no
code with the pages.
"""

import io
import math
import urllib.error
import urllib.request

from PIL import Image, ImageChops, ImageStat


def levels_size(tileset, level):
    """Width and height of a level in its own pixels."""
    if tileset["kind"] == "map":
        return (tileset["tileSize"] << level,) * 2
    divisor = 1 << (tileset["maxLevel"] - level)
    return -(-tileset["width"] // divisor), -(-tileset["height"] // divisor)


def level_for(tileset, device_scale):
    """The level the viewer shows: the coarsest that is magnified by no more than 2^0.25."""
    level = tileset["maxLevel"] + math.ceil(math.log2(device_scale) - 0.25)
    return min(max(level, tileset["minLevel"]), tileset["maxLevel"])


def round_half_up(value):
    return math.floor(value + 0.5)


class Reference:
    """The pictures of one tileset of a server."""

    def __init__(self, base_url, tileset):
        self.base_url = base_url
        self.tileset = tileset
        self.tiles = {}

    def tile(self, level, x, y):
        """A tile as RGBA; None where the server has none."""
        key = (level, x, y)
        if key not in self.tiles:
            path = self.tileset["tiles"].format(level=level, x=x, y=y)
            try:
                with urllib.request.urlopen(self.base_url + path, timeout=30) as answer:
                    self.tiles[key] = Image.open(io.BytesIO(answer.read())).convert("RGBA")
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
                self.tiles[key] = None
        return self.tiles[key]

    def compose(self, view, width, height, pixel_ratio=1, level=None):
        """The canvas of width x height device pixels that shows `view`; transparent beside the image."""
        tileset = self.tileset
        size, overlap = tileset["tileSize"], tileset["overlap"]
        scale = view["zoom"] * pixel_ratio
        if level is None:
            level = level_for(tileset, scale)
        factor = scale * 2 ** (tileset["maxLevel"] - level)  # device pixels per pixel of the level
        origin_x = round_half_up(width / 2 - view["x"] * scale)
        origin_y = round_half_up(height / 2 - view["y"] * scale)
        level_width, level_height = levels_size(tileset, level)

        def span(origin, extent, count):
            first = max(math.floor(-origin / factor / size), 0)
            return range(first, min(math.ceil((extent - origin) / factor / size), count))

        def edges(origin, index, length):
            """Where a tile begins and ends: on whole device pixels, as its neighbours end and begin."""
            begin, end = index * size, min((index + 1) * size, length)
            return round_half_up(origin + begin * factor), round_half_up(origin + end * factor)

        canvas = Image.new("RGBA", (width, height))
        filter_ = Image.Resampling.NEAREST if scale >= 3 else Image.Resampling.BILINEAR
        level_width, level_height = levels_size(tileset, level)
        for y in span(origin_y, height, -(-level_height // size)):
            for x in span(origin_x, width, -(-level_width // size)):
                tile = self.tile(level, x, y)
                if tile is None:
                    continue
                (left, right), (top, bottom) = edges(origin_x, x, level_width), edges(origin_y, y, level_height)
                core_x, core_y = (overlap if x else 0), (overlap if y else 0)
                core = (core_x, core_y, min(core_x + size, tile.width), min(core_y + size, tile.height))
                placed = tile.transform((right - left, bottom - top), Image.Transform.EXTENT, core, filter_)
                canvas.paste(placed, (left, top))

        full_width = tileset["width"] if tileset["kind"] == "slide" else levels_size(tileset, tileset["maxLevel"])[0]
        full_height = tileset["height"] if tileset["kind"] == "slide" else full_width
        inside = Image.new("L", (width, height))
        right, bottom = origin_x + round_half_up(full_width * scale), origin_y + round_half_up(full_height * scale)
        inside.paste(255, (max(origin_x, 0), max(origin_y, 0), min(right, width), min(bottom, height)))
        return Image.composite(canvas, Image.new("RGBA", (width, height)), inside)


def over_gray(image):
    """A picture with transparency on middle gray, so that what is beside the image is compared, too."""
    ground = Image.new("RGBA", image.size, (128, 128, 128, 255))
    return Image.alpha_composite(ground, image).convert("RGB")


def mean_difference(actual, expected, blur=1):
    """The mean absolute difference in levels (0...255), after both were shrunk by `blur`."""
    difference = ImageChops.difference(over_gray(actual).reduce(blur), over_gray(expected).reduce(blur))
    return sum(ImageStat.Stat(difference).mean) / 3


def worst_block(actual, expected, block=16):
    """The mean difference of the worst block of block x block pixels: a misplaced tile does not average out."""
    difference = ImageChops.difference(over_gray(actual), over_gray(expected)).reduce(block)
    return max(high for _, high in difference.getextrema())
