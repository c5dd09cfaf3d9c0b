// The page as a whole: shows the server's events in the tiles, the panels and the table, and sends the chosen view
// to the server.

import { Spark } from "./chart.js";
import { close, mayClose } from "./closing.js";
import { startSwitch } from "./colours.js";
import { byId, say } from "./elements.js";
import { showEnded } from "./ended.js";
import { age, bytes, count, moment, rate, when } from "./format.js";
import { Histories } from "./histories.js";
import { clockStep, DEFAULT_RANGE, isGap } from "./history.js";
import { Names } from "./names.js";
import { Panel } from "./panel.js";
import { Past } from "./past.js";
import { rangeOf, startRanges } from "./ranges.js";
import { showOperatorState } from "./state.js";
import { follow } from "./stream.js";
import { Table } from "./table.js";

const MAX_RETRY_SECONDS = 10; // between two attempts to connect
const DEFAULT_VIEW = { sort: "downlink_rate", order: "desc", filter: "", range: DEFAULT_RANGE };

startSwitch(byId("theme"));
let range = rangeOf(new URLSearchParams(location.search).get("range"), DEFAULT_RANGE);
const past = new Past(range, fill);
const find = (text) => text && past.find(text);
const panels = [
  new Panel(byId("panels"), "inbound", "Inbounds", range, find),
  new Panel(byId("panels"), "outbound", "Outbounds", range, find),
  new Panel(byId("panels"), "user", "Users", range, find),
];
const names = new Names();
const all = new Histories(range);
const sparks = { downlink: new Spark(byId("downlink-spark"), "--down"), uplink: new Spark(byId("uplink-spark"), "--up") };
const table = new Table(viewFromUrl(), (view) => {
  saveViewInUrl(view);
  connect();
});

let latest = null;
let paused = false;
let awaited = false; // the past of a range that was chosen
let closeStream = () => {};
let failures = 0;
let retryTimer = 0;

startRanges(byId("ranges"), range, (chosen) => {
  range = chosen;
  saveViewInUrl(table.view);
  past.choose(range);
  for (const one of [all, ...panels]) one.choose(range);
  past.ask(panels.map((panel) => panel.find.value));
  awaited = true;
  renderCharts();
});
connect();
if ("acts" in document.body.dataset) {
  mayClose().then((may) => {
    if (!may) return;
    say(byId("rights"), "This page can close connections.");
    table.offerClosing((id) => close(id, latest.started));
  });
}

function connect() {
  closeStream();
  clearTimeout(retryTimer);
  const { sort, order, filter } = table.view;
  closeStream = follow(`/api/events?${new URLSearchParams({ sort, order, filter })}`, { event: onEvent, ended: onDisconnected });
}

function onEvent(kind, data) {
  const again = latest === null || failures > 0;
  failures = 0;
  const whole = kind === "snapshot";
  const step = latest ? clockStep(latest, data) : 0;
  if (step !== 0) for (const { history } of [{ history: all }, ...panels]) history.clockSet(step);
  if (again || step !== 0 || isGap(latest.time, data.time)) past.missing();
  latest = data;
  all.push(data.time, { all: data.totals }, whole);
  for (const panel of panels) panel.take(data.time, data.traffic[panel.entity], whole);
  names.take(data.traffic, whole);
  past.ask(panels.map((panel) => panel.find.value));
  byId("lost").hidden = true;
  showState(paused ? "paused" : "live");
  render();
}

/** Take what the server had recorded. */
function fill(text, { times, totals, traffic }) {
  if (text === "") all.shown.fill(times, { all: totals });
  for (const { entity, find, history } of panels) if (text === "" || text === find.value) history.shown.fill(times, traffic[entity]);
  if (!awaited || text !== "") return render();
  awaited = false;
  renderCharts(); // even if it is paused
}

function onDisconnected(reason) {
  failures += 1;
  let seconds = Math.min(2 ** (failures - 1), MAX_RETRY_SECONDS);
  byId("lost").hidden = false;
  say(byId("why"), [reason, latest ? `The figures are those of ${when(latest.time)}.` : ""].filter(Boolean).join(" "));
  showState("lost");
  const countDown = () => {
    say(byId("retry"), `Trying again ${seconds > 0 ? `in ${seconds} s` : "now"}.`);
    if (seconds === 0) return connect();
    seconds -= 1;
    retryTimer = setTimeout(countDown, 1000);
  };
  clearTimeout(retryTimer);
  countDown();
}

function showState(name) {
  document.body.dataset.state = name;
  const word = { live: "Live", paused: "Paused", lost: "Disconnected" }[name];
  say(byId("status"), word);
  document.title = `${name === "live" ? `${count(latest.totals.open)} open` : word} · pipetwist`;
}

function render() {
  if (latest === null || paused || document.hidden) return;
  const { totals } = latest;
  say(byId("open"), count(totals.open));
  say(byId("opened"), `${count(totals.opened)} since the start`);
  for (const direction of ["downlink", "uplink"]) {
    say(byId(`${direction}-rate`), rate(totals[`${direction}_rate`]));
    say(byId(direction), `${bytes(totals[direction])} since the start`);
  }
  say(byId("uptime"), age(latest.uptime));
  say(byId("started"), `since ${moment(latest.started)}`);
  say(byId("version"), `pipetwist ${latest.version}`);
  renderCharts();
  names.render();
  table.render(latest.connections, totals.open);
  showEnded(latest.started);
  showOperatorState(panels, latest.time);
}

function renderCharts() {
  if (latest === null) return;
  for (const direction of ["downlink", "uplink"]) sparks[direction].draw(all.shown, all.shown.names.get("all")[direction]);
  for (const panel of panels) panel.render();
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  say(byId("pause"), paused ? "Resume" : "Pause");
  if (["live", "paused"].includes(document.body.dataset.state)) showState(paused ? "paused" : "live");
  render();
});
for (const id of ["ended", "plugins", "problems"]) byId(id).addEventListener("toggle", render);
byId("again").addEventListener("click", connect);
addEventListener("online", connect);
document.addEventListener("visibilitychange", render);
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  event.preventDefault();
  byId("filter").focus();
});

function viewFromUrl() {
  const parameters = new URLSearchParams(location.search);
  const columns = ["id", "inbound", "outbound", "user", "peer", "age", "uplink", "downlink", "uplink_rate", "downlink_rate"];
  return {
    sort: columns.includes(parameters.get("sort")) ? parameters.get("sort") : DEFAULT_VIEW.sort,
    order: parameters.get("order") === "asc" ? "asc" : DEFAULT_VIEW.order,
    filter: (parameters.get("filter") ?? "").slice(0, 200),
  };
}

function saveViewInUrl(view) {
  const changed = Object.entries({ ...view, range }).filter(([key, value]) => value !== DEFAULT_VIEW[key]);
  const query = new URLSearchParams(changed).toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
}
