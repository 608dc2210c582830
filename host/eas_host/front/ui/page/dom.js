// What the other scripts share: finding and making elements, and writing numbers. Text is only ever set as text.

export function find(id) {
  return document.getElementById(id);
}

/** Sets the text of an element, if it is another: a screen reader and a selection are then left alone. */
export function say(id, text) {
  const element = find(id);
  if (element.textContent !== text) element.textContent = text;
}

/** Makes an element with properties and children, which are elements or texts. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Writes rows of texts and elements into the body of a table, and keeps the cells that stay the same. */
export function fillTable(id, rows) {
  const body = find(id);
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, number) => {
    const line = body.rows[number] ?? body.insertRow();
    row.forEach((content, column) => {
      const cell = line.cells[column] ?? line.insertCell();
      if (content instanceof Node) {
        if (cell.firstChild !== content) cell.replaceChildren(content);
      } else if (cell.textContent !== content) {
        cell.textContent = content;
      }
    });
  });
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(number) {
  let unit = 0;
  for (; number >= 1024 && unit < UNITS.length - 1; unit += 1) number /= 1024;
  return `${number.toFixed(unit && number < 100 ? 1 : 0)} ${UNITS[unit]}`;
}

export function seconds(number) {
  if (number < 1e-3) return `${Math.round(number * 1e6)} µs`;
  if (number < 1) return `${Number((number * 1e3).toPrecision(3))} ms`;
  return `${Number(number.toPrecision(3))} s`;
}

export function duration(total) {
  const whole = Math.floor(total);
  const parts = [[Math.floor(whole / 86400), "d"], [Math.floor(whole / 3600) % 24, "h"], [Math.floor(whole / 60) % 60, "min"], [whole % 60, "s"]];
  const first = Math.max(0, parts.findIndex(([value]) => value > 0));
  const from = parts.every(([value]) => value === 0) ? 3 : first;
  return parts.slice(from, from + 2).map(([value, unit]) => `${value} ${unit}`).join(" ");
}

export function count(number) {
  return number.toLocaleString("en");
}
