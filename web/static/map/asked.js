// What the page asks for: the form's fields, which the address holds too.
const page = document.getElementById("map");
const form = document.getElementById("map-form");

// Farther out, the cells of the first resolution are too many and too small: the tiles choose.
const FIRST_FROM_ZOOM = 9.5;

export const measure = () => form.elements.measure.value;
export const chosen = () => form.elements.cell.value;
export const compared = () => form.elements.compare.value;

// What says nothing of counts that are compared.
const WEIGHED = ["measure", "scheme", "recency"];
export function settle() {
  for (const name of WEIGHED) form.elements[name].disabled = Boolean(compared());
}

export function given(...without) {
  const fields = [...new FormData(form)].filter(([name, value]) => value && !without.includes(name));
  return new URLSearchParams(fields);
}

const ofCrimes = (...without) => given("measure", "cell", "area", "resolution", ...without);
export const cellUrl = (h3, more = "") => `${page.dataset.cells}${h3}${more}?${ofCrimes()}`;
export const placesUrl = (words, near) =>
  `${page.dataset.places}?${new URLSearchParams({ q: words, near: near.map((one) => one.toFixed(3)), limit: 8 })}`;
export const namesUrl = (cells) => `${page.dataset.places}/cells?cells=${cells}&${ofCrimes("compare")}`;
export const landUrl = () => `${location.origin}${page.dataset.land}?${ofCrimes("compare")}`;
export const periodUrl = () => `${page.dataset.grid}/period?${given("measure", "cell", "resolution")}`;

// Rounded outwards to a thousandth, so that those who look at nearly the same ask the same.
export function unusualUrl(bounds, resolution, limit) {
  const down = (value) => Math.floor(value * 1000) / 1000, up = (value) => Math.ceil(value * 1000) / 1000;
  const asked = given("measure", "cell", "area", "from", "scheme", "recency", "compare");
  asked.set("bbox", [down(bounds.getSouth()), down(bounds.getWest()), up(bounds.getNorth()), up(bounds.getEast())].join());
  asked.set("resolution", resolution);
  asked.set("limit", limit);
  return `${page.dataset.grid}/unusual?${asked}`;
}

export function tileUrl(zoom) {
  const asked = given("measure", "cell", "area");
  if (!asked.has("resolution") && zoom >= FIRST_FROM_ZOOM) asked.set("resolution", page.dataset.first);
  return `${location.origin}${page.dataset.grid}/${compared() ? "changes" : "tiles"}/{z}/{x}/{y}.mvt?${asked}`;
}

// The address of what is shown. Going back takes one choice back, as the browser's button does elsewhere.
export function remember() {
  settle();
  if (!isShown()) history.pushState(history.state, "", `?${given()}${location.hash}`);
  link();
}

// Whether the address names what the form has, in whatever order.
export function isShown() {
  const named = [...new URLSearchParams(location.search)].filter(([, value]) => value);
  return String(named.sort()) === String([...given()].sort());
}

function link() {
  document.getElementById("map-export").href = `${page.dataset.grid}${compared() ? "/changes" : ""}?${given("measure", "cell")}`;
  const period = given("measure", "cell", "category", "scheme", "resolution", "recency", "compare");
  for (const one of page.parentElement.querySelectorAll("[data-export]")) {
    one.href = `${page.dataset.exports}?format=${one.dataset.export}&${period}`;
  }
}

// Fill the form from the address.
export function recall() {
  const asked = new URLSearchParams(location.search);
  for (const field of form.elements) {
    if (field.type === "checkbox") field.checked = asked.has(field.name);
    else if (field.tagName === "SELECT") choose(field, asked.get(field.name) ?? "");
    else if (field.name) field.value = asked.get(field.name) ?? "";
  }
  settle();
  link();
}

// The first option is what is shown where the address names none.
function choose(field, value) {
  field.value = value;
  if (field.selectedIndex < 0) field.selectedIndex = 0;
}
