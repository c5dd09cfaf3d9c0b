// The table of open connections. The server filters, sorts and limits it; this module has its head, its rows and the
// text for an empty table.

import { byId, make, say } from "./elements.js";
import { age, bytes, count, rate } from "./format.js";
import { Head } from "./head.js";

const COLUMNS = [
  { key: "id", title: "No.", spoken: "Number in the log", text: (row) => String(row.id), first: "desc" },
  { key: "inbound", title: "Inbound", text: (row) => row.inbound, first: "asc" },
  { key: "outbound", title: "Outbound", text: (row) => row.outbound, first: "asc" },
  { key: "user", title: "User", text: (row) => row.user ?? "–", first: "asc" },
  { key: "peer", title: "Peer", text: (row) => row.peer, first: "asc" },
  { key: "age", title: "Age", text: (row) => age(row.age), first: "desc" },
  { key: "uplink", title: "↑ bytes", spoken: "Uplink bytes", text: (row) => bytes(row.uplink), first: "desc" },
  { key: "downlink", title: "↓ bytes", spoken: "Downlink bytes", text: (row) => bytes(row.downlink), first: "desc" },
  { key: "uplink_rate", title: "↑ rate", spoken: "Uplink rate", text: (row) => rate(row.uplink_rate), first: "desc" },
  { key: "downlink_rate", title: "↓ rate", spoken: "Downlink rate", text: (row) => rate(row.downlink_rate), first: "desc" },
];
const RATES = ["uplink_rate", "downlink_rate"];

/** The table. */
export class Table {
  /** A view is {sort, order, filter}; changed(view) is told of another one. */
  constructor(view, changed) {
    this.view = view;
    this.changed = changed;
    this.rows = new Map();
    this.body = byId("rows");
    this.filter = byId("filter");
    this.head = new Head(byId("heads"), COLUMNS, (change) => this.choose(change));
    this.makeSorter();
    this.filter.value = view.filter;
    let typing = 0;
    this.filter.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.choose({ filter: this.filter.value.trim() }), 150);
    });
    this.renderHead();
  }

  makeSorter() {
    this.sorter = byId("sort");
    for (const { key, title, spoken, first } of COLUMNS) {
      const other = first === "asc" ? "desc" : "asc";
      const [usual, reverse] = first === "asc" ? ["A to Z", "Z to A"] : ["most first", "least first"];
      this.sorter.append(make("option", { value: `${key} ${first}` }, `${spoken ?? title}, ${usual}`));
      this.sorter.append(make("option", { value: `${key} ${other}` }, `${spoken ?? title}, ${reverse}`));
    }
    this.sorter.addEventListener("change", () => {
      const [sort, order] = this.sorter.value.split(" ");
      this.choose({ sort, order });
    });
  }

  choose(change) {
    this.view = { ...this.view, ...change };
    this.renderHead();
    this.changed(this.view);
  }

  renderHead() {
    this.head.show(this.view);
    this.sorter.value = `${this.view.sort} ${this.view.order}`;
  }

  /** Have each row offer to close its connection: by close(id), which resolves to what to say where that failed. */
  offerClosing(close) {
    this.close = close;
    byId("heads").append(make("th", { scope: "col", role: "columnheader", class: "close" }, make("span", { class: "unseen" }, "Close")));
    for (const [id, row] of this.rows) this.addButton(id, row);
  }

  addButton(id, { element }) {
    const button = make("button", { type: "button", "aria-label": `Close connection ${id}` }, "Close");
    button.addEventListener("blur", () => say(button, "Close"));
    button.addEventListener("click", async () => {
      // Rows move: the first click only asks.
      if (button.textContent !== "Sure?") return say(button, "Sure?");
      button.disabled = true;
      const fault = await this.close(id);
      button.disabled = false;
      button.title = fault;
      say(button, fault ? "Failed" : "Closed");
    });
    element.append(make("td", { role: "cell", class: "close" }, button));
  }

  /** Show what an event says. */
  render({ matching, rows }, open) {
    const gone = new Set(this.rows.keys());
    const most = Object.fromEntries(RATES.map((key) => [key, Math.max(1, ...rows.map((row) => row[key] ?? 0))]));
    let place = this.body.firstElementChild;
    for (const data of rows) {
      gone.delete(data.id);
      const row = this.rows.get(data.id) ?? this.makeRow(data.id);
      if (row.element === place) place = place.nextElementSibling;
      else this.body.insertBefore(row.element, place);
      this.fill(row, data, most);
    }
    for (const id of gone) {
      this.rows.get(id).element.remove();
      this.rows.delete(id);
    }
    this.renderNote(rows.length, matching, open);
  }

  makeRow(id) {
    const cells = COLUMNS.map((column) => {
      const cell = make("td", { role: "cell", class: `${column.key.replace("_", "-")} ${column.first === "asc" ? "text" : "number"}` });
      cell.dataset.title = column.title;
      return cell;
    });
    const row = { element: make("tr", { role: "row" }, ...cells), cells };
    row.element.dataset.id = id;
    this.rows.set(id, row);
    if (this.close) this.addButton(id, row);
    return row;
  }

  fill({ element, cells }, data, most) {
    element.classList.toggle("held", Boolean(data.held_by));
    element.title = `Number ${data.id} in the log${data.held_by ? `; held back by ${data.held_by}` : ""}`;
    COLUMNS.forEach((column, index) => {
      const cell = cells[index];
      const text = column.text(data);
      say(cell, text);
      if (column.first === "asc" && cell.title !== text) cell.title = text;
      if (RATES.includes(column.key)) {
        cell.style.setProperty("--part", ((data[column.key] ?? 0) / most[column.key]).toFixed(3));
        cell.classList.toggle("still", !data[column.key]);
      }
    });
    element.classList.toggle("nobody", data.user === null);
  }

  renderNote(shown, matching, open) {
    const all = this.view.filter ? `${count(matching)} of ${count(open)} match` : `${count(open)} open`;
    say(byId("shown"), shown < matching ? `showing ${count(shown)} of ${count(matching)}${this.view.filter ? ` that match` : ""}` : all);
    const nothing = byId("nothing");
    nothing.hidden = shown > 0;
    if (shown > 0) return;
    const none = open === 0 ? "No connection is open. They appear here as clients connect." : `None of ${count(open)} connections matches “${this.view.filter}”.`;
    say(nothing, none);
  }
}
