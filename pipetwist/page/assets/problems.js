// What went wrong since the start: counts of it, and, opened, a list of each kind.

import { FAILURES, REJECTIONS } from "./causes.js";
import { byId, fill, make, say } from "./elements.js";
import { showConnection } from "./ended.js";
import { count, moment } from "./format.js";

const RECENT = 300; // seconds; what is older is not worth an alarm

/** Show them, as they are now, in seconds since the epoch; null where the server does not tell them. */
export function showProblems(problems, now) {
  if (problems === null) return say(byId("problems-count"), "The server does not tell them now.");
  const lists = listsOf(problems);
  say(byId("problems-count"), counts(problems).join(", ") || "Nothing has gone wrong since the start.");
  byId("problems-count").classList.toggle("bad", isAlarming(problems, now));
  if (!byId("problems").open) return;
  const shown = lists.filter(([, items]) => items.length);
  fill(byId("problems-lists"), ...shown.flatMap(([title, items]) => [make("h3", {}, title), make("ul", {}, ...items)]));
  byId("problems-none").hidden = shown.length > 0;
}

function counts({ not_listening, reload, failed, bad_commands, commands, rejected, dropped, lost_records, reached }) {
  return [
    ...not_listening.map(({ name }) => `${name} does not listen`),
    reload && "the last reload failed",
    failed && many(failed, "failure"),
    bad_commands.length && `${many(commands, "command")} ended badly`,
    rejected && `${many(rejected, "client")} rejected`,
    dropped && `${many(dropped, "datagram")} dropped`,
    lost_records && `${many(lost_records, "connection record")} lost`,
    reached && `${many(reached, "limit")} reached`,
  ].filter(Boolean);
}

function isAlarming({ not_listening, reload, failures, bad_commands, rejections }, now) {
  const times = [failures, bad_commands, rejections].flat().map(({ time }) => time);
  return not_listening.length > 0 || reload !== null || Math.max(0, ...times) > now - RECENT;
}

function listsOf(problems) {
  const { refused } = problems;
  return [
    ["Not listening", problems.not_listening.map(({ name, address }) => item(name, address && ` at ${address}`))],
    ["Last reload", problems.reload ? [item(moment(problems.reload.time), `: ${problems.reload.problem}`)] : []],
    ["Failures", problems.failures.map((one) => failure(one, FAILURES[one.cause] ?? one.cause))],
    ["Commands that ended badly", problems.bad_commands.map((one) => failure(one, "ended badly"))],
    [
      "Rejected clients",
      problems.rejections.map((one) => item(one.inbound, `: ${count(one.count)} ${REJECTIONS[one.cause] ?? one.cause}, the last ${moment(one.time)}.`)),
    ],
    ["Refused by limits", Object.entries(refused).map(([limit, number]) => item(limit, `: ${count(number)}.`))],
    ["Dropped datagrams", problems.drops.map((one) => item(way(one), `: ${count(one.count)}.`))],
    [
      "Limits that were reached",
      problems.limits.map((one) => item(one.whose, `, ${one.limit}: ${one.what}; ${many(one.count, "time")}, the last ${moment(one.time)}.`)),
    ],
    ["Lost connection records", problems.lost_records ? [item(count(problems.lost_records), " that the file lacks.")] : []],
  ];
}

function failure(one, what) {
  return item(way(one), `: ${count(one.count)} ${what}, the last ${moment(one.time)}, number `, number(one.id), `: ${one.reason}`);
}

/** The number that a connection has in the log; a click shows it among those that have ended. */
function number(id) {
  const link = make("a", { href: `#ended-${id}` }, String(id));
  link.addEventListener("click", (event) => {
    event.preventDefault();
    showConnection(id);
  });
  return link;
}

function way({ inbound, outbound }) {
  return outbound === null ? inbound : `${inbound} → ${outbound}`;
}

function item(title, ...rest) {
  return make("li", {}, make("strong", {}, title), ...rest);
}

function many(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}
