// What the causes of failures mean, after a number of connections.

export const FAILURES = {
  connect: "could not be connected",
  inactivity: "ended since no byte had moved for too long",
  client: "aborted by the client",
  server: "failed at the server",
  refused: "refused or ended by a limit",
  internal: "failed in pipetwist itself",
};
/** Those of clients that became no connection. */
export const REJECTIONS = { refused: "refused", handshake: "failed in the TLS handshake", internal: "could not be served" };
