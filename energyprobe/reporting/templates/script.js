"use strict";

const status = document.getElementById("status");

function key(row, column) {
  const cell = row.cells[column];
  return "key" in cell.dataset ? Number(cell.dataset.key) : null;
}

function compare(column, numbers) {
  return (one, other) => {
    if (!numbers) {
      return one.cells[column].textContent.localeCompare(other.cells[column].textContent, "en", { numeric: true });
    }
    return key(one, column) - key(other, column);
  };
}

function sort(table, header, original) {
  const column = header.cellIndex;
  const numbers = original.some((row) => key(row, column) !== null);
  const orders = numbers ? ["descending", "ascending", null] : ["ascending", "descending", null];
  const order = orders[(orders.indexOf(header.getAttribute("aria-sort")) + 1) % orders.length];
  const known = original.filter((row) => !numbers || key(row, column) !== null);
  const unknown = original.filter((row) => !known.includes(row));
  if (order) {
    known.sort(compare(column, numbers));
    if (order === "descending") known.reverse();
  }
  for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
  if (order) header.setAttribute("aria-sort", order);
  table.tBodies[0].append(...(order ? [...known, ...unknown] : original));
  const name = header.textContent;
  status.textContent = order ? `Sorted by ${name}, ${order}` : "In the order of the network";
}

for (const table of document.querySelectorAll("table.sortable")) {
  const original = [...table.tBodies[0].rows];
  for (const header of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent.trim() || "name";
    header.replaceChildren(button);
    button.addEventListener("click", () => sort(table, header, original));
  }
}

for (const text of document.querySelectorAll("#bibtex pre")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy BibTeX";
  text.before(button);
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
      status.textContent = button.textContent = "Copied";
    } catch {
      status.textContent = button.textContent = "Selected: copy it with your keyboard";
    }
  });
}
