"use strict";
// Brings parts of a page up to date while a run is open. Without it, the page reloads itself.
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
    if (document.hidden) return true;
    const answer = await fetch(part.dataset.live, { redirect: "manual" });
    if (!answer.ok) return answer.status >= 500;
    const html = await answer.text();
    if (html !== seen) show(html);
    seen = html;
    if (answer.headers.get("X-Open") === "1") return true;
    if (part.dataset.then === "reload") location.reload();
    return false;
  };

  const timer = setInterval(async () => {
    // Offline for a moment: ask again.
    if (!(await refresh().catch(() => true))) clearInterval(timer);
  }, 2000);
}
