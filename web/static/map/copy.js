// The address as a link to hand on. Browsers copy only over https; elsewhere the address bar has it.
import { say } from "./dom.js";

const button = document.getElementById("map-copy");
const SAID_MS = 3000;

button.hidden = !navigator.clipboard;
button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
    say("map-said", "The link is copied.");
  } catch {
    button.textContent = "Not copied: the browser forbids it";
  }
  setTimeout(() => { button.textContent = "Copy link"; }, SAID_MS);
});
