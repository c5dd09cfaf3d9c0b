// The last five minutes of rates, for each name.

export const SECONDS = 300;

/** By how many seconds the daemon's clock was set between two events, forward or back. */
export function clockStep(before, now) {
  const went = now.time - before.time;
  const passed = before.started === now.started ? now.uptime - before.uptime : Math.max(went, 1);
  return Math.abs(went - passed) > 1 ? went - passed : 0;
}

/** The rates of names over time: arrays beside each other, null where nothing is known. */
export class History {
  constructor() {
    this.times = [];
    this.names = new Map();
  }

  /** Note what an event says of one kind of names; where it is whole, names that it has not are gone. */
  push(time, flows, whole) {
    const last = this.times.at(-1);
    if (last !== undefined && time <= last) return this.note(flows, whole);
    if (last !== undefined && time - last > 3) this.append(last + 1, () => null); // nobody told us meanwhile: a gap
    this.note(flows, whole);
    this.append(time, (name, direction) => (Object.hasOwn(flows, name) ? flows[name][`${direction}_rate`] : 0));
    while (this.times[0] < time - SECONDS - 2) this.shift();
  }

  /** Somebody has set the clock by so many seconds: what is there came so much earlier, or later, by what it says now. */
  clockSet(seconds) {
    this.times = this.times.map((time) => time + seconds);
  }

  note(flows, whole) {
    if (whole) for (const name of [...this.names.keys()]) if (!Object.hasOwn(flows, name)) this.names.delete(name);
    for (const [name, flow] of Object.entries(flows)) {
      if (!this.names.has(name)) {
        const unknown = () => Array(this.times.length).fill(null);
        this.names.set(name, { name, downlink: unknown(), uplink: unknown(), sum: 0, totals: flow });
      }
      this.names.get(name).totals = flow;
    }
  }

  append(time, rate) {
    this.times.push(time);
    for (const one of this.names.values()) {
      for (const direction of ["downlink", "uplink"]) {
        const value = rate(one.name, direction);
        one[direction].push(value);
        one.sum += value ?? 0;
      }
    }
  }

  shift() {
    this.times.shift();
    for (const one of this.names.values()) one.sum -= (one.downlink.shift() ?? 0) + (one.uplink.shift() ?? 0);
  }

  /** Those whose names have this text in them, the busiest of the last minutes first. */
  busiest(text = "") {
    const wanted = text.toLowerCase();
    return [...this.names.values()]
      .filter((one) => one.name.toLowerCase().includes(wanted))
      .sort((one, other) => other.sum - one.sum || (one.name < other.name ? -1 : 1));
  }
}
