// The switch between light and dark, and the style sheet's colours for what is drawn on a canvas.

const KEY = "pipetwist.theme";
const listeners = [];
let known = new Map();

/** What a custom property is now, as a colour that a canvas takes. */
export function colour(property) {
  if (!known.has(property)) {
    const probe = document.createElement("span");
    probe.style.color = `var(${property})`;
    document.body.append(probe);
    known.set(property, getComputedStyle(probe).color);
    probe.remove();
  }
  return known.get(property);
}

/** The same colour, as transparent as this, 0 being invisible. */
export function faint(property, opacity) {
  return colour(property).replace(/^rgba?\((\d+),? (\d+),? (\d+).*$/, `rgba($1, $2, $3, ${opacity})`);
}

/** Calls back whenever the colours have become others. */
export function onColours(listener) {
  listeners.push(listener);
}

/** Makes the switch work. */
export function startSwitch(fieldset) {
  const chosen = document.documentElement.dataset.theme ?? "";
  for (const input of fieldset.querySelectorAll("input")) {
    input.checked = input.value === chosen;
    input.addEventListener("change", () => choose(input.value));
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

function choose(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  try {
    if (theme) localStorage.setItem(KEY, theme);
    else localStorage.removeItem(KEY);
  } catch {
    // Without storage the choice is lost when the page is left.
  }
  changed();
}

function changed() {
  known = new Map();
  for (const listener of listeners) listener();
}
