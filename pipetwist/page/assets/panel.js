// The panel of inbounds, outbounds or users: a chart of the busiest ones, and their figures below it.

import { Throughput } from "./chart.js";
import { make, say } from "./elements.js";
import { bytes, count, rate, time } from "./format.js";
import { Histories } from "./histories.js";

const SLOTS = 6; // more lines than these can't be told apart

/** Inbounds, outbounds or users. */
export class Panel {
  /** typed(text) is told what somebody looks for. */
  constructor(host, entity, title, range, typed) {
    this.entity = entity;
    this.history = new Histories(range);
    this.slots = Array(SLOTS).fill(null); // which name has which colour
    this.rows = [];
    this.chosen = null; // by a click
    this.pointed = null; // by the mouse
    this.counted = 0;
    this.isListed = false; // whether the configuration names any
    this.at = null;

    this.note = make("p", { class: "note" });
    this.find = make("input", {
      type: "search",
      placeholder: `Find ${entity === "user" ? "a user" : `an ${entity}`}`,
      "aria-label": `Find ${entity === "user" ? "a user" : `an ${entity}`}`,
      autocomplete: "off",
      spellcheck: "false",
      hidden: "",
    });
    let typing = 0;
    this.find.addEventListener("input", () => {
      this.render();
      clearTimeout(typing);
      typing = setTimeout(() => typed(this.find.value), 300);
    });
    const drawing = make("div", { class: "drawing", role: "img" });
    this.body = make("tbody", { role: "rowgroup" });
    const head = (text, label) => make("th", { scope: "col", role: "columnheader" }, make("span", { "aria-hidden": "true" }, text), unseen(label));
    this.table = make(
      "table",
      { class: "names", role: "table" },
      make(
        "thead",
        { role: "rowgroup" },
        make(
          "tr",
          { role: "row" },
          make("th", { scope: "col", role: "columnheader" }, unseen("Name")),
          head("↑ now", "Uplink now"),
          head("↓ now", "Downlink now"),
          head("↑ total", "Uplink in all"),
          head("↓ total", "Downlink in all"),
        ),
      ),
      this.body,
    );
    this.nothing = make("p", { class: "nothing" });
    const heading = make("h2", { id: `${entity}-title` }, title);
    host.append(
      make(
        "section",
        { class: "panel", "aria-labelledby": heading.id, id: `${entity}-panel` },
        make("header", {}, heading, this.note, this.find),
        make("div", { class: "chart" }, drawing, ends("up", "↑ up"), ends("down", "↓ down")),
        this.table,
        this.nothing,
      ),
    );
    this.chart = new Throughput(drawing, SLOTS, (index) => {
      this.at = index;
      this.renderFigures();
    });
    this.title = title.toLowerCase();
    this.drawing = drawing;
    this.choose(range);
  }

  /** Show another range. */
  choose(range) {
    this.history.choose(range);
    this.drawing.setAttribute("aria-label", `Throughput of ${this.title} in ${this.history.shown.words}. The table below has the figures.`);
  }

  /** Take what an event says. */
  take(when, traffic, whole) {
    this.counted = traffic.counted;
    this.history.push(when, traffic.names, whole);
  }

  /** Show it. */
  render() {
    const { live, shown: history } = this.history;
    const found = history.busiest(this.find.value);
    const shown = found.slice(0, SLOTS);
    this.assign(shown);
    this.find.hidden = live.names.size <= SLOTS;
    this.chart.draw(history, this.slots);
    this.renderRows(shown);
    this.renderFigures();
    const others = found.length > shown.length || this.counted > live.names.size;
    say(this.note, others ? `the busiest ${shown.length} of ${count(this.find.value ? found.length : this.counted)}` : count(shown.length));
    this.table.hidden = !shown.length;
    this.nothing.hidden = shown.length > 0;
    say(this.nothing, this.find.value ? `None of the ${this.title} has this in its name.` : this.zero());
  }

  /** Why there is no name, and what to write where that is why. */
  zero() {
    if (this.isListed) return `None of the ${this.title} that are counted has had a connection yet.`;
    return `No ${this.entity} is counted. Write "stats": {"enabled": true, "${this.entity}s": "*"} in experimental.v2ray_api; a name is here from its first connection on.`;
  }

  /** Who is shown still keeps its colour; who comes gets one that is free. */
  assign(shown) {
    this.slots = this.slots.map((one) => shown.find(({ name }) => name === one?.name) ?? null);
    for (const one of shown) if (!this.slots.includes(one)) this.slots[this.slots.indexOf(null)] = one;
    if (this.chosen !== null && !shown.some((one) => one.name === this.chosen)) this.chosen = null;
    this.raise();
  }

  /** Bring the name that is pointed at to the fore, or else the one that was chosen. */
  raise() {
    const wanted = this.pointed ?? this.chosen;
    const slot = this.slots.findIndex((one) => one !== null && one.name === wanted);
    this.chart.raise(slot === -1 ? null : slot);
  }

  renderRows(shown) {
    while (this.rows.length < shown.length) this.rows.push(this.row());
    this.rows.forEach((row, index) => {
      const one = shown[index];
      row.element.hidden = !one;
      row.one = one ?? null;
      if (!one) return;
      say(row.name, one.name);
      row.button.title = one.name;
      row.button.setAttribute("aria-pressed", String(this.chosen === one.name));
      row.swatch.style.setProperty("--line", `var(--line-${this.slots.indexOf(one) + 1})`);
      row.element.classList.toggle("still", one.sum === 0);
    });
  }

  /** The figures of now, or of the moment that the pointer is at. */
  renderFigures() {
    const { shown: history } = this.history;
    const at = this.at !== null && this.at < history.times.length ? this.at : null;
    for (const { one, cells } of this.rows) {
      if (!one) continue;
      say(cells[0], rate(history.rate(one, "uplink", at)));
      say(cells[1], rate(history.rate(one, "downlink", at)));
      say(cells[2], bytes(one.totals.uplink));
      say(cells[3], bytes(one.totals.downlink));
    }
    const head = at === null ? "now" : time(history.times[at]);
    this.table.querySelectorAll("thead th span:first-child").forEach((label, column) => {
      if (column === 1 || column === 2) say(label, `${column === 1 ? "↑" : "↓"} ${head}`);
    });
  }

  row() {
    const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
    const name = make("span", { class: "name" });
    const button = make("button", { type: "button", "aria-pressed": "false" }, swatch, name);
    const cells = ["now", "now", "total", "total"].map((kind) => make("td", { class: kind, role: "cell" }));
    const element = make("tr", { role: "row" }, make("th", { scope: "row", role: "rowheader" }, button), ...cells);
    const row = { element, button, swatch, name, cells, one: null };
    button.addEventListener("click", () => {
      this.chosen = this.chosen === row.one.name ? null : row.one.name;
      this.render();
    });
    const point = (name) => {
      this.pointed = name;
      this.raise();
    };
    element.addEventListener("mouseenter", () => point(row.one.name));
    element.addEventListener("mouseleave", () => point(null));
    this.body.append(element);
    return row;
  }
}

function unseen(text) {
  return make("span", { class: "unseen" }, text);
}

function ends(direction, text) {
  return make("span", { class: `end ${direction}`, "aria-hidden": "true" }, text);
}
