// The base map under the cells: tiles of a service, or a PMTiles file of this server, read range by range.
import { say } from "./dom.js";
import { colour, dark } from "./theme.js";

const { base: url, baseKind: kind } = document.getElementById("map").dataset;
// What a PMTiles file says of itself.
let header;

const RASTER = "raster";
// Of vector tiles, the layers of Protomaps' schema and of OpenMapTiles' are drawn. They have no names: those would need
// fonts, and streets are found by their names.
const FILLS = { green: ["landuse", "landcover", "park"], water: ["water"], building: ["buildings", "building"] };
const ROADS = ["roads", "transportation"];

// Before the map is drawn. Without its base map it is drawn all the same.
export async function openBase(gl) {
  if (kind !== "pmtiles") return;
  try {
    const archive = new window.pmtiles.PMTiles(`${location.origin}${url}`);
    const protocol = new window.pmtiles.Protocol();
    protocol.add(archive);
    gl.addProtocol("pmtiles", protocol.tilev4);
    header = await archive.getHeader();
  } catch {
    // Where its source would stand: it holds for as long as the page is open.
    say("map-base", "The base map file cannot be read. The cells are drawn without it.");
  }
}

// One to five are MVT, PNG, JPEG, WebP and AVIF.
const type = () => kind === "pmtiles" ? header && (header.tileType === 1 ? "vector" : RASTER) : kind;
export const hasBase = () => Boolean(type()) && kind !== "none";

function source() {
  const one = { type: type(), ...(type() === RASTER && { tileSize: 256 }) };
  if (kind !== "pmtiles") return { ...one, tiles: [url], maxzoom: type() === RASTER ? 19 : 14 };
  const { minLon, minLat, maxLon, maxLat, minZoom, maxZoom } = header;
  const tiles = [`pmtiles://${location.origin}${url}/{z}/{x}/{y}`];
  return { ...one, tiles, minzoom: minZoom, maxzoom: maxZoom, bounds: [minLon, minLat, maxLon, maxLat] };
}

function raster() {
  return [{
    id: "base", type: RASTER, source: "base",
    paint: { "raster-saturation": -0.5, "raster-brightness-max": dark.matches ? 0.5 : 1 },
  }];
}

const layer = (name, kind, more) => ({ id: `base-${name}`, type: kind, source: "base", "source-layer": name, ...more });

function fills() {
  return Object.entries(FILLS).flatMap(([shade, names]) => names.map((name) =>
    layer(name, "fill", { filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colour(shade) } })));
}

function roads() {
  const width = ["interpolate", ["exponential", 1.5], ["zoom"], 8, 0.3, 14, 1.5, 18, 10];
  return ROADS.map((name) =>
    layer(name, "line", { paint: { "line-color": colour("road"), "line-opacity": 0.6, "line-width": width } }));
}

// Its sources, the layers below the cells, and those above, which would be lost under them.
export function base() {
  if (!hasBase()) return { sources: {}, below: [], above: [] };
  const layers = type() === RASTER ? { below: raster(), above: [] } : { below: fills(), above: roads() };
  return { sources: { base: source() }, ...layers };
}
