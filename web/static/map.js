// The map: our tiles, a legend of what is in view, and the cell that somebody chose.
// All it needs comes from here, but for the tiles of a base map where one is set.
const page = document.getElementById("map");
const form = document.getElementById("map-form");
const panel = document.getElementById("map-cell");
const legend = document.getElementById("map-legend");
const lacks = document.getElementById("map-lacks");
const highest = document.getElementById("map-highest");
const areas = JSON.parse(document.getElementById("map-areas").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

const CLASSES = 6;
const LISTED = 5;
// Farther out, the cells of the first resolution are too many and too small: the tiles choose.
const FIRST_FROM_ZOOM = 9.5;
const REFRESH_MS = 5 * 60 * 1000;
const NAME = "Map of the cells. Arrow keys move it, plus and minus zoom, Enter shows the cell in the middle.";

const gl = await import(page.dataset.library);
gl.setWorkerUrl(page.dataset.worker);

let breaks = [];
let isReady = false;
let turn = 0;

// What is asked

const measure = () => form.elements.measure.value;
const chosen = () => form.elements.cell.value;

function given(...without) {
  const fields = [...new FormData(form)].filter(([name, value]) => value && !without.includes(name));
  return new URLSearchParams(fields);
}

const ofCrimes = () => given("measure", "cell", "area", "resolution");
const cellUrl = (h3, more = "") => `${page.dataset.cells}${h3}${more}?${ofCrimes()}`;

function tileUrl() {
  const asked = given("measure", "cell", "area");
  if (!asked.has("resolution") && map.getZoom() >= FIRST_FROM_ZOOM) asked.set("resolution", page.dataset.first);
  return `${location.origin}${page.dataset.grid}/tiles/{z}/{x}/{y}.mvt?${asked}`;
}

// A tile of an earlier choice may come back after the next choice.
const isOfNow = (url) => new URL(url).search === new URL(tileUrl()).search;

function remember() {
  history.replaceState(history.state, "", `?${given()}${location.hash}`);
  document.getElementById("map-export").href = `${page.dataset.grid}?${given("measure", "cell")}`;
  const period = given("measure", "cell", "category", "scheme", "resolution", "recency");
  for (const link of page.parentElement.querySelectorAll("[data-export]")) {
    link.href = `${page.dataset.exports}?format=${link.dataset.export}&${period}`;
  }
}

// What is drawn

const colour = (name) => getComputedStyle(page).getPropertyValue(`--map-${name}`).trim();
// Of fewer classes, the ends of the scale are kept.
const step = (index, count) => count > 1 ? 1 + Math.round(index * (CLASSES - 1) / (count - 1)) : CLASSES;
const steps = () => Array.from({ length: breaks.length + 1 }, (_, index) => step(index, breaks.length + 1));

function fill() {
  const colours = steps().map((one) => colour(one));
  return breaks.length
    ? ["step", ["get", measure()], colours[0], ...breaks.flatMap((one, index) => [one, colours[index + 1]])]
    : colours[0];
}

function base() {
  const url = page.dataset.base;
  if (!url) return [{}, []];
  const paint = { "raster-saturation": -0.5, "raster-brightness-max": dark.matches ? 0.5 : 1 };
  const source = { type: "raster", tiles: [url], tileSize: 256, maxzoom: 19 };
  return [{ base: source }, [{ id: "base", type: "raster", source: "base", paint }]];
}

const line = (name, width) => ({ "line-color": colour(name), "line-width": width });

function style() {
  const [source, layer] = base();
  const solid = page.dataset.base ? 0.7 : 0.9;
  const opacity = ["case", ["get", "few_data"], solid * 0.6, solid];
  const ofCells = (id, type, paint, filter = true) =>
    ({ id, type, source: "cells", "source-layer": "cells", paint, filter });
  return {
    version: 8,
    sources: {
      ...source,
      cells: { type: "vector", tiles: [tileUrl()], maxzoom: 14 },
      areas: { type: "geojson", data: areas },
      lacks: { type: "geojson", data: `${location.origin}${page.dataset.land}?${ofCrimes()}` },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colour("ground") } },
      ...layer,
      ofCells("cells", "fill", { "fill-color": fill(), "fill-opacity": opacity }),
      ofCells("few", "fill", { "fill-pattern": `hatch ${colour("ink")}`, "fill-opacity": 0.45 }, ["get", "few_data"]),
      { id: "lacks", type: "fill", source: "lacks", paint: { "fill-pattern": `hatch ${colour("lacks")}`, "fill-opacity": 0.8 } },
      ofCells("edges", "line", { "line-color": colour("ink"), "line-opacity": 0.35, "line-width": 0.6 }),
      { id: "areas", type: "line", source: "areas", paint: { ...line("line", 1.5), "line-dasharray": [4, 3] } },
      ofCells("chosen", "line", line("chosen", 4), ["==", ["get", "h3"], chosen()]),
    ],
  };
}

// Stripes of one colour, made here: the style has no pictures to load.
function hatch(name) {
  const size = 8;
  const channels = name.match(/[0-9a-f]{2}/g).slice(-3).map((one) => parseInt(one, 16));
  const data = new Uint8ClampedArray(size * size * 4);
  for (let at = 0; at < size * size; at++) {
    const isStripe = (at % size + Math.floor(at / size)) % size < 2;
    data.set([...channels, isStripe ? 255 : 0], at * 4);
  }
  map.addImage(name, { width: size, height: size, data });
}

// What is said of it

function inView() {
  const found = map.getLayer("cells") ? map.queryRenderedFeatures({ layers: ["cells"] }) : [];
  // A cell on the border of two tiles is in both.
  return [...new Map(found.map((one) => [one.properties.h3, one.properties])).values()];
}

function written(value) {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toLocaleString("en-GB", { maximumFractionDigits: digits });
}

// What was said already is not read out again.
function say(id, words) {
  const place = document.getElementById(id);
  if (place.textContent !== words) place.textContent = words;
}

// Borders of classes that have about equally many cells, as round as two digits make them.
function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const round = (value) => measure() === "crimes" ? Math.round(value) : Number(value.toPrecision(2));
  const at = (part) => sorted[Math.floor(part * sorted.length / CLASSES)] ?? 0;
  const borders = Array.from({ length: CLASSES - 1 }, (_, index) => round(at(index + 1)));
  return [...new Set(borders)].filter((one) => one > sorted[0] && one <= sorted.at(-1));
}

function wordsOf(index, values) {
  if (!breaks.length) return values.length ? written(values[0]) : "no cells";
  if (index === 0) return `under ${written(breaks[0])}`;
  const from = written(breaks[index - 1]);
  return index === breaks.length ? `${from} and more` : `${from} to under ${written(breaks[index])}`;
}

function item(...parts) {
  const line = document.createElement("li");
  line.append(...parts);
  return line;
}

function swatch(one) {
  const mark = document.createElement("span");
  mark.className = `swatch map-${one}`;
  mark.ariaHidden = "true";
  return mark;
}

function amount(cell) {
  const crimes = `${cell.crimes.toLocaleString("en-GB")} ${cell.crimes === 1 ? "crime" : "crimes"}`;
  return measure() === "crimes" ? ` ${crimes}` : ` ${written(cell[measure()])}, of ${crimes}`;
}

function link(cell) {
  const anchor = document.createElement("a");
  anchor.href = cellUrl(cell.h3);
  anchor.dataset.cell = cell.h3;
  anchor.textContent = cell.h3;
  return anchor;
}

function replace(list, lines) {
  // A list that is the same stays, and with it the focus.
  const text = lines.map((line) => line.outerHTML).join("");
  if (list.innerHTML !== text) list.replaceChildren(...lines);
}

function tell(cells) {
  const values = cells.map((one) => one[measure()]);
  legend.hidden = highest.hidden = false;
  legend.querySelector("h2").textContent = form.elements.measure.selectedOptions[0].text;
  replace(legend.querySelector("ul"), steps().map((one, index) => item(swatch(one), wordsOf(index, values))));
  const top = cells.toSorted((a, b) => b[measure()] - a[measure()] || a.h3.localeCompare(b.h3)).slice(0, LISTED);
  replace(highest.querySelector("ol"), top.map((one) => item(link(one), amount(one))));
  // The second digit of a cell's name is its resolution.
  const count = cells.length
    ? `${cells.length.toLocaleString("en-GB")} cells of resolution ${parseInt(cells[0].h3[1], 16)} are in view.`
    : "No crimes here in these months and this category: go to an area, zoom out, or choose more months.";
  say("map-count", count);
  page.dataset.count = cells.length;
}

// Land whose force supplied nothing, or not all: hatched, as it is neither pale nor empty.
function tellLacks() {
  const found = map.getLayer("lacks") ? map.queryRenderedFeatures({ layers: ["lacks"] }) : [];
  const said = ({ force, status }) => `${force} ${status === "missing" ? "supplied nothing" : "did not supply all"}`;
  const names = [...new Set(found.map((one) => said(one.properties)))].sort();
  lacks.hidden = !names.length;
  say("map-lacks-said", `${names.join(", ")} of some months`);
}

function complain(words) {
  const problem = document.getElementById("map-problem");
  problem.textContent = words;
  problem.hidden = !words;
}

async function reason(body, status) {
  try {
    return JSON.parse(body).detail;
  } catch {
    return `The server answered ${status}. Try again in a moment.`;
  }
}

// What people do

// The map tells what differs. Before it has begun, it can not.
function draw() {
  if (isReady) map.setStyle(style());
}

function ask() {
  complain("");
  remember();
  draw();
  if (chosen()) show(chosen());
}

async function show(h3, then = () => {}) {
  const mine = ++turn;
  form.elements.cell.value = h3;
  remember();
  draw();
  try {
    const answer = await fetch(cellUrl(h3, "/part"), { headers: { Accept: "application/problem+json" } });
    const body = await answer.text();
    if (mine !== turn) return;
    if (answer.ok) panel.innerHTML = body;
    else panel.textContent = await reason(body, answer.status);
  } catch {
    if (mine !== turn) return;
    panel.textContent = "The server does not answer. Try again in a moment.";
  }
  say("map-said", (panel.querySelector(".what-it-says") ?? panel).textContent);
  then();
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

function start() {
  const one = new gl.Map({
    container: "map-canvas",
    bounds: bounds(),
    fitBoundsOptions: { padding: 24 },
    hash: "at",
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
map.setMissingStyleImageResolver(hatch);
map.on("idle", () => {
  const cells = inView();
  const next = quantiles(cells.map((one) => one[measure()]));
  const isNew = String(next) !== String(breaks);
  breaks = next;
  tell(cells);
  tellLacks();
  if (isNew) draw();
});
map.on("zoomend", draw);
// What was said of other tiles may be over.
map.on("movestart", () => complain(""));
map.on("error", async ({ error, sourceId }) => {
  if (sourceId === "base") complain("The base map does not answer; the cells are drawn without it.");
  else if (!error.status) complain(error.message);
  else {
    const words = await reason(await error.body.text(), error.status);
    if (isOfNow(error.url)) complain(words);
  }
});
map.on("click", "cells", ({ features }) => show(features[0].properties.h3, scrollThere));
map.on("mouseenter", "cells", () => { map.getCanvas().style.cursor = "pointer"; });
map.on("mouseleave", "cells", () => { map.getCanvas().style.cursor = ""; });
map.getCanvas().addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const [middle] = map.queryRenderedFeatures(map.project(map.getCenter()), { layers: ["cells"] });
  if (middle) show(middle.properties.h3, goThere);
  else say("map-said", "There is no cell in the middle.");
});
highest.addEventListener("click", (event) => {
  const h3 = event.target.dataset.cell;
  // A new tab, where that is what somebody wants.
  if (!h3 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(h3, goThere);
});
form.addEventListener("change", (event) => {
  if (event.target.name === "area" && bounds()) map.fitBounds(bounds(), { padding: 24 });
  ask();
});
form.addEventListener("submit", (event) => event.preventDefault());
dark.addEventListener("change", draw);
map.once("style.load", () => {
  isReady = true;
  draw();
});
map.setStyle(style());
// On a wall the page stays open for weeks.
setInterval(() => {
  if (document.hidden) return;
  complain("");
  map.refreshTiles("cells");
}, REFRESH_MS);
if (chosen()) show(chosen());
