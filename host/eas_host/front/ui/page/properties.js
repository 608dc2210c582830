// Live settings: asked for when an update has another mark of them. A field that is being edited keeps what is in it.

import { ask } from "./api.js";
import { find, make, say } from "./dom.js";

let mark = null;
const fields = new Map(); // by the property's name
let made = 0; // how many there ever were

async function change(name, value) {
  try {
    const body = JSON.stringify({ [name]: value });
    const headers = { "Content-Type": "application/json" };
    const values = await (await ask("/api/builtin/prop", { method: "POST", body, headers })).json();
    say("property-status", `${name} is now ${values[name]}`);
    fields.get(name)?.settle(values[name]);
  } catch (error) {
    say("property-status", error.status ? error.message : "the host does not answer");
  }
}

function addField(name) {
  made += 1;
  const id = `property-${made}`;
  const input = make("input", { id, autocomplete: "off", spellcheck: false });
  const button = make("button", { disabled: true }, "Set");
  button.setAttribute("aria-label", `Set ${name}`);
  let value = "";
  const field = {
    settle(text) {
      const edited = input.value !== value;
      value = text;
      if (!edited) input.value = text;
      button.disabled = input.value === value;
    },
    item: null,
  };
  input.addEventListener("input", () => {
    button.disabled = input.value === value;
  });
  const form = make("form", { className: "row" });
  form.append(make("div", { className: "grow" }, make("label", { htmlFor: id }, name), input), button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    change(name, input.value);
  });
  field.item = make("li", {}, form);
  find("properties").append(field.item);
  fields.set(name, field);
  return field;
}

export async function take(update) {
  if (update.properties === mark) return;
  mark = update.properties;
  try {
    const values = await (await ask("/api/builtin/prop")).json();
    for (const [name, value] of Object.entries(values)) (fields.get(name) ?? addField(name)).settle(value);
    for (const [name, field] of fields) {
      if (!(name in values)) {
        field.item.remove();
        fields.delete(name);
      }
    }
  } catch {
    mark = null; // the next update asks again
  }
}

find("new-property").addEventListener("submit", (event) => {
  event.preventDefault();
  change(find("property-name").value, find("property-value").value);
});
