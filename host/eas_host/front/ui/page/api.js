// Requests to the host that this page comes from. The token stays in memory: whatever else a browser could keep it in,
// another page of this origin could read.

/** What stands before /api/ in the page's address: nothing, or what a proxy has put there. */
export const base = location.pathname.replace(/\/api\/builtin\/ui\/[^/]*$/, "");

let token = "";

export function setToken(text) {
  token = text;
}

export function hasToken() {
  return token !== "";
}

/** Sends a request to `path`, which begins with a slash, with the token if there is one. */
export function send(path, options = {}) {
  const headers = new Headers(options.headers);
  if (token && !headers.has("Authorization")) headers.set("Authorization", token);
  return fetch(base + path, { ...options, headers, cache: "no-store", credentials: "omit", redirect: "error" });
}

/** An answer that is no success, with what the host says. */
export class Refused extends Error {
  constructor(status, text) {
    super(text.trim() || `status ${status}`);
    this.status = status;
  }
}

/** The answer to a request, or a `Refused` if it is no success. */
export async function ask(path, options) {
  const answer = await send(path, options);
  if (!answer.ok) throw new Refused(answer.status, await answer.text());
  return answer;
}
