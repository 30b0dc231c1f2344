# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/viewers that are no code of a web page: QGIS, GDAL, IIIF."""

import io
import json
import pathlib
import re
import subprocess
import tempfile

import documents
from cases_viewers import imported, tool
from harness import fetch, serving
from sentences import SAMPLE, expect, test


def picture(body_or_path):
    image = imported("PIL.Image", "pillow")
    source = io.BytesIO(body_or_path) if isinstance(body_or_path, bytes) else body_or_path
    return image.open(source).convert("RGB")


def mosaic(url, tileset, level, columns, rows):
    """Tiles of a level put together."""
    image = imported("PIL.Image", "pillow")
    whole = image.new("RGB", (256 * len(columns), 256 * len(rows)))
    for column, x in enumerate(columns):
        for row, y in enumerate(rows):
            status, _, body = fetch(f"{url}/tiles/{tileset}/{level}/{x}/{y}.{'png' if tileset == 'world' else 'jpg'}")
            expect(status == 200, f"{tileset} {level}/{x}/{y}: {status}")
            whole.paste(picture(body), (256 * column, 256 * row))
    return whole


def expect_equal(seen, truth, what):
    expect(seen.size == truth.size, f"{what} has {seen.size} pixels in place of {truth.size}")
    differing = sum(a != b for a, b in zip(seen.getdata(), truth.getdata()))
    expect(differing == 0, f"{what}: {differing} pixels differ from the tiles")


def run(command, folder, **options):
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder, **options)
    expect(answer.returncode == 0, f"{command}: {answer.stderr}")
    return answer.stdout


@test("the commands on the GDAL page run as they stand there, with the pixels of the tiles")
def gdal_page(orizuru):
    tool("gdal_translate", "apt install gdal-bin")
    commands = [line for block in documents.blocks("gdal", "sh") for line in block.splitlines()]
    with serving(orizuru, SAMPLE) as url, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (slide,) = documents.blocks("qgis", "xml")
        (folder / "tissue.xml").write_text(slide.replace(documents.ORIGIN, url))
        for command in commands:
            run(command.replace(documents.ORIGIN, url), folder, shell=True)
        expect_equal(picture(folder / "region.tif"), mosaic(url, "tissue", 12, (5, 6), (3, 4)), "region.tif")
        small = picture(folder / "small.tif")
        whole = mosaic(url, "tissue", 10, range(3), range(3)).crop((0, 0, 725, 538))
        expect(small.size == whole.size, f"small.tif has {small.size} pixels")
        expect_equal(small, whole, "small.tif")
        part = picture(folder / "part.tif")
        expect(part.size == (512, 512), f"part.tif has {part.size} pixels")
        expect(len(set(part.getdata())) > 100, "part.tif is blank")


@test("what the QGIS page names is opened by GDAL, with the pixels of the tiles")
def qgis_page(orizuru):
    translate = tool("gdal_translate", "apt install gdal-bin")
    (text,) = documents.blocks("qgis", "text")
    (slide,) = documents.blocks("qgis", "xml")
    with serving(orizuru, SAMPLE) as url, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        xyz, wmts = (found.replace(documents.ORIGIN, url) for found in re.findall(r"^  URL +(\S+)$", text, re.M))
        finest = int(re.search(r"Max\. Zoom Level (\d+)", text)[1])
        # What QGIS makes of an XYZ address by itself, as a file of GDAL's.
        template = re.sub(r"\{(.)\}", r"${\1}", xyz)
        edge = 20037508.342789244
        (folder / "xyz.xml").write_text(
            f"<GDAL_WMS><Service name='TMS'><ServerUrl>{template}</ServerUrl></Service><DataWindow><UpperLeftX>{-edge}"
            f"</UpperLeftX><UpperLeftY>{edge}</UpperLeftY><LowerRightX>{edge}</LowerRightX><LowerRightY>{-edge}"
            f"</LowerRightY><TileLevel>{finest}</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY>"
            "<YOrigin>top</YOrigin></DataWindow><Projection>EPSG:3857</Projection><BlockSizeX>256</BlockSizeX>"
            "<BlockSizeY>256</BlockSizeY><BandsCount>3</BandsCount></GDAL_WMS>"
        )
        (folder / "slide.xml").write_text(slide.replace(documents.ORIGIN, url))
        world, tissue = mosaic(url, "world", finest, (7, 8), (4, 5)), mosaic(url, "tissue", 12, (2, 3), (6, 7))
        sources = {
            "XYZ": ("xyz.xml", (1792, 1024), world),
            "WMTS": (f"WMTS:{wmts},layer=world", (1792, 1024), world),
            "slide": ("slide.xml", (512, 1536), tissue),
        }
        for form, (source, (x, y), truth) in sources.items():
            bands = [argument for band in "123" for argument in ("-b", band)]
            run([translate, "-q", *bands, "-srcwin", str(x), str(y), "512", "512", source, f"{form}.png"], folder)
            expect_equal(picture(folder / f"{form}.png"), truth, form)


@test("the addresses on the IIIF page are answered, and its manifest tells what info.json tells")
def iiif_page(orizuru):
    (manifest,) = documents.blocks("iiif", "json")
    with serving(orizuru, SAMPLE) as url:
        for block in documents.blocks("iiif", "text"):
            for address in block.split():
                status, headers, body = fetch(address.replace(documents.ORIGIN, url))
                expect(status == 200 and body, f"{address}: {status}")
                expect(headers["Access-Control-Allow-Origin"] == "*", f"{address} is not for pages of other hosts")
                if not address.endswith("info.json"):
                    picture(body)
        (canvas,) = json.loads(manifest.replace(documents.ORIGIN, url))["items"]
        annotation = canvas["items"][0]["items"][0]
        expect(annotation["target"] == canvas["id"] and annotation["motivation"] == "painting", f"{annotation}")
        body = annotation["body"]
        (service,) = body["service"]
        info = json.loads(fetch(f"{service['id']}/info.json")[2])
        expect({name: info[name] for name in service} == service, f"info.json tells {info}")
        size = (info["width"], info["height"])
        expect((canvas["width"], canvas["height"]) == (body["width"], body["height"]) == size, f"info.json tells {size}")
        status, headers, data = fetch(body["id"])
        expect(status == 200 and headers["Content-Type"] == body["format"], f"{body['id']}: {status}")
        expect(picture(data).size == size, f"{body['id']} has {picture(data).size} pixels")
