// SPDX-License-Identifier: Apache-2.0

/**
 * Where a tileset is offered, and what to write to see it in other programs. Pure: from a description of the catalog,
 * and the address that the server is reached at, to text. The pages show it, docs/viewers explains it.
 */

import { isRaster } from "./format.js";

const CDN = "https://cdn.jsdelivr.net/npm";

const isSlide = ({ kind }) => kind === "slide";
const isVector = (tileset) => !isRaster(tileset);

/** @returns {{name: string, url: string}[]} each protocol in which a tileset is offered, with its absolute URL */
export function addresses(tileset, origin) {
  const offers = {
    "Deep Zoom": tileset.dzi,
    "IIIF Image API": tileset.iiif,
    Zoomify: tileset.zoomify,
    TileJSON: tileset.tilejson,
    "XYZ tiles": xyz(tileset, ""),
    WMTS: tileset.wmts,
    Thumbnail: tileset.thumbnail,
  };
  return Object.entries(offers).flatMap(([name, path]) => (path ? [{ name, url: origin + path }] : []));
}

/** @returns {{name: string, hint: string, code: string}[]} each program that shows a tileset, and what to do there */
export function snippets(tileset, origin) {
  const offers = {
    OpenSeadragon: isRaster(tileset) && openSeadragon,
    Leaflet: isRaster(tileset) && (isSlide(tileset) ? leafletSlide : leafletMap),
    OpenLayers: isSlide(tileset) ? tileset.iiif && openLayersSlide : tileset.format !== "mlt" && openLayersMap,
    MapLibre: !isSlide(tileset) && mapLibre,
    QGIS: isSlide(tileset) ? gdalSlide : tileset.format !== "mlt" && qgisMap,
  };
  return Object.entries(offers).flatMap(([name, write]) => (write ? [{ name, ...write(tileset, origin) }] : []));
}

/** The template of padded tiles; its `{z}` is the level of a slide, too. */
function xyz(tileset, origin) {
  const [path] = tileset.tiles.split("?");
  return origin + path.replace("{level}", "{z}").replace("{x}_{y}", "{x}/{y}");
}

/** A value as JavaScript, also inside of a script element. */
const literal = (value) => JSON.stringify(value).replaceAll("<", "\\u003c");

const bounds = (tileset) => tileset.bounds ?? [-180, -85.051129, 180, 85.051129];

/** How many powers of two a map's tiles are larger than the usual 256 pixels: to some programs a shift of the zoom. */
const zoomShift = ({ tileSize }) => Math.log2(tileSize / 256);

/** A page that shows nothing but a viewer: what it loads, and its script. */
function page({ style, library, script, isModule = false }) {
  const link = style ? `<link rel="stylesheet" href="${CDN}/${style}">\n` : "";
  return {
    hint: "Save as an .html file and open it, or take what you need into a page of your own.",
    code: `<!doctype html>
<meta charset="utf-8">
${link}<script src="${CDN}/${library}"></script>
<div id="view" style="position: fixed; inset: 0"></div>
<script${isModule ? ' type="module"' : ""}>
${script}
</script>
`,
  };
}

function openSeadragon(tileset, origin) {
  const images = "openseadragon@6/build/openseadragon";
  const shift = Math.log2(tileset.tileSize);
  const source = isSlide(tileset)
    ? literal(origin + tileset.dzi)
    : `{
    width: ${tileset.width},
    height: ${tileset.height},
    tileSize: ${tileset.tileSize},
    minLevel: ${tileset.minLevel + shift},
    maxLevel: ${tileset.maxLevel + shift},
    getTileUrl: (level, x, y) =>
      ${literal(xyz(tileset, origin))}.replace("{z}", level - ${shift}).replace("{x}", x).replace("{y}", y),
  }`;
  return page({
    library: `${images}/openseadragon.min.js`,
    script: `OpenSeadragon({
  id: "view",
  prefixUrl: "${CDN}/${images}/images/",
  crossOriginPolicy: "Anonymous",
  tileSources: ${source},
});`,
  });
}

const leaflet = (script) =>
  page({ style: "leaflet@1/dist/leaflet.css", library: "leaflet@1/dist/leaflet.js", script });

function leafletMap(tileset, origin) {
  const [west, south, east, north] = bounds(tileset);
  const shift = zoomShift(tileset);
  return leaflet(`const bounds = [[${south}, ${west}], [${north}, ${east}]];
const map = L.map("view").fitBounds(bounds);
L.tileLayer(${literal(xyz(tileset, origin))}, {
  bounds,${shift === 0 ? "" : `\n  tileSize: ${tileset.tileSize},\n  zoomOffset: ${-shift},`}
  minNativeZoom: ${tileset.minLevel + shift},
  maxNativeZoom: ${tileset.maxLevel + shift},
  attribution: ${literal(tileset.attribution ?? "")},
}).addTo(map);`);
}

function leafletSlide(tileset, origin) {
  const { width, height, maxLevel } = tileset;
  return leaflet(`const map = L.map("view", { crs: L.CRS.Simple, maxZoom: ${maxLevel + 2} });
const bounds = L.latLngBounds(map.unproject([0, 0], ${maxLevel}), map.unproject([${width}, ${height}], ${maxLevel}));
L.tileLayer(${literal(xyz(tileset, origin))}, {
  bounds,
  tileSize: ${tileset.tileSize},
  maxZoom: ${maxLevel + 2},
  maxNativeZoom: ${maxLevel},
  attribution: ${literal(tileset.attribution ?? "")},
}).addTo(map);
map.fitBounds(bounds);`);
}

const openLayers = (script) =>
  page({ style: "ol@10/ol.css", library: "ol@10/dist/ol.js", isModule: true, script });

function openLayersSlide(tileset, origin) {
  return openLayers(`const answer = await fetch(${literal(origin + tileset.iiif)});
const options = new ol.format.IIIFInfo(await answer.json()).getTileSourceOptions();
const source = new ol.source.IIIF({ ...options, zDirection: -1, crossOrigin: "anonymous" });
const grid = source.getTileGrid();
const view = new ol.View({ resolutions: grid.getResolutions(), extent: grid.getExtent(), constrainOnlyCenter: true });
new ol.Map({ target: "view", view, layers: [new ol.layer.Tile({ source })] });
view.fit(grid.getExtent());`);
}

function openLayersMap(tileset, origin) {
  const source = isVector(tileset)
    ? `new ol.source.VectorTile({
  format: new ol.format.MVT(),
  url: ${literal(xyz(tileset, origin))},
  minZoom: ${tileset.minLevel},
  maxZoom: ${tileset.maxLevel},
})`
    : `new ol.source.TileJSON({
  url: ${literal(origin + tileset.tilejson)},
  tileSize: ${tileset.tileSize},
  crossOrigin: "anonymous",
})`;
  return openLayers(`const source = ${source};
const layer = new ol.layer.${isVector(tileset) ? "VectorTile" : "Tile"}({ source });
const map = new ol.Map({ target: "view", layers: [layer], view: new ol.View() });
map.getView().fit(ol.proj.transformExtent([${bounds(tileset).join(", ")}], "EPSG:4326", "EPSG:3857"));`);
}

function mapLibre(tileset, origin) {
  const [west, south, east, north] = bounds(tileset);
  const url = literal(origin + tileset.tilejson);
  const script = isVector(tileset)
    ? `const url = ${url};
const { vector_layers } = await (await fetch(url)).json();
const drawn = { Polygon: "fill", LineString: "line", Point: "circle" };
const colour = (type, index) => ({ [\`\${type}-color\`]: \`hsl(\${(index * 67) % 360} 50% 55%)\`, [\`\${type}-opacity\`]: 0.6 });
const layers = vector_layers.flatMap(({ id }, index) =>
  Object.entries(drawn).map(([geometry, type]) => ({
    id: \`\${id} \${type}\`,
    type,
    source: "tiles",
    "source-layer": id,
    filter: ["==", ["geometry-type"], geometry],
    paint: colour(type, index),
  })),
);
const sources = { tiles: { type: "vector", url${tileset.format === "mlt" ? ', encoding: "mlt"' : ""} } };`
    : `const sources = { tiles: { type: "raster", url: ${url}, tileSize: ${tileset.tileSize} } };
const layers = [{ id: "tiles", type: "raster", source: "tiles" }];`;
  return page({
    style: "maplibre-gl@5/dist/maplibre-gl.css",
    library: "maplibre-gl@5/dist/maplibre-gl.js",
    isModule: isVector(tileset),
    script: `${script}
new maplibregl.Map({
  container: "view",
  style: { version: 8, sources, layers },
  bounds: [[${west}, ${south}], [${east}, ${north}]],
});`,
  });
}

function qgisMap(tileset, origin) {
  const layer = isVector(tileset) ? "Vector Tile Layer, New Generic Connection" : "XYZ Layer, New";
  const wmts = tileset.wmts ? `\nAdd WMS/WMTS Layer, New\n  URL             ${origin}${tileset.wmts}\n` : "";
  return {
    hint: "In QGIS, menu Layer, Add Layer:",
    code: `Add ${layer}
  URL             ${xyz(tileset, origin)}
  Min. Zoom Level ${tileset.minLevel}
  Max. Zoom Level ${tileset.maxLevel}
${wmts}`,
  };
}

/** A slide lies nowhere on the earth: its raster counts pixels, y downwards. */
function gdalSlide(tileset, origin) {
  const { width, height, tileSize, maxLevel, minLevel } = tileset;
  const url = xyz(tileset, origin).replaceAll(/\{(.)\}/g, "$${$1}").replaceAll("&", "&amp;");
  return {
    hint: "Save as an .xml file. In QGIS, menu Layer, Add Layer, Add Raster Layer, choose the file; GDAL's tools take it, too.",
    code: `<GDAL_WMS>
  <Service name="TMS"><ServerUrl>${url}</ServerUrl></Service>
  <DataWindow>
    <UpperLeftX>0</UpperLeftX><UpperLeftY>0</UpperLeftY>
    <LowerRightX>${width}</LowerRightX><LowerRightY>${-height}</LowerRightY>
    <SizeX>${width}</SizeX><SizeY>${height}</SizeY>
    <TileLevel>${maxLevel}</TileLevel><YOrigin>top</YOrigin>
  </DataWindow>
  <OverviewCount>${maxLevel - minLevel}</OverviewCount>
  <BlockSizeX>${tileSize}</BlockSizeX><BlockSizeY>${tileSize}</BlockSizeY>
  <BandsCount>3</BandsCount>
</GDAL_WMS>
`,
  };
}
