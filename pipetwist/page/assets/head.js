// The head of a table, which is sorted by a click on it.

import { make, say } from "./elements.js";

/** It is made in a row: of each column a button. */
export class Head {
  /**
   * A column has a key, a title, perhaps words that are spoken instead, and first: the order of the first click,
   * which is asc for texts and desc for numbers. chosen({sort, order}) is told what is clicked.
   */
  constructor(row, columns, chosen) {
    this.sort = "";
    this.order = "";
    this.cells = columns.map((column) => {
      const arrow = make("span", { class: "sorted", "aria-hidden": "true" });
      const button = make("button", { type: "button" }, column.title, arrow);
      if (column.spoken) button.setAttribute("aria-label", column.spoken);
      button.addEventListener("click", () => chosen(this.after(column)));
      const kind = column.first === "asc" ? "text" : "number";
      const cell = make("th", { scope: "col", role: "columnheader", class: `${column.key} ${kind}` }, button);
      row.append(cell);
      return { key: column.key, cell, arrow };
    });
  }

  /** How the table is sorted after a click. */
  after({ key, first }) {
    return { sort: key, order: key === this.sort ? (this.order === "asc" ? "desc" : "asc") : first };
  }

  /** Show how the table is sorted. */
  show({ sort, order }) {
    this.sort = sort;
    this.order = order;
    for (const { key, cell, arrow } of this.cells) {
      const sorted = key === sort;
      cell.setAttribute("aria-sort", sorted ? (order === "asc" ? "ascending" : "descending") : "none");
      say(arrow, sorted ? (order === "asc" ? "▲" : "▼") : "");
    }
  }
}
