// What is said of the cells in view: the legend, and the highest of them.
import { cellUrl, measure } from "./asked.js";
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
  return measure() === "crimes" ? ` ${crimes}` : ` ${written(cell[measure()])}, of ${crimes}`;
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

export function tell(cells, { breaks }) {
  const values = cells.map((one) => one[measure()]);
  legend.hidden = highest.hidden = false;
  legend.querySelector("h2").textContent = form.elements.measure.selectedOptions[0].text;
  const classes = colours(breaks.length + 1).map((one, index) => item(swatch(one), words(index, breaks, values)));
  replace(legend.querySelector("ul"), classes);
  const top = cells.toSorted((a, b) => b[measure()] - a[measure()] || a.h3.localeCompare(b.h3)).slice(0, LISTED);
  list(highest.querySelector("ol"), top, amount);
  const count = cells.length
    ? `${cells.length.toLocaleString("en-GB")} cells of resolution ${resolutionOf(cells[0].h3)} are in view.`
    : "No crimes here in these months and this category: go to an area, zoom out, or choose more months.";
  say("map-count", count);
  page.dataset.count = cells.length;
}

// Land whose force supplied nothing, or not all: hatched, as it is neither pale nor empty.
export function tellLacks(found) {
  const said = ({ force, status, months }) => {
    const count = months.length;
    return `${force} ${status === "missing" ? "supplied nothing" : "did not supply all"} of ${count} ${count === 1 ? "month" : "months"}`;
  };
  const names = [...new Set(found.map((one) => said(one.properties)))].sort();
  lacks.hidden = !names.length;
  say("map-lacks-said", `Not supplied: ${names.join(", ")}`);
}
