# SPDX-License-Identifier: Apache-2.0
"""What viewers and validators make of the descriptions: IIIF, WMTS, TileJSON, and HTTP itself."""

import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from harness import fetch, serving
from sentences import SAMPLE, Skip, expect, test

# The name that the validator's picture goes by.
SQUARES = "67352ccc-d1b0-11e1-89ae-279075081939"


def tool(name, package):
    """The path of a command, or a skip."""
    beside = pathlib.Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise Skip(f"no {name} ({package})")
    return found


def imported(name, package):
    try:
        return __import__(name, fromlist=["_"])
    except ImportError as error:
        raise Skip(f"{error} (pip install {package})") from error


def tileset(url, kind, **facts):
    """The first tileset of the catalog of a kind and with the facts given."""
    for found in json.loads(fetch(f"{url}/catalog.json")[2])["tilesets"]:
        if found["kind"] == kind and all(found[name] == value for name, value in facts.items()):
            return found
    raise AssertionError(f"no {kind} with {facts} is served")


def draw_squares(folder):
    """The validator's picture, ten by ten squares of known colours, as a Deep Zoom pyramid."""
    image = imported("PIL.Image", "pillow")
    validator = imported("iiif_validator.validator", "iiif-validator")
    colours = validator.ValidationInfo().colorInfo
    side = 1000
    picture = image.new("RGB", (side, side))
    for column in range(10):
        for row in range(10):
            picture.paste(colours[column][row], (column * 100, row * 100, column * 100 + 100, row * 100 + 100))
    levels = math.ceil(math.log2(side))
    for level in range(levels + 1):
        length = math.ceil(side / 2 ** (levels - level))
        reduced = picture.resize((length, length), image.BOX)
        target = folder / f"{SQUARES}_files" / str(level)
        target.mkdir(parents=True)
        for x in range(math.ceil(length / 256)):
            for y in range(math.ceil(length / 256)):
                box = (x * 256, y * 256, min(x * 256 + 256, length), min(y * 256 + 256, length))
                reduced.crop(box).save(target / f"{x}_{y}.jpg", quality=95, subsampling=0)
    (folder / f"{SQUARES}.dzi").write_text(
        '<?xml version="1.0"?><Image xmlns="http://schemas.microsoft.com/deepzoom/2008" TileSize="256" Overlap="0" '
        f'Format="jpg"><Size Width="{side}" Height="{side}"/></Image>'
    )


@test("iiif-validator passes everything that the profile claims")
def iiif_validator(orizuru):
    validate = tool("iiif-validate.py", "pip install iiif-validator")
    with tempfile.TemporaryDirectory() as name:
        draw_squares(pathlib.Path(name))
        with serving(orizuru, name) as url:
            host = url.removeprefix("http://")
            # An identifier of other characters than an id may have is no picture of ours: those tests ask the validator's
            # own server for one.
            answer = subprocess.run(
                [validate, "-s", host, "-p", "iiif", "-i", SQUARES, "--version=3.0", "--level=2"],
                capture_output=True,
                text=True,
                timeout=300,
            )
    report = answer.stdout + answer.stderr
    print("      " + "\n      ".join(report.strip().splitlines()[-12:]))
    failed = [line for line in report.splitlines() if "FAIL" in line]
    expect(answer.returncode == 0 and not failed, f"exit code {answer.returncode}: " + " | ".join(failed))


@test("OWSLib reads the WMTS capabilities and gets a tile in both forms")
def owslib(orizuru):
    wmts = imported("owslib.wmts", "owslib")
    with serving(orizuru, SAMPLE) as url:
        world = tileset(url, "map")
        service = wmts.WebMapTileService(f"{url}/wmts/1.0.0/WMTSCapabilities.xml")
        layer = service.contents[world["id"]]
        box = layer.boundingBoxWGS84
        expect(abs(box[0] + 180) < 1e-9 and abs(box[3] - 85.0511) < 1e-3, f"the bounds are {box}")
        grid = service.tilematrixsets["WebMercatorQuad"]
        expect(grid.crs.endswith("EPSG::3857"), f"the grid's CRS is {grid.crs}")
        expect(len(grid.tilematrix) == world["maxLevel"] + 1, f"{len(grid.tilematrix)} matrices")
        picture = service.gettile(
            layer=world["id"], tilematrixset="WebMercatorQuad", tilematrix="2", row=1, column=2, format="image/png"
        ).read()
        _, _, direct = fetch(f"{url}/tiles/{world['id']}/2/2/1.png")
        expect(picture == direct, "the tile is another one than that of the XYZ route")
        keyed = wmts.WebMapTileService(f"{url}/wmts")
        expect(world["id"] in keyed.contents, "GetCapabilities names no such layer")


@test("a WMTS request that lacks a parameter, or asks for what is not there, gets an exception report")
def wmts_exceptions(orizuru):
    with serving(orizuru, SAMPLE) as url:
        world = tileset(url, "map")["id"]
        whole = {
            "SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0", "LAYER": world, "STYLE": "default",
            "FORMAT": "image/png", "TILEMATRIXSET": "WebMercatorQuad", "TILEMATRIX": "2", "TILEROW": "1", "TILECOL": "1",
        }
        cases = [
            ({"LAYER": None}, 400, "MissingParameterValue", "LAYER"),
            ({"LAYER": "nowhere"}, 400, "InvalidParameterValue", "LAYER"),
            ({"TILEROW": "4"}, 400, "TileOutOfRange", "TILEMATRIX"),
            ({"TILECOL": "-1"}, 400, "InvalidParameterValue", "TILECOL"),
            ({"TILEMATRIX": "99999999999999999999"}, 400, "InvalidParameterValue", "TILEMATRIX"),
            ({"FORMAT": "image/gif"}, 400, "InvalidParameterValue", "FORMAT"),
            ({"REQUEST": "GetFeatureInfo"}, 501, "OperationNotSupported", "REQUEST"),
        ]
        for change, status, code, locator in cases:
            query = "&".join(f"{name}={value}" for name, value in {**whole, **change}.items() if value is not None)
            found, headers, body = fetch(f"{url}/wmts?{query}")
            expect(found == status, f"{change}: status {found}")
            expect(f'exceptionCode="{code}" locator="{locator}"' in body.decode(), f"{change}: {body.decode()}")


@test("GDAL reads the sample map by WMTS and by XYZ, with the pixels of the tiles")
def gdal(orizuru):
    translate = tool("gdal_translate", "apt install gdal-bin")
    image = imported("PIL.Image", "pillow")
    with serving(orizuru, SAMPLE) as url, tempfile.TemporaryDirectory() as name:
        world = tileset(url, "map")["id"]
        truth_file = pathlib.Path(name) / "truth.png"
        truth_file.write_bytes(fetch(f"{url}/tiles/{world}/0/0/0.png")[2])
        truth = image.open(truth_file).convert("RGB")
        xyz = (
            "<GDAL_WMS><Service name='TMS'><ServerUrl>"
            f"{url}/tiles/{world}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service><DataWindow><UpperLeftX>-20037508.34"
            "</UpperLeftX><UpperLeftY>20037508.34</UpperLeftY><LowerRightX>20037508.34</LowerRightX><LowerRightY>"
            "-20037508.34</LowerRightY><TileLevel>4</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY>"
            "<YOrigin>top</YOrigin></DataWindow><Projection>EPSG:3857</Projection><BlockSizeX>256</BlockSizeX>"
            "<BlockSizeY>256</BlockSizeY><BandsCount>3</BandsCount></GDAL_WMS>"
        )
        for form, source in {"WMTS": f"WMTS:{url}/wmts/1.0.0/WMTSCapabilities.xml,layer={world}", "XYZ": xyz}.items():
            target = pathlib.Path(name) / f"{form}.png"
            answer = subprocess.run(
                [translate, "-q", "-b", "1", "-b", "2", "-b", "3", "-outsize", "256", "256", source, str(target)],
                capture_output=True,
                text=True,
                timeout=120,
                cwd=name,
            )
            expect(answer.returncode == 0, f"{form}: {answer.stderr}")
            seen = image.open(target).convert("RGB")
            expect(seen.size == (256, 256), f"{form}: {seen.size}")
            differing = sum(a != b for a, b in zip(seen.getdata(), truth.getdata()))
            expect(differing == 0, f"{form}: {differing} pixels differ from the tile of level 0")


@test("redbot finds no fault with a tile, a Deep Zoom description and a TileJSON document")
def redbot(orizuru):
    command = tool("redbot", "pip install redbot")
    with serving(orizuru, SAMPLE) as url:
        world = tileset(url, "map")["id"]
        slide = tileset(url, "slide", overlap=0)["id"]
        for path in [f"dzi/{slide}_files/12/5_3.jpg", f"dzi/{slide}.dzi", f"tilejson/{world}.json"]:
            answer = subprocess.run([command, "-o", "har", f"{url}/{path}"], capture_output=True, text=True, timeout=120)
            expect(answer.returncode == 0 and answer.stdout, f"{path}: {answer.stderr[-500:]}")
            entries = json.loads(answer.stdout)["log"]["entries"]
            expect(entries, f"{path}: redbot fetched nothing")
            notes = [note for entry in entries for note in entry.get("_red_messages", [])]
            expect(notes, f"{path}: redbot says nothing at all")
            bad = [note["subject"] + ": " + re.sub("<[^>]*>", "", note.get("text", "")) for note in notes
                   if note.get("level", "").lower() == "bad"]
            expect(not bad, f"{path}: " + " | ".join(bad))
