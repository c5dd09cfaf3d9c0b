// Rates over time, for each name: what the server had recorded, and what its events say since.

import { finder } from "./search.js";

/** What the charts can show, by the server's names: how many seconds, and how many of them make one point. */
export const RANGES = {
  "5m": { seconds: 300, step: 1, words: "the last five minutes" },
  "1h": { seconds: 3600, step: 1, words: "the last hour" },
  "24h": { seconds: 86400, step: 60, words: "the last 24 hours" },
};
export const DEFAULT_RANGE = "5m";
const FEW = 20; // names that are kept over any range
const DIRECTIONS = ["downlink", "uplink"];

/** By how many seconds the daemon's clock was set between two events, forward or back. */
export function clockStep(before, now) {
  const went = now.time - before.time;
  const passed = before.started === now.started ? now.uptime - before.uptime : Math.max(went, 1);
  return Math.abs(went - passed) > 1 ? went - passed : 0;
}

/** Whether nothing is known of what was between two moments. */
export function isGap(before, time, step = 1) {
  return time - before > Math.max(3, 2.5 * step);
}

/**
 * The rates of names over time: arrays beside each other, null where nothing is known.
 *
 * Over a long range only names that the server was asked for have them: thousands of names would fill the memory.
 */
export class History {
  constructor(range = DEFAULT_RANGE) {
    Object.assign(this, RANGES[range]);
    this.keepsAll = range === DEFAULT_RANGE;
    this.times = [];
    this.known = []; // of each time, whether it is one; else it stands for a gap
    this.names = new Map();
    this.began = null; // when the last point did
    this.events = 0; // that are in it
  }

  /** Note what an event says of one kind of names; where it is whole, names that it has not are gone. */
  push(time, flows, whole) {
    const last = this.times.at(-1);
    this.note(time, flows, whole);
    if (last !== undefined && time <= last) return;
    const gap = last !== undefined && isGap(last, time, this.step);
    if (gap) this.append(last + this.step, false, () => null); // nobody told us meanwhile
    const rate = (name, direction) => (Object.hasOwn(flows, name) ? flows[name][`${direction}_rate`] : 0);
    if (this.began !== null && !gap && time - this.began < this.step) this.average(time, rate);
    else {
      this.append(time, true, rate);
      this.began = time;
      this.events = 1;
    }
    this.trim();
  }

  /** Know the names that another history knows. */
  learn({ names, now }) {
    for (const { name, totals, noted } of names.values()) this.names.set(name, Object.assign(this.entry(name), { totals, noted }));
    this.now = now;
  }

  /** Somebody has set the clock by so many seconds: what is there came so much earlier, or later, by what it says now. */
  clockSet(seconds) {
    this.times = this.times.map((time) => time + seconds);
    if (this.began !== null) this.began += seconds;
  }

  note(time, flows, whole) {
    if (whole) for (const name of [...this.names.keys()]) if (!Object.hasOwn(flows, name)) this.names.delete(name);
    for (const [name, flow] of Object.entries(flows)) {
      if (!this.names.has(name)) this.names.set(name, this.entry(name));
      Object.assign(this.names.get(name), { totals: flow, noted: time });
    }
    this.now = time;
  }

  entry(name) {
    const one = { name, kept: false, downlink: [], uplink: [], sum: 0, totals: null, noted: null };
    if (this.keepsAll || this.names.size < FEW) this.keep(one);
    return one;
  }

  keep(one) {
    one.kept = true;
    for (const direction of DIRECTIONS) one[direction] = Array(this.times.length).fill(null);
  }

  *kept() {
    for (const one of this.names.values()) if (one.kept) yield one;
  }

  append(time, known, rate) {
    this.times.push(time);
    this.known.push(known);
    for (const one of this.kept()) {
      for (const direction of DIRECTIONS) {
        const value = rate(one.name, direction);
        one[direction].push(value);
        one.sum += value ?? 0;
      }
    }
  }

  /** The last point is the mean of several events. */
  average(time, rate) {
    this.times[this.times.length - 1] = time;
    this.events += 1;
    for (const one of this.kept()) {
      for (const direction of DIRECTIONS) {
        const before = one[direction].pop();
        const value = rate(one.name, direction);
        const mean = before === null || value === null ? (before ?? value) : before + (value - before) / this.events;
        one[direction].push(mean);
        one.sum += (mean ?? 0) - (before ?? 0);
      }
    }
  }

  trim() {
    const first = this.times.at(-1) - this.seconds - 2 * this.step;
    while (this.times[0] < first) {
      this.times.shift();
      this.known.shift();
      for (const one of this.kept()) one.sum -= (one.downlink.shift() ?? 0) + (one.uplink.shift() ?? 0);
    }
  }

  /** Fill what is not known with what the server had recorded: at these times, the rates of some names. */
  fill(times, flows) {
    for (const name of Object.keys(flows)) {
      const one = this.names.get(name);
      if (one && !one.kept) this.keep(one);
    }
    const latest = this.known.at(-1) ? this.times.at(-1) : null;
    const rows = this.merge(times);
    for (const one of this.kept()) {
      const flow = Object.hasOwn(flows, one.name) ? flows[one.name] : { downlink: [], uplink: [] };
      one.sum = 0;
      for (const direction of DIRECTIONS) {
        const [line, theirs] = [one[direction], flow[direction]];
        one[direction] = rows.map((row) => line[row.own] ?? theirs[row.theirs] ?? null);
        for (const value of one[direction]) one.sum += value ?? 0;
      }
    }
    this.times = rows.map(({ time }) => time);
    this.known = rows.map(({ own, theirs }) => own !== undefined || theirs !== undefined);
    if (this.times.at(-1) !== latest) this.began = null; // events of now make another point
    this.trim();
  }

  /** Our times and the server's in order, and where each is in our arrays or in the server's; in neither, it is a gap. */
  merge(times) {
    const ours = this.times.flatMap((time, own) => (this.known[own] ? [{ time, own }] : []));
    const rows = [...ours];
    let next = 0;
    times.forEach((time, theirs) => {
      while (next < ours.length && ours[next].time < time) next += 1;
      const near = [ours[next - 1], ours[next]].find((row) => row && Math.abs(row.time - time) < 0.75 * this.step);
      if (near) near.theirs = theirs;
      else rows.push({ time, theirs });
    });
    rows.sort((row, other) => row.time - other.time);
    return rows.flatMap((row, at) => {
      const before = rows[at - 1]?.time ?? row.time;
      return isGap(before, row.time, this.step) ? [{ time: before + this.step }, row] : [row];
    });
  }

  /** A name's rate at one of the times, or where that is null, by the last event. */
  rate(one, direction, at) {
    if (at !== null) return one[direction][at];
    return one.noted === this.now ? one.totals[`${direction}_rate`] : 0;
  }

  /** Those whose names have the words of this text in them, the busiest of the range first. */
  busiest(text = "") {
    const isFound = finder(text);
    return [...this.names.values()]
      .filter((one) => isFound(one.name))
      .sort((one, other) => other.sum - one.sum || (one.name < other.name ? -1 : 1));
  }
}
