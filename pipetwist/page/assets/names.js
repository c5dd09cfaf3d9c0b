// All inbounds, outbounds and users in one table, which is sorted, searched and saved here. Some of its rows are in the
// page at a time, however many there are.

import { ask } from "./asking.js";
import { csv, save } from "./csv.js";
import { byId, make, say } from "./elements.js";
import { bytes, count, rate } from "./format.js";
import { Head } from "./head.js";
import { finder } from "./search.js";

const ROWS = 100; // on one sheet
const MAX_NAMES = 2000; // of one kind that the server tells
const PAUSE = 2000; // milliseconds between two questions for what the events do not tell
const KINDS = ["inbound", "outbound", "user"];
const COLUMNS = [
  { key: "kind", title: "Kind", first: "asc" },
  { key: "name", title: "Name", first: "asc" },
  { key: "uplink", title: "↑ bytes", spoken: "Uplink bytes", first: "desc", show: bytes },
  { key: "downlink", title: "↓ bytes", spoken: "Downlink bytes", first: "desc", show: bytes },
  { key: "uplink_rate", title: "↑ rate", spoken: "Uplink rate", first: "desc", show: rate },
  { key: "downlink_rate", title: "↓ rate", spoken: "Downlink rate", first: "desc", show: rate },
  { key: "open", title: "Open", first: "desc", show: count },
  { key: "failed", title: "Failed", first: "desc", show: count },
  { key: "refused", title: "Refused", first: "desc", show: count },
];

/** The table. */
export class Names {
  constructor() {
    this.flows = Object.fromEntries(KINDS.map((kind) => [kind, new Map()]));
    this.moved = Object.fromEntries(KINDS.map((kind) => [kind, {}]));
    this.counted = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
    this.tallies = {};
    this.sorted = { sort: "downlink_rate", order: "desc" };
    this.sheet = 0;
    this.rows = [];
    this.asked = -Infinity;
    this.head = new Head(byId("names-heads"), COLUMNS, (sorted) => {
      this.sorted = sorted;
      this.turnTo(0);
    });
    byId("names").addEventListener("toggle", () => this.render());
    for (const id of ["names-find", "names-kind", "names-idle"]) {
      byId(id).addEventListener("input", () => this.turnTo(0));
    }
    byId("names-before").addEventListener("click", () => this.turnTo(this.sheet - 1));
    byId("names-after").addEventListener("click", () => this.turnTo(this.sheet + 1));
    byId("names-save").addEventListener("click", () => this.save());
  }

  /** Take what an event says: a whole one says all names, another one those that have moved bytes. */
  take(traffic, whole) {
    for (const kind of KINDS) {
      const { counted, names } = traffic[kind];
      this.counted[kind] = counted;
      if (whole) this.flows[kind].clear();
      for (const [name, flow] of Object.entries(names)) this.flows[kind].set(name, flow);
      this.moved[kind] = names;
    }
  }

  turnTo(sheet) {
    this.sheet = sheet;
    this.render();
  }

  /** Show it, where it is open. */
  render() {
    this.renderCount();
    if (!byId("names").open) return;
    this.tally();
    const found = this.found();
    const sheets = Math.max(1, Math.ceil(found.length / ROWS));
    this.sheet = Math.min(this.sheet, sheets - 1);
    const start = this.sheet * ROWS;
    const shown = found.slice(start, start + ROWS);
    this.head.show(this.sorted);
    this.renderRows(shown);
    byId("names-table").hidden = !shown.length;
    byId("names-before").disabled = this.sheet === 0;
    byId("names-after").disabled = this.sheet === sheets - 1;
    byId("names-save").disabled = !shown.length;
    byId("names-sheets").hidden = sheets === 1;
    say(byId("names-shown"), shown.length ? `${count(start + 1)} to ${count(start + shown.length)} of ${count(found.length)}` : this.zero());
  }

  /** How many names there are; until it was opened, of those that are counted. */
  renderCount() {
    const texts = KINDS.map((kind) => {
      const known = Math.max(this.counted[kind], this.known(kind).size);
      return `${count(known)} ${known === 1 ? kind : `${kind}s`}`;
    });
    say(byId("names-count"), `${texts.join(", ")}${Object.keys(this.tallies).length ? "" : " that are counted"}`);
  }

  known(kind) {
    return new Set([...this.flows[kind].keys(), ...Object.keys(this.tallies[kind] ?? {})]);
  }

  /** Why there is no name. */
  zero() {
    if (byId("names-find").value.trim() || byId("names-kind").value || byId("names-idle").checked) return "No name is like that.";
    return "Nobody has connected yet. Each name is here from its first connection on, with its bytes if stats lists it.";
  }

  /** What the table holds: after the filter, in order. */
  found() {
    const isFound = finder(byId("names-find").value);
    const kind = byId("names-kind").value;
    const busyOnly = byId("names-idle").checked;
    const found = KINDS.filter((one) => !kind || one === kind)
      .flatMap((one) => this.all(one))
      .filter((row) => isFound(row.name) && !(busyOnly && isIdle(row)));
    const { sort, order } = this.sorted;
    const sign = order === "asc" ? 1 : -1;
    return found.sort((one, other) => sign * compare(one[sort], other[sort]) || compare(one.name, other.name));
  }

  all(kind) {
    const flows = this.flows[kind];
    const tallies = this.tallies[kind] ?? {};
    const all = this.tallies[kind] !== undefined && Object.keys(tallies).length < MAX_NAMES;
    const none = all ? { open: 0, failed: 0, refused: 0 } : {};
    return [...this.known(kind)].map((name) => {
      const flow = flows.get(name);
      const stands = flow !== undefined && !Object.hasOwn(this.moved[kind], name);
      const tally = Object.hasOwn(tallies, name) ? tallies[name] : none;
      return { kind, name, ...flow, ...(stands ? { uplink_rate: 0, downlink_rate: 0 } : {}), ...tally };
    });
  }

  renderRows(shown) {
    while (this.rows.length < shown.length) this.rows.push(this.row());
    this.rows.forEach(({ element, cells }, index) => {
      const one = shown[index];
      element.hidden = !one;
      if (!one) return;
      COLUMNS.forEach(({ key, show }, column) => {
        const value = one[key];
        say(cells[column], show ? (value === null || value === undefined ? "–" : show(value)) : value);
        cells[column].classList.toggle("still", Boolean(show) && !value);
      });
      cells[1].title = one.name;
    });
  }

  row() {
    const cells = COLUMNS.map(({ key, title, show }) =>
      key === "name" ? make("th", { scope: "row", role: "rowheader", class: "name" }) : make("td", { role: "cell", class: show ? "number" : "text", ...(show ? { "data-title": title } : {}) }),
    );
    const element = make("tr", { role: "row" }, ...cells);
    byId("names-rows").append(element);
    return { element, cells };
  }

  /** Ask for what the events do not tell: the connections of each name. */
  async tally() {
    if (performance.now() < this.asked + PAUSE) return;
    this.asked = performance.now();
    const tallies = await ask("/api/names");
    if (tallies === null) return;
    const first = !Object.keys(this.tallies).length;
    this.tallies = tallies;
    if (first) this.render();
  }

  save() {
    const heads = COLUMNS.map(({ key }) => key);
    const when = new Date().toISOString().slice(0, 19).replaceAll(":", "");
    save(`pipetwist-${when}Z.csv`, csv([heads, ...this.found().map((row) => heads.map((key) => row[key]))]));
  }
}

/** Whether it has no connection, and moves nothing. */
function isIdle({ uplink_rate: up, downlink_rate: down, open }) {
  return !open && !up && !down;
}

/** The order of two texts, or of two numbers; what is not known comes before all others. */
function compare(one, other) {
  const [left, right] = [one ?? -1, other ?? -1];
  return left < right ? -1 : left > right ? 1 : 0;
}
