// The map: our tiles, a legend of what is in view, and the cell that somebody chose.
// All it needs comes from here, but for the tiles of a base map where one is set.
import { cellUrl, chosen, compared, isShown, landUrl, measure, recall, remember, settle, tileUrl } from "./map/asked.js";
import { openBase } from "./map/base.js";
import "./map/copy.js";
import { complain, read, reason, say } from "./map/dom.js";
import { tellHeld } from "./map/held.js";
import { tell, tellLacks } from "./map/legend.js";
import { findPlaces } from "./map/places.js";
import { quantiles, resolutionOf } from "./map/scale.js";
import { stripes, style } from "./map/style.js";
import { colour, dark } from "./map/theme.js";
import { tellUnusual } from "./map/unusual.js";

const page = document.getElementById("map");
const form = document.getElementById("map-form");
const panel = document.getElementById("map-cell");
const side = document.querySelector(".map-side");
const areas = JSON.parse(document.getElementById("map-areas").textContent);

const REFRESH_MS = 5 * 60 * 1000;
const NAME = "Map of the cells. Arrow keys move it, plus and minus zoom, Enter shows the cell in the centre.";
const UNKNOWN = { breaks: null, resolution: null };

let scale = UNKNOWN;
let isReady = false;
let turn = 0;

async function library() {
  try {
    const found = await import(page.dataset.library);
    found.setWorkerUrl(page.dataset.worker);
    return found;
  } catch {
    complain("The map could not be loaded. Reload the page in a moment.");
    throw new Error("no library");
  }
}

const gl = await library();
await openBase(gl);

function inView() {
  const found = map.getLayer("cells") ? map.queryRenderedFeatures({ layers: ["cells"] }) : [];
  // A cell on the border of two tiles is in both.
  return [...new Map(found.map((one) => [one.properties.h3, one.properties])).values()];
}

// The map tells what differs. Before it has begun, it can not.
function draw() {
  if (isReady) map.setStyle(current());
}

function current() {
  const asked = { tiles: tileUrl(map.getZoom()), land: landUrl(), measure: measure(), cell: chosen() };
  return style({ ...asked, areas, scale, isCompared: Boolean(compared()) });
}

// A tile of an earlier choice may come back after the next choice.
const isOfNow = (url) => new URL(url).search === new URL(tileUrl(map.getZoom())).search;

function ask() {
  complain("");
  // Classes and count of other cells say nothing of those that come.
  scale = UNKNOWN;
  delete page.dataset.count;
  draw();
  tellHeld();
  if (chosen()) show(chosen());
  else forget();
}

function choose(h3, then) {
  form.elements.cell.value = h3;
  remember();
  draw();
  show(h3, then);
}

async function show(h3, then = () => {}) {
  const mine = ++turn;
  try {
    const body = await read(cellUrl(h3, "/part"));
    if (mine !== turn) return;
    panel.innerHTML = body;
  } catch (error) {
    if (mine !== turn) return;
    panel.textContent = error.message;
  }
  say("map-said", (panel.querySelector(".what-it-says") ?? panel).textContent);
  then();
}

const untouched = panel.innerHTML;
function forget() {
  turn++;
  panel.innerHTML = untouched;
}

// Somebody with a mouse sees where it is; somebody with keys goes on reading there.
const scrollThere = () => panel.scrollIntoView({ block: "nearest" });
const goThere = () => panel.querySelector("h2")?.focus();

function bounds() {
  const slug = form.elements.area.value;
  const all = areas.features.filter((one) => !slug || one.properties.slug === slug).map((one) => one.properties.bounds);
  if (!all.length) return undefined;
  const side = (index, least) => least(...all.map((one) => one[index]));
  return [side(0, Math.min), side(1, Math.min), side(2, Math.max), side(3, Math.max)];
}

// The address has where the map stands from when it stands there: before, it would lead to the middle of the world.
function note(one) {
  const hash = new gl.Hash("at").addTo(one);
  history.replaceState(history.state, "", location.pathname + location.search + hash.getHashString());
}

function start() {
  const isPlaced = Boolean(location.hash);
  const one = new gl.Map({
    container: "map-canvas",
    bounds: bounds(),
    fitBoundsOptions: { padding: 24 },
    hash: isPlaced && "at",
    minZoom: 4,
    maxPitch: 0,
    dragRotate: false,
    attributionControl: false,
    // On a phone one finger scrolls the page.
    cooperativeGestures: matchMedia("(pointer: coarse)").matches,
    locale: { "Map.Title": NAME },
    // Some services of base maps want to know which site asks; nothing else of us is told.
    transformRequest: (url) => url.startsWith(location.origin) ? undefined : { url, referrerPolicy: "origin" },
  });
  if (!isPlaced) one.once("idle", () => note(one));
  one.touchZoomRotate.disableRotation();
  one.keyboard.disableRotation();
  one.addControl(new gl.NavigationControl({ showCompass: false }));
  one.addControl(new gl.FullscreenControl({ container: page.parentElement }));
  one.addControl(new gl.ScaleControl({ unit: "metric" }), "bottom-right");
  return one;
}

let map;
try {
  map = start();
} catch {
  complain("This browser cannot draw the map: it has no WebGL. The Data page has the months as tables.");
  throw new Error("no WebGL");
}
panel.hidden = false;
map.setMissingStyleImageResolver((name) => stripes(map, name));
map.on("idle", () => {
  const cells = inView();
  const breaks = compared() ? [] : quantiles(cells.map((one) => one[measure()]), measure() === "crimes");
  const next = { breaks, resolution: cells.length ? resolutionOf(cells[0].h3) : null };
  const isNew = String(next.breaks) !== String(scale.breaks) || next.resolution !== scale.resolution;
  scale = next;
  tell(cells, scale);
  tellLacks(map.getLayer("lacks") ? map.queryRenderedFeatures({ layers: ["lacks"] }) : []);
  if (isNew) draw();
  if (scale.resolution) tellUnusual(map.getBounds(), scale.resolution);
});
map.on("zoomend", draw);
// What was said of other tiles may be over.
map.on("movestart", () => complain(""));
map.on("error", async ({ error, sourceId }) => {
  if (sourceId === "base") complain("The base map does not respond. The cells are drawn without it.");
  else if (!error.status) complain(error.message);
  else {
    const words = reason(await error.body.text(), error.status);
    if (isOfNow(error.url)) complain(words);
  }
});
map.on("click", "cells", ({ features }) => choose(features[0].properties.h3, scrollThere));
map.on("mouseenter", "cells", () => { map.getCanvas().style.cursor = "pointer"; });
map.on("mouseleave", "cells", () => { map.getCanvas().style.cursor = ""; });
map.getCanvas().addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const [middle] = map.queryRenderedFeatures(map.project(map.getCenter()), { layers: ["cells"] });
  if (middle) choose(middle.properties.h3, goThere);
  else say("map-said", "There is no cell in the centre.");
});
side.addEventListener("click", (event) => {
  const h3 = event.target.dataset.cell;
  // A new tab, where that is what somebody wants.
  if (!h3 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(h3, goThere);
});
// Of a single point, the streets around it are in view too.
let pin;
findPlaces(() => { const { lat, lng } = map.getCenter(); return [lat, lng]; }, ({ bounds: around, longitude, latitude }) => {
  pin?.remove();
  pin = new gl.Marker({ color: colour("chosen") }).setLngLat([longitude, latitude]).addTo(map);
  map.fitBounds(around, { padding: 60, maxZoom: 15 });
});
form.addEventListener("change", (event) => {
  if (event.target.name === "area" && bounds()) map.fitBounds(bounds(), { padding: 24 });
  remember();
  ask();
});
form.addEventListener("submit", (event) => event.preventDefault());
// The place in the address is the library's to follow.
addEventListener("popstate", () => {
  if (isShown()) return;
  recall();
  ask();
});
dark.addEventListener("change", draw);
map.once("style.load", () => {
  isReady = true;
  draw();
});
settle();
map.setStyle(current());
tellHeld();
// On a wall the page stays open for weeks.
setInterval(() => {
  if (document.hidden) return;
  complain("");
  map.refreshTiles("cells");
}, REFRESH_MS);
if (chosen()) show(chosen());
