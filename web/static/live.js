"use strict";
// Brings parts of a page up to date while a run is open, and more slowly those that say so while none is. A part that
// could not be brought up to date says so, and since when. Without this script, the page reloads itself.
const BUSY_S = 2;
// With the pause before it, what is not up to date is said within 10 s.
const LONGEST_S = 4;
for (const part of document.querySelectorAll("[data-live]")) {
  let seen = "";
  let updated = new Date();

  const notice = document.createElement("p");
  notice.className = "stale";
  notice.role = "status";
  notice.hidden = true;
  part.before(notice);

  const say = (words, link) => {
    if (notice.textContent !== words + (link ?? "")) {
      notice.textContent = words;
      if (link) {
        const to = document.createElement("a");
        to.href = `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
        to.textContent = link;
        notice.append(to);
      }
    }
    notice.hidden = false;
    return BUSY_S;
  };
  const stale = () => say(`Not updated since ${updated.toISOString().slice(11, 19)} UTC. Trying again.`);

  // How an element is found again in the next version of the part.
  const nameOf = (element) => {
    const form = element.closest("form");
    if (element.getAttribute("href")) return `[href="${CSS.escape(element.getAttribute("href"))}"]`;
    return form ? `form[action="${CSS.escape(form.getAttribute("action"))}"] button[name="${element.name}"]` : "";
  };

  const show = (html) => {
    const open = [...part.querySelectorAll("details[open][data-key]")].map((one) => one.dataset.key);
    const focused = part.contains(document.activeElement) && nameOf(document.activeElement);
    part.innerHTML = html;
    for (const one of part.querySelectorAll("details[data-key]")) one.open = open.includes(one.dataset.key);
    if (focused) part.querySelector(focused)?.focus();
  };

  const refresh = async () => {
    if (document.hidden) return BUSY_S;
    // A page that nobody looks at does not keep its session from idling.
    const headers = { "X-Background": "1" };
    const signal = AbortSignal.timeout(LONGEST_S * 1000);
    const answer = await fetch(part.dataset.live, { headers, redirect: "manual", signal });
    if (answer.type === "opaqueredirect") return say("You are signed out, so this page is not updated. ", "Sign in");
    // What is away for a moment comes back. A page that is gone does not.
    if (!answer.headers.has("X-Open")) return answer.status >= 500 || answer.status === 429 ? stale() : 0;
    const html = await answer.text();
    updated = new Date();
    notice.hidden = true;
    // A button that is being pressed stays where it is.
    if (html !== seen && !part.querySelector("button:active, a:active")) {
      show(html);
      seen = html;
    }
    if (answer.headers.get("X-Open") === "1") return BUSY_S;
    if (part.dataset.then === "reload") location.reload();
    return Number(part.dataset.idle ?? 0);
  };

  const later = (seconds) => seconds && setTimeout(async () => later(await refresh().catch(stale)), seconds * 1000);
  later(BUSY_S);
}
