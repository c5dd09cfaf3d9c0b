// Puts the page together: what the server sends goes to the tiles, the panels and the table; what is chosen here goes to the server.

import { Spark } from "./chart.js";
import { startSwitch } from "./colours.js";
import { byId, say } from "./elements.js";
import { age, bytes, count, moment, rate, time } from "./format.js";
import { clockStep, History } from "./history.js";
import { Panel } from "./panel.js";
import { follow } from "./stream.js";
import { Table } from "./table.js";

const LONGEST_WAIT = 10; // seconds from one attempt to the next
const DEFAULT_VIEW = { sort: "downlink_rate", order: "desc", filter: "" };

startSwitch(byId("theme"));
const panels = [
  new Panel(byId("panels"), "inbound", "Inbounds"),
  new Panel(byId("panels"), "outbound", "Outbounds"),
  new Panel(byId("panels"), "user", "Users"),
];
const all = new History();
const sparks = { downlink: new Spark(byId("downlink-spark"), "--down"), uplink: new Spark(byId("uplink-spark"), "--up") };
const table = new Table(viewOfAddress(), (view) => {
  keepInAddress(view);
  connect();
});

let latest = null;
let paused = false;
let close = () => {};
let failures = 0;
let waiting = 0;

connect();

function connect() {
  close();
  clearTimeout(waiting);
  const { sort, order, filter } = table.view;
  close = follow(`/api/events?${new URLSearchParams({ sort, order, filter })}`, { event: take, ended: lost });
}

function take(kind, data) {
  failures = 0;
  const whole = kind === "snapshot";
  const step = latest ? clockStep(latest, data) : 0;
  if (step !== 0) for (const { history } of [{ history: all }, ...panels]) history.clockSet(step);
  latest = data;
  all.push(data.time, { all: data.totals }, whole);
  for (const panel of panels) panel.take(data.time, data.traffic[panel.entity], whole);
  byId("lost").hidden = true;
  state(paused ? "paused" : "live");
  render();
}

function lost(why) {
  failures += 1;
  let seconds = Math.min(2 ** (failures - 1), LONGEST_WAIT);
  byId("lost").hidden = false;
  say(byId("why"), [why, latest ? `The figures are those of ${time(latest.time)}.` : ""].filter(Boolean).join(" "));
  state("lost");
  const wait = () => {
    say(byId("retry"), `Trying again ${seconds > 0 ? `in ${seconds} s` : "now"}.`);
    if (seconds === 0) return connect();
    seconds -= 1;
    waiting = setTimeout(wait, 1000);
  };
  clearTimeout(waiting);
  wait();
}

function state(name) {
  document.body.dataset.state = name;
  say(byId("status"), { live: "Live", paused: "Paused", lost: "Disconnected" }[name]);
}

function render() {
  if (latest === null || paused || document.hidden) return;
  const { totals } = latest;
  say(byId("open"), count(totals.open));
  say(byId("opened"), `${count(totals.opened)} since the start`);
  for (const direction of ["downlink", "uplink"]) {
    say(byId(`${direction}-rate`), rate(totals[`${direction}_rate`]));
    say(byId(direction), `${bytes(totals[direction])} since the start`);
    sparks[direction].draw(all.times, all.names.get("all")[direction]);
  }
  say(byId("uptime"), age(latest.uptime));
  say(byId("started"), `since ${moment(latest.started)}`);
  say(byId("version"), `pipetwist ${latest.version}`);
  document.title = `${count(totals.open)} open · pipetwist`;
  for (const panel of panels) panel.render();
  table.render(latest.connections, totals.open);
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  say(byId("pause"), paused ? "Resume" : "Pause");
  if (document.body.dataset.state !== "lost") state(paused ? "paused" : "live");
  render();
});
byId("again").addEventListener("click", connect);
addEventListener("online", connect);
document.addEventListener("visibilitychange", render);
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  event.preventDefault();
  byId("filter").focus();
});

function viewOfAddress() {
  const given = new URLSearchParams(location.search);
  const heads = ["inbound", "outbound", "user", "peer", "age", "downlink", "uplink", "downlink_rate", "uplink_rate"];
  return {
    sort: heads.includes(given.get("sort")) ? given.get("sort") : DEFAULT_VIEW.sort,
    order: given.get("order") === "asc" ? "asc" : DEFAULT_VIEW.order,
    filter: (given.get("filter") ?? "").slice(0, 200),
  };
}

function keepInAddress(view) {
  const changed = Object.entries(view).filter(([key, value]) => value !== DEFAULT_VIEW[key]);
  const query = new URLSearchParams(changed).toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
}
