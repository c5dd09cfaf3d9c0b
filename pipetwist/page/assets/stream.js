// Reads server-sent events. Not with EventSource, which does not report why a server refuses, and does not notice
// when it vanishes silently.

const SILENCE = 6000; // milliseconds; a server that is there sends something each second

/**
 * Follow a stream of events.
 *
 * event(kind, data) is called for each with its JSON read, and ended(why) once when it is over, unless it is closed from here.
 * Returns what closes it.
 */
export function follow(url, { event, ended }) {
  const abort = new AbortController();
  let silence = 0;
  let open = true;

  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => over("No data for some seconds."), SILENCE);
  };
  const close = () => {
    open = false;
    clearTimeout(silence);
    abort.abort();
  };
  const over = (why) => {
    if (!open) return;
    close();
    ended(why);
  };

  heard();
  read(url, abort.signal, (kind, data) => {
    if (!open) return;
    heard();
    event(kind, data);
  }).then(over, (error) => over(error instanceof Refusal ? error.message : ""));
  return close;
}

class Refusal extends Error {}

async function read(url, signal, event) {
  const response = await fetch(url, { signal, cache: "no-store", headers: { Accept: "text/event-stream" } });
  if (!response.ok) throw new Refusal(`The server answered: ${(await response.text()).trim().slice(0, 200)}.`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return "";
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((line) => [line.split(":", 1)[0], line.slice(line.indexOf(":") + 2)]));
      if (fields.has("data")) event(fields.get("event"), JSON.parse(fields.get("data")));
    }
  }
}
