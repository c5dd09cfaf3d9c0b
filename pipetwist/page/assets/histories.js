// The last minutes of one kind of names, which every event goes to, and beside them the range that is chosen.

import { DEFAULT_RANGE, History } from "./history.js";

/** Both; where the range is the last minutes, they are one. */
export class Histories {
  constructor(range) {
    this.live = new History();
    this.choose(range);
  }

  /** Show another range, of which nothing is known yet but the names. */
  choose(range) {
    this.shown = this.live;
    if (range === DEFAULT_RANGE) return;
    this.shown = new History(range);
    this.shown.learn(this.live);
  }

  /** Note what an event says, as a History does. */
  push(time, flows, whole) {
    for (const one of new Set([this.live, this.shown])) one.push(time, flows, whole);
  }

  /** Somebody has set the clock by so many seconds. */
  clockSet(seconds) {
    for (const one of new Set([this.live, this.shown])) one.clockSet(seconds);
  }
}
