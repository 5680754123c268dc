// Puts a choice above a table for every column that says data-filter; without this script the table shows all rows.
for (const table of document.querySelectorAll("table.filtered")) {
  const rows = [...table.tBodies[0].rows];
  const headings = [...table.tHead.rows[0].cells];
  const bar = document.createElement("form");
  bar.className = "filters";
  bar.setAttribute("aria-label", "Filters");
  bar.addEventListener("submit", (event) => event.preventDefault());
  const count = document.createElement("output");
  const chosen = new Map();
  const words = (row, column) => row.cells[column].textContent.trim();
  const apply = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = [...chosen].some(([column, value]) => value !== "" && words(row, column) !== value);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${rows.length} shown`;
  };
  headings.forEach((heading, column) => {
    if (heading.dataset.filter === undefined) return;
    const values = [...new Set(rows.map((row) => words(row, column)))];
    if (values.length < 2) return;
    values.sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    const label = document.createElement("label");
    label.textContent = heading.dataset.filter;
    const select = document.createElement("select");
    select.append(new Option("all", ""), ...values.map((value) => new Option(value, value)));
    select.addEventListener("change", () => {
      chosen.set(column, select.value);
      apply();
    });
    label.append(select);
    bar.append(label);
  });
  bar.append(count);
  apply();
  table.closest(".scroll").before(bar);
}
