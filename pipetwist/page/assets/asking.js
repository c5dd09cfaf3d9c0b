// Asks the server.

/** What it answers, as JSON; null where it does not. */
export async function ask(url) {
  const response = await fetch(url, { cache: "no-store" }).catch(() => null);
  return response?.ok ? response.json().catch(() => null) : null;
}
