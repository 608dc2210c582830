// Begins to watch, and hands each update to the parts of the page.

import { setToken } from "./api.js";
import { find, say } from "./dom.js";
import * as failures from "./failures.js";
import * as overview from "./overview.js";
import * as properties from "./properties.js";
import * as request from "./request.js";
import { watch } from "./stream.js";

const parts = [overview, request, failures, properties];
let refused = false; // whether the host knows another token than the one that was given

/** Asks for the token, and resolves when there is one. */
function getToken(why) {
  const form = find("token-form");
  form.hidden = false;
  say("token-error", refused ? why : "");
  find("token").focus();
  return new Promise((resolve) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      setToken(find("token").value);
      refused = true;
      form.hidden = true;
      find("token").value = "";
      find("main").focus();
      resolve();
    };
  });
}

watch(
  (update) => {
    refused = false;
    for (const part of parts) part.take(update);
  },
  (state) => {
    say("connection", state);
    find("connection").className = state === "live" ? "good" : "bad";
  },
  getToken,
);
