// Small parts of the page.
export function item(...parts) {
  const line = document.createElement("li");
  line.append(...parts);
  return line;
}

export function swatch(kind) {
  const mark = document.createElement("span");
  mark.className = `swatch map-${kind}`;
  mark.ariaHidden = "true";
  return mark;
}

// A list that is the same stays, and with it the focus.
export function replace(list, lines) {
  const text = lines.map((line) => line.outerHTML).join("");
  if (list.innerHTML !== text) list.replaceChildren(...lines);
}

// What was said already is not read out again.
export function say(id, words) {
  const place = document.getElementById(id);
  if (place.textContent !== words) place.textContent = words;
}

export function complain(words) {
  const problem = document.getElementById("map-problem");
  problem.textContent = words;
  problem.hidden = !words;
}

export function reason(body, status) {
  try {
    return JSON.parse(body).detail;
  } catch {
    return `The server responded with status ${status}. Try again in a moment.`;
  }
}

// The text of an answer. An error has the words that people read.
export async function read(url, headers = {}) {
  let answer, body;
  try {
    answer = await fetch(url, { headers: { Accept: "application/problem+json", ...headers } });
    body = await answer.text();
  } catch {
    throw new Error("The server does not respond. Try again in a moment.");
  }
  if (!answer.ok) throw new Error(reason(body, answer.status));
  return body;
}
