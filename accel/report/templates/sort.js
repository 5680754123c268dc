"use strict";
// Puts a button into every heading of a sortable table; without this script the table reads the same, in network order.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.value !== undefined) return cell.dataset.value;
    const words = cell.textContent.trim();
    return cell.classList.contains("number") ? words.replaceAll(",", "") : words; // 1,234 sorts as 1234
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // what is absent stands last
    const difference = Number(a) - Number(b);
    return Number.isNaN(difference) ? a.localeCompare(b, undefined, { numeric: true }) : difference;
  };
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const numeric = heading.classList.contains("number");
      const steps = numeric ? ["none", "descending", "ascending"] : ["none", "ascending", "descending"];
      const order = steps[(steps.indexOf(heading.getAttribute("aria-sort")) + 1) % steps.length];
      for (const each of headings) each.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", order);
      const sign = order === "descending" ? -1 : 1;
      const sorted = [...original].sort((a, b) => {
        const left = key(a, column);
        const right = key(b, column);
        return left === "" || right === "" ? compare(left, right) : sign * compare(left, right);
      });
      body.append(...(order === "none" ? original : sorted));
    });
  });
}
