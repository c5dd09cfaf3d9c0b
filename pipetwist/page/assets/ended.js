// The outbounds, and the connections that have ended. While this is not opened it says only which outbounds fail.

import { ask } from "./asking.js";
import { REJECTIONS } from "./causes.js";
import { byId, fill, isPaused, make, say } from "./elements.js";
import { age, bytes, count, moment, when } from "./format.js";

const PAUSE_SECONDS = { open: 2, closed: 10 }; // between two questions

let shown = null; // when the daemon was started whose connections are shown
let asking = false;
let asked = -Infinity;
let wanted = null; // the number of a connection that is looked for

byId("ended").addEventListener("toggle", () => {
  asked = -Infinity;
});

/** Ask again, if it is time to, and show them: those of the daemon that was started at this time. */
export async function showEnded(started) {
  const { open } = byId("ended");
  const pause = PAUSE_SECONDS[open ? "open" : "closed"] * 1000;
  if (asking || performance.now() < asked + pause) return;
  asking = true;
  asked = performance.now();
  const found = await ask("/api/ended");
  asking = false;
  if (isPaused()) {
    asked = -Infinity; // it is asked again as soon as it may be shown
    return;
  }
  if (found === null) return say(byId("ended-note"), "The server does not tell them now.");
  const failing = Object.entries(found.outbounds).filter(([, state]) => fails(state));
  say(byId("failing"), failing.map(([tag]) => `Outbound ${tag} fails.`).join(" "));
  if (!open) return;
  const states = Object.entries(found.outbounds).map(([tag, state]) => outbound(tag, state));
  fill(byId("states"), ...states, ...found.rejected.map(rejected));
  showRows(found.connections, started);
  say(byId("ended-note"), found.connections.length ? `The last ${count(found.connections.length)}; numbers are those of the log.` : "None has ended since the start.");
  byId("ended-table").hidden = found.connections.length === 0;
  if (wanted !== null) show(wanted);
  wanted = null;
}

/** Put those that have ended since before the others, whose rows stay, and with them what is marked or has the focus. */
function showRows(connections, started) {
  const rows = byId("ended-rows");
  const first = started === shown ? rows.firstElementChild?.id : undefined;
  shown = started;
  const known = connections.findIndex(({ id }) => `ended-${id}` === first);
  if (known === -1) rows.replaceChildren(...connections.map(row));
  else rows.prepend(...connections.slice(0, known).map(row));
  while (rows.rows.length > connections.length) rows.lastElementChild.remove();
}

/** Open the list, and go to the connection of this number. */
export function showConnection(id) {
  if (byId("ended").open) return show(id);
  wanted = id;
  byId("ended").open = true;
}

function show(id) {
  const found = byId(`ended-${id}`);
  if (found) {
    found.focus();
    found.scrollIntoView({ block: "center" });
  } else say(byId("ended-note"), `Number ${id} is not among the last ${count(byId("ended-rows").rows.length)}; look for it in the log.`);
}

/** Whether the last that ended well, if any did, was before the last that failed. */
function fails({ failed, succeeded }) {
  return failed !== null && (succeeded === null || failed > succeeded);
}

function outbound(tag, { succeeded, failures, failed, reason }) {
  const good = succeeded === null ? "none has ended well yet" : `the last that ended well: ${moment(succeeded)}`;
  const bad = failed === null ? "none failed" : `${count(failures)} failed, last ${moment(failed)}: ${reason}`;
  const isBad = fails({ failed, succeeded });
  return make("li", isBad ? { class: "bad" } : {}, make("strong", {}, `Outbound ${tag}`), `${isBad ? " fails" : succeeded === null ? "" : " works"}: ${bad}; ${good}.`);
}

function rejected({ inbound, cause, count: number }) {
  return make("li", {}, make("strong", {}, `Inbound ${inbound}`), `: ${count(number)} ${number === 1 ? "client" : "clients"} ${REJECTIONS[cause] ?? cause}.`);
}

function row(one) {
  const cells = [
    ["id", String(one.id)],
    ["when", when(one.ended)],
    ["way", `${one.inbound} → ${one.outbound}`],
    ["who", one.user === null ? one.peer : `${one.user}, ${one.peer}`],
    ["amount", `${age(one.age)}, ↑ ${bytes(one.uplink)} ↓ ${bytes(one.downlink)}`],
    ["reason", one.reason],
  ];
  return make("tr", { id: `ended-${one.id}`, tabindex: "-1", ...(one.cause === null ? {} : { class: "bad" }) }, ...cells.map(([name, text]) => make("td", { class: name }, text)));
}
