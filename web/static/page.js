"use strict";
// Small comforts; every page works without them.

// Times are UTC; the local one shows when somebody points at it.
document.addEventListener("mouseover", (event) => {
  const time = event.target.closest?.("time");
  if (time && !time.title) time.title = `${new Date(time.dateTime).toLocaleString()} where you are`;
});

// On a phone the row of pages scrolls: begin where we are.
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// A box that ticks all others of its name.
for (const all of document.querySelectorAll("[data-ticks]")) {
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const one of document.getElementsByName(all.dataset.ticks)) one.checked = all.checked;
  });
}

// One question at a time; Escape takes it back.
const asked = document.querySelectorAll("details.ask");
for (const one of asked) {
  one.addEventListener("toggle", () => {
    if (one.open) for (const other of asked) if (other !== one) other.open = false;
  });
  one.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    one.open = false;
    one.querySelector("summary").focus();
  });
}
