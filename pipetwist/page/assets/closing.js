// Closes connections, where the server lets this page do it.

import { ask } from "./asking.js";

let token = null;

/** Ask for this load's token; whether the page may close connections. */
export async function mayClose() {
  token = (await ask("/api/token"))?.token ?? null;
  return token !== null;
}

/** Close a connection of the daemon that was started at this time; what to say where it was not closed. */
export async function close(id, started) {
  const url = `/api/close?${new URLSearchParams({ id: `${id}@${Math.round(started * 1000)}` })}`;
  const response = await fetch(url, { method: "POST", headers: { "X-Pipetwist-Token": token } }).catch(() => null);
  if (response === null) return "The server does not answer.";
  if (!response.ok) return (await response.text()).trim().slice(0, 200);
  return (await response.json()).closed ? "" : "It is closed already.";
}
