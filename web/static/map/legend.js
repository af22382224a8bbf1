// What is said of the cells in view: the legend, and the highest of them.
import { cellUrl, compared, measure } from "./asked.js";
import * as changes from "./changes.js";
import { item, replace, say, swatch } from "./dom.js";
import { nameAll, nameOf } from "./names.js";
import { colours, resolutionOf, words, written } from "./scale.js";

const page = document.getElementById("map");
const form = document.getElementById("map-form");
const legend = document.getElementById("map-legend");
const lacks = document.getElementById("map-lacks");
const highest = document.getElementById("map-highest");
const LISTED = 5;

function amount(cell) {
  const crimes = `${cell.crimes.toLocaleString("en-GB")} ${cell.crimes === 1 ? "crime" : "crimes"}`;
  return measure() === "crimes" ? ` ${crimes}` : ` ${written(cell[measure()])} (${crimes})`;
}

function link(cell) {
  const anchor = document.createElement("a");
  anchor.href = cellUrl(cell.h3);
  anchor.dataset.cell = cell.h3;
  anchor.textContent = nameOf(cell.h3);
  return anchor;
}

// Once a cell is named by its streets.
function id({ h3 }) {
  if (nameOf(h3) === h3) return [];
  const code = document.createElement("code");
  code.textContent = h3;
  return [" ", code];
}

// Cells by their names, each with its amount. The names come after the cells, or after those that stand there then.
const listed = new Map();
export function list(place, cells, amount) {
  listed.set(place, cells);
  const show = () => {
    if (listed.get(place) === cells) replace(place, cells.map((one) => item(link(one), amount(one), ...id(one))));
  };
  show();
  nameAll(cells.map((one) => one.h3), show);
}

// What is said of cells: the title, the classes as kind and words, what stripes mean, and the first of the cells.
function ofCounts(cells, breaks) {
  const values = cells.map((one) => one[measure()]);
  return {
    title: form.elements.measure.selectedOptions[0].text,
    classes: colours(breaks.length + 1).map((kind, index) => [kind, words(index, breaks, values)]),
    stripes: "fewer than 5 crimes",
    first: "Highest in view",
    ranked: cells.toSorted((a, b) => b[measure()] - a[measure()] || a.h3.localeCompare(b.h3)),
    amount,
  };
}

function ofChanges(cells) {
  const { title, classes, ranked, amount: both } = changes;
  const stripes = "not comparable: not ingested or not supplied";
  return { title: title(), classes: classes(), stripes, first: "Changed most in view", ranked: ranked(cells), amount: both };
}

export function tell(cells, { breaks }) {
  const said = compared() ? ofChanges(cells) : ofCounts(cells, breaks);
  legend.hidden = highest.hidden = false;
  legend.querySelector("h2").textContent = said.title;
  replace(legend.querySelector("ul"), said.classes.map(([kind, text]) => item(swatch(kind), text)));
  say("map-few-said", said.stripes);
  say("map-highest-title", said.first);
  list(highest.querySelector("ol"), said.ranked.slice(0, LISTED), said.amount);
  say("map-count", count(cells, said.ranked));
  page.dataset.count = cells.length;
}

function count(cells, ranked) {
  if (!cells.length) return "No crimes here in these months and this category. Go to an area, zoom out, or choose more months.";
  const some = `${cells.length.toLocaleString("en-GB")} cells of resolution ${resolutionOf(cells[0].h3)} are in view`;
  return compared() ? `${some}; ${ranked.length} changed by more than chance.` : `${some}.`;
}

// Land whose force supplied nothing, or not all: hatched, as it is neither pale nor empty.
export function tellLacks(found) {
  const said = ({ force, status, months }) => {
    const count = months.length;
    return `${force} ${status === "missing" ? "did not supply" : "supplied only a part of"} ${count} ${count === 1 ? "month" : "months"}`;
  };
  const names = [...new Set(found.map((one) => said(one.properties)))].sort();
  lacks.hidden = !names.length;
  say("map-lacks-said", `Not supplied: ${names.join(", ")}`);
}
