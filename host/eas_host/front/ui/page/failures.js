// The last failures: asked for when an update says that there are others.

import { ask } from "./api.js";
import { find, make } from "./dom.js";

let shown = null;

function entry(failure) {
  const time = new Date(1000 * failure.when);
  const times = failure.times > 1 ? `${failure.times} times, the last at ` : "";
  const item = make(
    "li",
    {},
    make("p", { className: "bad" }, failure.cause),
    make("p", { className: "quiet" }, times, make("time", { dateTime: time.toISOString() }, time.toLocaleString())),
    make("p", { className: "quiet" }, failure.request),
  );
  if (failure.frames.trim()) {
    const frames = make("pre", { tabIndex: 0, role: "region" }, failure.frames.trim());
    frames.setAttribute("aria-label", `Where the processor was: ${failure.cause.slice(0, 80)}`);
    item.append(frames);
  }
  return item;
}

export async function take(update) {
  if (update.failures === shown) return;
  shown = update.failures;
  try {
    const failures = await (await ask("/api/builtin/ui/failures")).json();
    find("no-failures").hidden = failures.length > 0;
    find("failures").replaceChildren(...failures.map(entry));
  } catch {
    shown = null; // the next update asks again
  }
}
