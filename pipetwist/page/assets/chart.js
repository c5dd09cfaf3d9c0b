// Moving charts, drawn by uPlot.

import { colour, faint, onColours } from "./colours.js";
import { axisRate } from "./format.js";
import { DEFAULT_RANGE, RANGES } from "./history.js";

const { uPlot } = window;
const FONT = "11px Inter, system-ui, sans-serif";
// Steps of an axis of rates that are round in binary units.
const STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power);

// Every so many seconds of a range, by its length, a time stands below the chart.
const TICKS = { 300: 60, 3600: 600, 86400: 4 * 3600 };
const NOTHING = { times: [], ...RANGES[DEFAULT_RANGE] };

/** What the charts show: a history's range, up to its last event. */
const range = ({ times, seconds }) => {
  const now = times.at(-1) ?? Date.now() / 1000;
  return [now - seconds, now];
};

function start(host, options, data) {
  const size = () => ({ width: Math.max(1, host.clientWidth), height: Math.max(1, host.clientHeight) });
  const chart = new uPlot({ ...options, ...size(), legend: { show: false } }, data, host);
  new ResizeObserver(() => chart.setSize(size())).observe(host);
  onColours(() => chart.redraw(false));
  return chart;
}

/** A chart of several names: the uplink of each above the line, its downlink below. */
export class Throughput {
  /** Slots are the lines at most; at(index) is told where the pointer is, null being nowhere. */
  constructor(host, slots, at) {
    this.slots = slots;
    this.history = NOTHING;
    this.raised = null;
    const axis = {
      stroke: () => colour("--muted"),
      font: FONT,
      ticks: { show: false },
      grid: { stroke: () => colour("--grid"), width: 1 },
    };
    const two = (value) => String(value).padStart(2, "0");
    const clock = (seconds) => {
      const time = new Date(seconds * 1000);
      const [start, end] = range(this.history);
      const margin = 0.04 * (end - start);
      if (seconds < start + margin || seconds > end - margin) return ""; // it would be cut off
      return `${two(time.getHours())}:${two(time.getMinutes())}`;
    };
    this.chart = start(
      host,
      {
        padding: [20, 2, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: "pipetwist" }, points: { show: false } },
        scales: {
          x: { time: true, range: () => range(this.history) },
          y: { range: (_, low, high) => this.bounds(low, high) },
        },
        axes: [
          { ...axis, size: 22, incrs: () => [TICKS[this.history.seconds]], space: 10, values: (_, splits) => splits.map(clock), grid: { show: false } },
          { ...axis, size: 66, space: 30, incrs: STEPS, values: (_, splits) => splits.map(axisRate) },
        ],
        series: [{}, ...Array.from({ length: slots }, (_, slot) => [this.line(slot), this.line(slot)]).flat()],
        hooks: {
          setCursor: [(chart) => at(chart.cursor.left >= 0 ? (chart.cursor.idx ?? null) : null)],
          drawAxes: [zeroLine],
        },
      },
      [[], ...Array.from({ length: 2 * slots }, () => [])],
    );
  }

  line(slot) {
    const property = `--line-${slot + 1}`;
    const opacity = () => (this.raised === null || this.raised === slot ? 1 : 0.12);
    return {
      width: 1.5,
      points: { show: false },
      stroke: () => faint(property, opacity()),
      fill: () => faint(property, 0.07 * opacity()),
    };
  }

  bounds(low, high) {
    const most = Math.max(high ?? 0, -(low ?? 0), 1024);
    return [Math.min((low ?? 0) * 1.1, -0.3 * most), Math.max((high ?? 0) * 1.1, 0.12 * most)];
  }

  /** Bring one slot to the fore; null for none. */
  raise(slot) {
    if (this.raised === slot) return;
    this.raised = slot;
    this.chart.redraw(false);
  }

  /** Draw these names, each in the slot that it stands in; an empty slot is null. */
  draw(history, names) {
    this.history = history;
    const { times } = history;
    const nothing = Array(times.length).fill(null);
    const lines = names.flatMap((one) =>
      one?.kept ? [one.uplink, one.downlink.map((value) => (value === null ? null : -value))] : [nothing, nothing],
    );
    this.chart.setData([times, ...lines]);
  }
}

function zeroLine(chart) {
  const { ctx, bbox } = chart;
  const y = Math.round(chart.valToPos(0, "y", true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = colour("--muted");
  ctx.globalAlpha = 0.5;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** One line without anything around it. */
export class Spark {
  constructor(host, property) {
    this.history = NOTHING;
    this.chart = start(
      host,
      {
        padding: [2, 0, 0, 0],
        cursor: { show: false },
        scales: { x: { time: true, range: () => range(this.history) }, y: { range: (_, low, high) => [0, Math.max(high ?? 0, 1024)] } },
        axes: [{ show: false }, { show: false }],
        series: [
          {},
          { width: 1.5, points: { show: false }, stroke: () => faint(property, 0.9), fill: () => faint(property, 0.14) },
        ],
      },
      [[], []],
    );
  }

  /** Draw these rates. */
  draw(history, rates) {
    this.history = history;
    this.chart.setData([history.times, rates]);
  }
}
