// Classes of the cells in view, and what the legend says of each.
export const CLASSES = 6;

export function written(value) {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toLocaleString("en-GB", { maximumFractionDigits: digits });
}

// Borders of classes that have about equally many cells, as round as two digits make them.
export function quantiles(values, isWhole) {
  const sorted = values.toSorted((a, b) => a - b);
  const round = (value) => isWhole ? Math.round(value) : Number(value.toPrecision(2));
  const at = (part) => sorted[Math.floor(part * sorted.length / CLASSES)] ?? 0;
  const borders = Array.from({ length: CLASSES - 1 }, (_, index) => round(at(index + 1)));
  return [...new Set(borders)].filter((one) => one > sorted[0] && one <= sorted.at(-1));
}

// Numbers of the colours of so many classes: of fewer, the ends of the scale are kept.
export function colours(count) {
  if (count === 1) return [CLASSES];
  return Array.from({ length: count }, (_, index) => 1 + Math.round(index * (CLASSES - 1) / (count - 1)));
}

export function words(index, breaks, values) {
  if (!breaks.length) return values.length ? written(values[0]) : "no cells";
  if (index === 0) return `under ${written(breaks[0])}`;
  const from = written(breaks[index - 1]);
  return index === breaks.length ? `${from} and more` : `${from} to under ${written(breaks[index])}`;
}

// The second digit of a cell's name is its resolution.
export const resolutionOf = (h3) => parseInt(h3[1], 16);
