// Formats figures for people.

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const SPACE = "\u00a0";
const number = new Intl.NumberFormat("en-US");

/** 1234567 as 1,234,567. */
export function count(value) {
  return number.format(value);
}

/** Bytes with two or three digits in binary units, as the command pipetwist writes them: 1.5 KiB, 640 MiB. */
export function bytes(value) {
  let size = Math.abs(value);
  if (size < 1024) return `${size}${SPACE}B`;
  let unit = -1;
  do {
    size /= 1024;
    unit += 1;
  } while (size >= 999.5 && unit < UNITS.length - 1);
  return size.toFixed(size < 99.95 ? 1 : 0) + SPACE + UNITS[unit];
}

/** Bytes a second; a dash where it is not known. */
export function rate(value) {
  return value === null || value === undefined ? "–" : `${bytes(Math.round(value))}/s`;
}

/** A rate as short as an axis wants it. */
export function axisRate(value) {
  return value === 0 ? "0" : rate(value).replace(".0", "");
}

/** Seconds in the two largest units that count: 7384 as 2h 3m. */
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "m"],
    [whole % 60, "s"],
  ];
  const largest = parts.findIndex(([value]) => value > 0);
  if (largest === -1) return "0s";
  return parts
    .slice(largest, largest + 2)
    .map(([value, unit]) => `${value}${unit}`)
    .join(SPACE);
}

/** A moment of a day as 14:03:22. */
export function time(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

/** The same with its date, where that is not today's. */
export function when(seconds, now = new Date()) {
  return new Date(seconds * 1000).toDateString() === now.toDateString() ? time(seconds) : moment(seconds);
}

/** A moment as 2026-01-31 14:03. */
export function moment(seconds) {
  const at = new Date(seconds * 1000);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
