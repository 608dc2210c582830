// The stream of updates. EventSource cannot send a token, so the events are read from the body of a fetch. It ends
// while the page is hidden, since nobody looks, and begins again when it is lost, ever more seldom.

import { ask } from "./api.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10000;

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Resolves as soon as the browser shows the page. */
function visible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", function shown() {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", shown);
      resolve();
    });
  });
}

/** Calls `take` with the data of each event in `body`, as the HTML standard, section 9.2.6, reads them. */
async function read(body, take) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (event.startsWith("data: ")) take(JSON.parse(event.slice(6)));
    }
  }
}

/**
 * Calls `onUpdate` with each update, `onState` with what becomes of the connection, and waits for `getToken` when the
 * host asks for one. Never returns.
 */
export async function watch(onUpdate, onState, getToken) {
  let wait = FIRST_PAUSE;
  for (;;) {
    await visible();
    const abort = new AbortController();
    const hide = () => document.hidden && abort.abort();
    document.addEventListener("visibilitychange", hide);
    try {
      const answer = await ask("/api/builtin/ui/events", { signal: abort.signal });
      await read(answer.body, (update) => {
        wait = FIRST_PAUSE;
        onState("live");
        onUpdate(update);
      });
      onState("the host has ended the connection; trying again");
    } catch (error) {
      if (error.status === 401) {
        onState("the host asks for a token");
        await getToken(error.message);
        continue;
      }
      if (!abort.signal.aborted) onState(error.status ? error.message : "the host does not answer; trying again");
    } finally {
      document.removeEventListener("visibilitychange", hide);
    }
    if (!abort.signal.aborted) await pause(wait);
    wait = Math.min(2 * wait, LONGEST_PAUSE);
  }
}
