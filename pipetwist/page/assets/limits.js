// The limits, how much of them is used, and who is held back by them.

import { ask } from "./asking.js";
import { byId, fill, make, say } from "./elements.js";
import { bytes, count, moment } from "./format.js";

const PAUSE = 2000; // milliseconds between two questions
const NONE = "–";
const NAMED = 5; // of those that are held back now

let asked = -Infinity;

for (const [id, event] of [
  ["limits", "toggle"],
  ["limits-find", "input"],
]) {
  byId(id).addEventListener(event, () => {
    asked = -Infinity;
    showLimits();
  });
}

/** Show which rates hold somebody back at this moment; null where nothing is limited, and then there is nothing to show. */
export function showHeld(held) {
  byId("limits").hidden = held === null;
  if (held === null) return;
  const { rates, count: number } = held;
  const more = number > NAMED ? ` and ${count(number - NAMED)} more` : "";
  say(byId("limits-held"), number ? `Held back now by ${rates.slice(0, NAMED).join(", ")}${more}` : "Nobody is held back now");
  showLimits();
}

async function showLimits() {
  if (!byId("limits").open || performance.now() < asked + PAUSE) return;
  asked = performance.now();
  const filter = byId("limits-find").value.trim();
  const found = await ask(`/api/limits?${new URLSearchParams({ filter })}`);
  if (found === null) return say(byId("limits-shown"), "The server does not tell them now.");
  if (filter !== byId("limits-find").value.trim()) return;
  const { limited, matching, rows } = found;
  const all = filter ? `${count(matching)} of ${count(limited)} match` : `${count(limited)} with limits`;
  say(byId("limits-shown"), rows.length < matching ? `${all}; the first ${count(rows.length)}` : all);
  fill(byId("limits-rows"), ...rows.map(row));
  byId("limits-table").hidden = !rows.length;
}

function row(one) {
  const held = Object.entries(one.held).flatMap(([direction, holds]) => (holds ? [direction === "up" ? "↑" : "↓"] : []));
  const name = make("th", { scope: "row", role: "rowheader", class: "name" }, one.name);
  if (held.length) name.append(" ", make("span", { class: "held" }, `held back ${held.join(" ")}`));
  if (one.closed !== null) name.append(" ", make("span", { class: "held", title: one.closed }, "refused now"));
  name.title = one.name;
  return make(
    "tr",
    { role: "row" },
    make("td", { role: "cell" }, one.kind),
    name,
    cell("Rate", rates(one)),
    cell("Connections", connections(one)),
    cell("Quota", ...(one.quotas?.length ? one.quotas.map(quota) : [NONE])),
    cell("Expires", one.expires ? moment(one.expires) : NONE),
  );
}

function cell(title, ...children) {
  return make("td", { role: "cell", "data-title": title, ...(children[0] === NONE ? { class: "none" } : {}) }, ...children);
}

function rates({ up_mbps, down_mbps }) {
  const parts = [up_mbps && `↑ ${up_mbps}`, down_mbps && `↓ ${down_mbps}`].filter(Boolean);
  return parts.length ? `${parts.join(" ")} Mbit/s` : NONE;
}

function connections({ open, max_connections, sources, max_sources, connections_per_second }) {
  const of = (value, most, noun) => most && `${value === undefined ? "at most" : `${count(value)} of`} ${count(most)} ${noun}`;
  const parts = [of(open, max_connections, "open"), of(sources, max_sources, "sources"), connections_per_second && `${connections_per_second} a second`];
  return parts.filter(Boolean).join(", ") || NONE;
}

/** A quota as its figures, and a bar of how much of it is used. */
function quota({ bytes: total, used, period, count: counted, anew, then }) {
  const bar = make("span", { class: "meter", "aria-hidden": "true" });
  bar.style.setProperty("--part", Math.min(1, used / total).toFixed(4));
  const up = used >= total;
  bar.classList.toggle("full", up);
  const way = { up: " of uplink", down: " of downlink" }[counted] ?? "";
  const again = anew === null ? "" : `, anew ${moment(anew)}`;
  const now = then === null ? [] : [rates(then), connections(then)].filter((text) => text !== NONE);
  const rest = up ? `; used up${now.length ? `, now ${now.join(", ")}` : ""}` : "";
  return make("div", { class: "quota" }, bar, make("span", {}, `${bytes(used)} of ${bytes(total)}${way} ${period}${again}${rest}`));
}
