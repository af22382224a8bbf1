"use strict";
// Brings parts of a page up to date while a run is open, and more slowly those that say so while none is.
// Without it, the page reloads itself.
const BUSY_S = 2;
for (const part of document.querySelectorAll("[data-live]")) {
  let seen = "";

  const show = (html) => {
    const open = [...part.querySelectorAll("details[open][data-key]")].map((one) => one.dataset.key);
    const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    part.innerHTML = html;
    for (const one of part.querySelectorAll("details[data-key]")) one.open = open.includes(one.dataset.key);
    if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  };

  const refresh = async () => {
    if (document.hidden) return BUSY_S;
    const answer = await fetch(part.dataset.live, { redirect: "manual" });
    // Something is away for a moment, or nobody is signed in any more.
    if (!answer.headers.has("X-Open")) return answer.status >= 500 ? BUSY_S : 0;
    const html = await answer.text();
    if (html !== seen) show(html);
    seen = html;
    if (answer.headers.get("X-Open") === "1") return BUSY_S;
    if (part.dataset.then === "reload") location.reload();
    return Number(part.dataset.idle ?? 0);
  };

  const later = (seconds) => seconds && setTimeout(async () => {
    // Offline for a moment: ask again.
    later(await refresh().catch(() => BUSY_S));
  }, seconds * 1000);
  later(BUSY_S);
}
