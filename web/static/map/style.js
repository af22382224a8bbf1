// What is drawn, as a style of MapLibre.
import { base, hasBase } from "./base.js";
import * as changes from "./changes.js";
import { colours } from "./scale.js";
import { colour } from "./theme.js";

// A cell has the colour of its class. One that the classes were not made for, as it comes before they are known or is
// of another resolution, has a colour of none.
function fill({ breaks, resolution }, measure) {
  if (!breaks || !resolution) return colour("none");
  const [first, ...others] = colours(breaks.length + 1).map((one) => colour(one));
  const stepped = breaks.length
    ? ["step", ["get", measure], first, ...breaks.flatMap((one, index) => [one, others[index]])]
    : first;
  return ["case", ["==", ["slice", ["get", "h3"], 1, 2], resolution.toString(16)], stepped, colour("none")];
}

const line = (name, width) => ({ "line-color": colour(name), "line-width": width });
const cells = (id, type, paint, filter = true) => ({ id, type, source: "cells", "source-layer": "cells", paint, filter });

// Cells, and which of them have thin stripes.
function filled(given) {
  const solid = hasBase() ? 0.7 : 0.9;
  if (given.isCompared) return [changes.paint(colour, solid), changes.isStriped];
  const opacity = ["case", ["get", "few_data"], solid * 0.6, solid];
  return [{ "fill-color": fill(given.scale, given.measure), "fill-opacity": opacity }, ["get", "few_data"]];
}

// given: tiles and land (addresses), areas (GeoJSON), scale, measure, the chosen cell, and whether periods are compared.
export function style(given) {
  const { sources, below, above } = base();
  const [paint, isStriped] = filled(given);
  return {
    version: 8,
    sources: {
      ...sources,
      cells: { type: "vector", tiles: [given.tiles], maxzoom: 14 },
      areas: { type: "geojson", data: given.areas },
      lacks: { type: "geojson", data: given.land },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colour("ground") } },
      ...below,
      cells("cells", "fill", paint),
      cells("few", "fill", { "fill-pattern": `rising ${colour("ink")}`, "fill-opacity": 0.45 }, isStriped),
      { id: "lacks", type: "fill", source: "lacks", paint: { "fill-pattern": `falling ${colour("lacks")}`, "fill-opacity": 0.8 } },
      { id: "lacks-edge", type: "line", source: "lacks", paint: line("lacks", 1) },
      ...above,
      cells("edges", "line", { "line-color": colour("ink"), "line-opacity": 0.35, "line-width": 0.6 }),
      { id: "areas", type: "line", source: "areas", paint: { ...line("line", 1.5), "line-dasharray": [4, 3] } },
      cells("chosen", "line", line("chosen", 4), ["==", ["get", "h3"], given.cell]),
    ],
  };
}

// Stripes of one colour, made here: the style has no pictures to load. They differ in direction and width too.
export function stripes(map, name) {
  const [direction, shade] = name.split(" ");
  const [size, width] = direction === "rising" ? [8, 2] : [12, 3];
  const channels = shade.match(/[0-9a-f]{2}/g).map((one) => parseInt(one, 16));
  const data = new Uint8ClampedArray(size * size * 4);
  for (let at = 0; at < size * size; at++) {
    const x = at % size, y = Math.floor(at / size);
    const isStripe = (direction === "rising" ? x + y : x - y + size) % size < width;
    data.set([...channels, isStripe ? 255 : 0], at * 4);
  }
  map.addImage(name, { width: size, height: size, data });
}
