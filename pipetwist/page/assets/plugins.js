// The transports that are programs of their own: what each is doing.

import { byId, make, say } from "./elements.js";
import { age, count } from "./format.js";

const TROUBLED = ["failed", "waiting"];

/** Show them; of none nothing is shown. */
export function showPlugins(plugins) {
  byId("plugins").hidden = !plugins.length;
  const states = new Map();
  for (const one of plugins) states.set(word(one), (states.get(word(one)) ?? 0) + 1);
  say(byId("plugins-count"), [...states].map(([state, number]) => `${count(number)} ${state}`).join(", "));
  byId("plugins-count").classList.toggle("bad", plugins.some(({ state }) => TROUBLED.includes(state)));
  if (byId("plugins").open) byId("plugins-list").replaceChildren(...plugins.map(item));
}

function word({ state, starts }) {
  return { waiting: "restarting", changing: "starting again", stopped: starts ? "stopped" : "not started yet" }[state] ?? state;
}

function item({ label, name, pid, state, ready_seconds, pause, why, starts, restarts }) {
  const doing = {
    ready: `ready for ${age(ready_seconds ?? 0)}`,
    waiting: `restarting in ${Math.ceil(pause ?? 0)} s`,
    stopped: starts ? "stopped" : "not started yet: it waits for the first connection",
    failed: "failed, and is being ended",
    changing: "is being started again with other options",
  };
  const program = pid === null ? name : `${name}[${pid}]`;
  const again = restarts ? `; ${count(restarts)} ${restarts === 1 ? "restart" : "restarts"}` : "";
  return make("li", TROUBLED.includes(state) ? { class: "bad" } : {}, make("strong", {}, label), ` ${program}: ${doing[state] ?? state}${again}${why ? `. ${sentence(why)}` : ""}`);
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}
