// A box to find a street in: a combobox with a list, as of https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
import { placesUrl } from "./asked.js";
import { read, say } from "./dom.js";

const box = document.getElementById("map-place");
const list = document.getElementById("map-places");
const said = document.getElementById("map-places-said");
const SHORTEST = 2;
// Between two keys of somebody who types.
const PAUSE_MS = 150;

let found = [];
let active = -1;
let asked = "";
let answered = Promise.resolve();
let timer;

function open(isOpen) {
  list.hidden = !isOpen;
  box.ariaExpanded = String(isOpen);
  if (!isOpen) choose(-1);
}

function choose(at) {
  active = at;
  [...list.children].forEach((one, number) => { one.ariaSelected = String(number === at); });
  if (at < 0) return box.removeAttribute("aria-activedescendant");
  box.setAttribute("aria-activedescendant", list.children[at].id);
  list.children[at].scrollIntoView({ block: "nearest" });
}

function where({ areas, force, near }) {
  const around = near.length ? [`near ${near.join(" and ")}`] : [];
  return [...around, ...areas.map((one) => one.name), ...(areas.length || !force ? [] : [force])].join(" · ");
}

function option(place, at) {
  const line = document.createElement("li");
  const name = document.createElement("strong");
  const words = document.createElement("span");
  name.textContent = place.name;
  words.className = "muted small";
  words.textContent = where(place);
  line.id = `map-place-${at}`;
  line.role = "option";
  line.append(name, " ", words);
  return line;
}

// People who see the list need no words; where there is none, they do.
function tell(words, isSeen) {
  said.classList.toggle("hidden", !isSeen);
  say(said.id, words);
}

function show(places) {
  found = places;
  list.replaceChildren(...places.map(option));
  open(places.length > 0);
  const count = places.length === 1 ? "1 street" : `${places.length} streets`;
  if (places.length) tell(`${count}: choose with the arrow keys, go there with Enter`, false);
  else tell("No street with crimes has this name.", true);
}

// Resolves when the list is that of the words. Who asks the same while it is on its way waits with the others.
function look(centre) {
  const words = box.value.trim();
  const mine = placesUrl(words, centre());
  if (mine !== asked) {
    asked = mine;
    answered = answer(words, mine);
  }
  return answered;
}

async function answer(words, mine) {
  if (words.length < SHORTEST) {
    found = [];
    tell("", false);
    return open(false);
  }
  try {
    const { places } = JSON.parse(await read(mine));
    if (mine === asked) show(places);
  } catch (error) {
    if (mine !== asked) return;
    // The same words may be asked for again.
    asked = "";
    found = [];
    open(false);
    tell(error.message, true);
  }
}

// centre: a function that has latitude and longitude of what is in view; go: shows a place.
export function findPlaces(centre, go) {
  function take(at) {
    const place = found[at];
    if (!place) return;
    box.value = place.name;
    open(false);
    go(place);
    tell(`The map shows ${place.name}`, false);
  }

  async function enter() {
    clearTimeout(timer);
    const at = active;
    await look(centre);
    take(Math.max(at, 0));
  }

  const keys = {
    ArrowDown: () => list.hidden ? open(found.length > 0) : choose((active + 1) % found.length),
    ArrowUp: () => list.hidden ? open(found.length > 0) : choose((active > 0 ? active : found.length) - 1),
    Enter: enter,
    Escape() {
      if (list.hidden) box.value = "";
      tell("", false);
      open(false);
    },
  };
  box.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.isComposing) return;
    event.preventDefault();
    keys[event.key]();
  });
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => look(centre), PAUSE_MS);
  });
  // What is typed here is no choice of what the map shows.
  box.addEventListener("change", (event) => event.stopPropagation());
  box.addEventListener("blur", () => open(false));
  // The box keeps the focus.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", ({ target }) => take([...list.children].indexOf(target.closest("li"))));
  box.parentElement.hidden = false;
}
