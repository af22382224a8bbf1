// Two periods compared: classes that stay the same wherever the map is, so that colours do too.
import { compared } from "./asked.js";

// Of crimes a day, by those of the other period: each border and its reverse.
const BORDERS = [0.5, 0.8, 1.25, 2];
const KINDS = ["d1", "d2", "d3", "d4", "d5"];
// Beyond every border: there were none before.
const NEW = 1e9;
const MUTED = 0.3;

export function paint(colour, solid) {
  const [first, ...others] = KINDS.map(colour);
  const ratio = ["coalesce", ["get", "ratio"], NEW];
  const stepped = ["step", ratio, first, ...BORDERS.flatMap((one, index) => [one, others[index]])];
  return {
    "fill-color": ["case", ["get", "comparable"], stepped, colour("none")],
    "fill-opacity": ["case", ["all", ["get", "comparable"], ["get", "within_chance"]], solid * MUTED, solid],
  };
}

export const isStriped = ["!", ["get", "comparable"]];

function words(index) {
  if (index === 0) return `under ${BORDERS[0]} times`;
  return index === BORDERS.length ? `${BORDERS.at(-1)} times and more` : `${BORDERS[index - 1]} to under ${BORDERS[index]}`;
}

export const classes = () => KINDS.map((kind, index) => [kind, words(index)]);

export function title() {
  const years = compared() / 12;
  const before = years === 1 ? "a year before" : Number.isInteger(years) ? `${years} years before` : `${compared()} months before`;
  return `Crimes compared with ${before} (paler: within chance)`;
}

// The surest first; what may be chance, or cannot be compared, is not among them.
export function ranked(cells) {
  return cells.filter((one) => one.comparable && !one.within_chance)
    .toSorted((a, b) => a.p_value - b.p_value || a.h3.localeCompare(b.h3));
}

export const amount = (cell) =>
  ` ${cell.crimes.toLocaleString("en-GB")} crimes, ${cell.crimes_before.toLocaleString("en-GB")} before`;
