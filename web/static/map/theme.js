// The colours of the page, light or dark.
const page = document.getElementById("map");
export const dark = matchMedia("(prefers-color-scheme: dark)");
export const colour = (name) => getComputedStyle(page).getPropertyValue(`--map-${name}`).trim();
