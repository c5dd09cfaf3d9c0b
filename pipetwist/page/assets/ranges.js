// The buttons that choose which range of time the charts show.

import { RANGES } from "./history.js";

/** Makes them work; chosen(range) is told of another one. */
export function startRanges(host, range, chosen) {
  const buttons = [...host.querySelectorAll("button")];
  const press = (range) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.value === range));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      press(button.value);
      chosen(button.value);
    });
  }
  press(range);
}

/** The range that an address asks for, if there is such a one. */
export function rangeOf(text, otherwise) {
  return Object.hasOwn(RANGES, text ?? "") ? text : otherwise;
}
