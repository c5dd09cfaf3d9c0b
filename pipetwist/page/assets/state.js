// What an operator wants to see at a glance. The events do not tell it: it is asked for while the page is looked at.

import { ask } from "./asking.js";
import { isPaused } from "./elements.js";
import { showHeld } from "./limits.js";
import { showPlugins } from "./plugins.js";
import { showProblems } from "./problems.js";

const PAUSE = 2000; // milliseconds between two questions

let asked = -Infinity;

/** Ask again, if it is time to, and show it: beside the panels, whose names are listed in the configuration or not. */
export async function showOperatorState(panels, now) {
  if (performance.now() < asked + PAUSE) return;
  asked = performance.now();
  const state = await ask("/api/state");
  if (isPaused()) {
    asked = -Infinity; // it is asked again as soon as it may be shown
    return;
  }
  showProblems(state?.problems ?? null, now);
  if (state === null) return;
  for (const panel of panels) panel.isListed = state.listed[panel.entity];
  showHeld(state.held ?? null);
  showPlugins(state.plugins ?? []);
}
