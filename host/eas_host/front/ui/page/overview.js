// The numbers, the latency histogram and the workers. An update has counters since the start of the host; what they
// have grown by between two updates makes the rates, and the histogram of the last minute.

import { bytes, count, duration, fillTable, find, make, say, seconds } from "./dom.js";

const RATES = 120; // the points of the curve, one a second
const MINUTE = 60; // seconds

let updates = [];
let rates = [];
const meters = [];

function total(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function less(ours, theirs) {
  return ours.map((number, index) => number - theirs[index]);
}

/** Returns how long a share of the requests took at most: a straight line through the bucket, as Prometheus has it. */
function quantile(buckets, bounds, share) {
  const rank = share * total(buckets);
  let below = 0;
  for (let index = 0; index < bounds.length; index += 1) {
    if (buckets[index] && below + buckets[index] >= rank) {
      const start = index ? bounds[index - 1] : 0;
      return seconds(start + ((bounds[index] - start) * (rank - below)) / buckets[index]);
    }
    below += buckets[index];
  }
  return `more than ${seconds(bounds[bounds.length - 1])}`;
}

function remember(update) {
  const last = updates[updates.length - 1];
  if (last && update.uptime < last.uptime) {
    updates = []; // another host
    rates = [];
  }
  updates.push(update);
  while (updates.length > 2 && updates[1].uptime <= update.uptime - MINUTE) updates.shift();
}

function showNumbers(update) {
  const before = updates[updates.length - 2];
  if (before && update.uptime > before.uptime) {
    const answered = total(update.buckets) - total(before.buckets);
    const rate = answered / (update.uptime - before.uptime);
    say("rate", rate < 10 ? rate.toFixed(1) : count(Math.round(rate)));
    say("mean", answered ? seconds((update.seconds - before.seconds) / answered) : "–");
    rates = [...rates, rate].slice(-RATES);
    const most = Math.max(1, ...rates);
    say("peak", `${count(Math.round(most))} requests/s`);
    const points = rates.map((value, index) => `${RATES - rates.length + index},${(29 - (28 * value) / most).toFixed(2)}`);
    find("rates").firstElementChild.setAttribute("points", points.join(" "));
  }
  const room = total(update.models.map((model) => model.room));
  say("queue", `${count(update.waiting)} of ${count(room)}`);
  say("busy", `${update.busy} of ${update.threads}`);
  say("connections", count(update.connections));
  say("uptime", duration(update.uptime));
  const statuses = Object.entries(update.requests).map(([status, number]) => `${status}: ${count(number)}`);
  say("statuses", statuses.join(", ") || "none");
  const deaths = Object.entries(update.deaths).map(([cause, number]) => `${cause}: ${number}`);
  find("deaths-line").hidden = deaths.length === 0;
  say("deaths", deaths.join(", "));
}

function showService(update) {
  const model = update.model ? `, model ${update.model}` : "";
  const counted = update.models.length === 1 ? "1 model" : `${update.models.length} models`;
  const what = update.processor ? `${update.processor}${model}` : counted;
  say("service", update.service);
  say("about", `${what} · eas-host ${update.version}`);
  say("ready", update.not_ready === null ? "ready" : `not ready: ${update.not_ready}`);
  find("ready").className = `badge ${update.not_ready === null ? "good" : "bad"}`;
  document.title = `${update.service} – eas-host`;
  const models = update.models.filter((one) => one.name !== null);
  find("models-box").hidden = models.length === 0;
  fillTable("models", models.map((one) => [one.name, one.not_ready ?? "ready", `${one.waiting} of ${one.room}`]));
}

function showLatency(update) {
  const { bounds } = update;
  const recent = find("latency-span").value === "minute";
  const buckets = recent ? less(update.buckets, updates[0].buckets) : update.buckets;
  const all = total(buckets);
  const shares = [0.5, 0.9, 0.99];
  const texts = shares.map((share) => `${100 * share}\u00a0% up to ${quantile(buckets, bounds, share)}`);
  say("quantiles", all ? texts.join(", ") : "no requests");
  const used = buckets.map((number, index) => (number ? index : -1)).filter((index) => index >= 0);
  const rows = used.length ? buckets.map((_, index) => index).slice(used[0], used[used.length - 1] + 1) : [];
  fillTable("latency", rows.map((index, row) => {
    const bound = index < bounds.length ? seconds(bounds[index]) : "more";
    meters[row] ??= make("meter", { max: 1 });
    meters[row].value = buckets[index] / all;
    meters[row].setAttribute("aria-label", `share of requests up to ${bound}`);
    return [bound, count(buckets[index]), meters[row]];
  }));
}

function showWorkers(update) {
  fillTable("workers", update.workers.map((worker) => [
    worker.model === null ? String(worker.worker) : `${worker.model} ${worker.worker}`,
    String(worker.pid),
    bytes(worker.resident_bytes),
    String(worker.threads),
    String(worker.descriptors),
  ]));
}

function show(update) {
  showService(update);
  showNumbers(update);
  showLatency(update);
  showWorkers(update);
}

export function take(update) {
  remember(update);
  show(update);
}

find("latency-span").addEventListener("change", () => {
  if (updates.length) showLatency(updates[updates.length - 1]);
});
