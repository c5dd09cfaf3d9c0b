// Asks the server for what it had recorded before this page was told, or while it was not.

import { ask } from "./asking.js";
import { DEFAULT_RANGE } from "./history.js";

const AGAIN_SECONDS = 60; // over a long range other names become the busiest
const RETRY_SECONDS = 5;

/** Asks for a range, and gives what comes to take(text, past): the busiest names, or those that have a text in them. */
export class Past {
  constructor(range, take) {
    this.range = range;
    this.take = take;
    this.asking = false;
    this.missing();
  }

  /** Ask for another range from now on. */
  choose(range) {
    this.range = range;
    this.missing();
  }

  /** Something is not known. */
  missing() {
    this.due = -Infinity;
  }

  /** Ask again, if it is time, for the busiest names and for each of these texts. */
  async ask(texts) {
    if (this.asking || performance.now() < this.due) return;
    this.asking = true;
    this.due = Infinity; // unless something is missing meanwhile
    const { range } = this;
    let answered = true;
    for (const text of new Set(["", ...texts])) answered &&= await this.find(text);
    this.asking = false;
    const again = answered ? (range === DEFAULT_RANGE ? Infinity : AGAIN_SECONDS) : RETRY_SECONDS;
    this.due = Math.min(this.due, performance.now() + 1000 * again);
  }

  /** Ask for names that have a text in them, now. */
  async find(text) {
    const { range } = this;
    const past = await recorded(range, text);
    if (past === null || range !== this.range) return false;
    this.take(text, past);
    return true;
  }
}

/** A range's times, and the rates at each, of everything and of some names; null where it can't be had. */
async function recorded(range, text) {
  const found = await ask(`/api/history?${new URLSearchParams({ range, filter: text.slice(0, 200) })}`);
  if (found === null) return null;
  const { start, step, totals, traffic } = found;
  const places = [...totals.downlink.keys()].filter((place) => totals.downlink[place] !== null); // the others are gaps
  const known = ({ downlink, uplink }) => ({ downlink: places.map((place) => downlink[place]), uplink: places.map((place) => uplink[place]) });
  const each = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
  return {
    times: places.map((place) => start + place * step),
    totals: known(totals),
    traffic: each(traffic, ({ names }) => each(names, known)),
  };
}
