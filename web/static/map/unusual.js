// Cells in view that have more crimes than usual against their own past, from the API.
import { unusualUrl } from "./asked.js";
import { read, say } from "./dom.js";
import { list } from "./legend.js";
import { written } from "./scale.js";

const section = document.getElementById("map-unusual");
const how = section.querySelector("details");
const LISTED = 5;
let asked = "";

export async function tellUnusual(bounds, resolution) {
  section.hidden = false;
  const url = unusualUrl(bounds, resolution, LISTED);
  if (url === asked) return;
  asked = url;
  try {
    const body = await read(url);
    if (url === asked) show(JSON.parse(body));
  } catch (error) {
    if (url !== asked) return;
    // The next look asks again.
    asked = "";
    show({ cells: [], said: error.message });
  }
}

function amount({ recent, expected }) {
  return ` ${recent.toLocaleString("en-GB")} crimes, ${written(expected)} expected`;
}

function summary({ found, looked_at: count, to }) {
  if (!count) return "No cell here can be tested: a test needs ten crimes, and the same months of an earlier year.";
  const cells = `${count.toLocaleString("en-GB")} ${count === 1 ? "cell" : "cells"}`;
  return `${found || "None"} of ${cells} tested: three months to ${to} against the same months of earlier years.`;
}

function show(answer) {
  say("map-unusual-said", answer.said ?? summary(answer));
  list(section.querySelector("ol"), answer.cells, amount);
  how.hidden = !answer.test;
  how.querySelector("p").textContent = `${answer.test}.`;
}
