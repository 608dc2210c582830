// The form that sends a request, its answer, and the command that sends the same.

import { base, hasToken, send } from "./api.js";
import { bytes, find, make, say, seconds } from "./dom.js";

const MAX_SHOWN = 64 * 1024; // bytes of an answer
const MAX_DUMPED = 4 * 1024; // bytes of one that is no text

let answerBody = null;

/** Reads `Name: value` lines. */
function readHeaders() {
  const lines = find("headers").value.split("\n").map((line) => line.trim()).filter((line) => line);
  return lines.map((line) => {
    const [, name, value] = line.match(/^([^:\s]+):\s*(.*)$/) ?? [];
    if (!name) throw new Error(`not a header: ${line}`);
    return [name, value];
  });
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function chosenFile() {
  return find("file").files[0] ?? null;
}

function writeCommand() {
  const path = find("path").value;
  const words = ["curl -i"];
  if (hasToken()) words.push('-H "Authorization: $TOKEN"');
  for (const line of find("headers").value.split("\n").map((one) => one.trim())) {
    if (line) words.push(`-H ${quote(line)}`);
  }
  if (find("method").value === "POST") {
    const file = chosenFile();
    words.push(file ? `--data-binary ${quote(`@${file.name}`)}` : `--data-raw ${quote(find("body").value)}`);
  }
  words.push(quote(`${location.origin}${base}${path}`));
  say("curl", words.join(" "));
}

function dump(data) {
  const lines = [];
  for (let start = 0; start < Math.min(data.length, MAX_DUMPED); start += 16) {
    const part = [...data.subarray(start, start + 16)];
    const codes = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${start.toString(16).padStart(8, "0")}  ${codes.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}

/** Writes what can be shown of a body: text if it is UTF-8 without control characters, else its bytes. */
function describe(data) {
  const part = data.subarray(0, MAX_SHOWN);
  try {
    // The end of the part may cut a character in two: `stream` leaves that out.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(part, { stream: part.length < data.length });
    if (!/[\u0000-\u0008\u000e-\u001f]/.test(text)) return part.length < data.length ? `${text}\n…` : text;
  } catch {
    // It is no text.
  }
  return data.length > MAX_DUMPED ? `${dump(data)}\n…` : dump(data);
}

async function sendRequest() {
  const method = find("method").value;
  const options = { method, headers: readHeaders() };
  if (method === "POST") options.body = chosenFile() ?? find("body").value;
  const began = performance.now();
  const answer = await send(find("path").value, options);
  const data = new Uint8Array(await answer.arrayBuffer());
  const took = (performance.now() - began) / 1000;
  answerBody = data;
  say("answer-headers", [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n"));
  say("answer-body", describe(data));
  find("answer").hidden = false;
  say("answer-status", `status ${answer.status} ${answer.statusText}, ${bytes(data.length)}, ${seconds(took)}`);
}

export function take(update) {
  const paths = update.models.map((model) => model.path);
  const path = find("path");
  if (path.dataset.first !== paths[0]) {
    if (!path.value || path.value === path.dataset.first) path.value = paths[0];
    path.dataset.first = paths[0];
  }
  const known = [...find("paths").children].map((option) => option.value);
  if (known.join() !== paths.join()) find("paths").replaceChildren(...paths.map((value) => make("option", { value })));
  writeCommand();
}

find("request").addEventListener("submit", async (event) => {
  event.preventDefault();
  find("send").disabled = true;
  say("answer-status", "waiting for the answer");
  try {
    await sendRequest();
  } catch (error) {
    const text = error.message === "Failed to fetch" ? "no answer: the connection failed" : error.message;
    find("answer").hidden = true;
    say("answer-status", text);
  }
  find("send").disabled = false;
});

find("request").addEventListener("input", writeCommand);

find("no-file").addEventListener("click", () => {
  find("file").value = "";
  writeCommand();
});

find("save").addEventListener("click", () => {
  const url = URL.createObjectURL(new Blob([answerBody]));
  make("a", { href: url, download: "answer.bin" }).click();
  URL.revokeObjectURL(url);
});
