// How many of the months are held, and what of them was not supplied.
import { periodUrl } from "./asked.js";
import { complain, item, read, replace } from "./dom.js";

const note = document.getElementById("map-held");
let turn = 0;

const month = (text) => new Date(`${text}-01T00:00Z`).toLocaleDateString("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

function count({ from, to, months_not_held: lacking }) {
  const [first, last] = [from, to].map((one) => one.split("-").map(Number));
  const asked = (last[0] - first[0]) * 12 + last[1] - first[1] + 1;
  return { asked, held: asked - lacking.length };
}

function left({ months, months_compared: compared }) {
  const others = compared ? months.filter((one) => !compared.includes(one)) : [];
  return others.length ? [`Not compared, because the other month is not ingested: ${others.map(month).join(", ")}.`] : [];
}

function lines(period) {
  const { months_not_held: lacking, coverage } = period;
  const held = lacking.length ? [`Not ingested, or not for all of the area: ${lacking.map(month).join(", ")}. Fewer crimes do not mean safer.`] : [];
  const supplied = coverage.map(({ force, status, months }) =>
    `${force} ${status === "missing" ? "did not supply" : "supplied only a part of"} ${months.map(month).join(", ")}.`);
  return [...held, ...left(period), ...supplied];
}

// From the API, as it is for cells that are asked for likewise.
export async function tellHeld() {
  const mine = ++turn;
  try {
    const body = await read(periodUrl());
    if (mine === turn) show(JSON.parse(body));
  } catch (error) {
    if (mine !== turn) return;
    note.hidden = true;
    complain(error.message);
  }
}

function show(period) {
  const { asked, held } = count(period);
  const said = lines(period);
  note.hidden = false;
  note.classList.toggle("lacking", held < asked);
  note.title = said.join(" ");
  const compared = period.months_compared ? `, ${period.months_compared.length} compared` : "";
  note.querySelector("summary").textContent = `${held} of ${asked} ${asked === 1 ? "month" : "months"} ingested${compared}`;
  if (!said.length) said.push(`All of ${month(period.from)} to ${month(period.to)} is ingested and, as far as is known, fully supplied.`);
  replace(note.querySelector("ul"), said.map((one) => item(one)));
}
