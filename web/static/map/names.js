// Cells by the streets that most of their crimes are at. Without them a cell has its id.
import { namesUrl } from "./asked.js";
import { read } from "./dom.js";

// Of one choice of months and categories.
let choice = "";
let known = new Map();
const asking = new Set();

export const nameOf = (h3) => known.get(h3) || h3;

// Ask for the names that are not known yet, then tell.
export async function nameAll(cells, tell) {
  if (namesUrl("") !== choice) {
    choice = namesUrl("");
    known = new Map();
    asking.clear();
  }
  const asked = cells.filter((one) => !known.has(one) && !asking.has(one));
  if (!asked.length) return;
  const mine = choice;
  asked.forEach((one) => asking.add(one));
  try {
    const found = JSON.parse(await read(namesUrl(asked)));
    if (mine !== choice) return;
    for (const { h3, streets } of found.cells) known.set(h3, streets.slice(0, 2).map((one) => one.name).join(", "));
    tell();
  } catch {
    // The list stands without them; the next look at the map asks again.
    asked.forEach((one) => asking.delete(one));
  }
}
