"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  document.documentElement.classList.add("js");

  // Views: the controls of each kind select the one table that is visible.
  const selected = { summary: {}, paired: {} };
  const showViews = (kind) => {
    for (const view of all(`.view[data-kind="${kind}"]`)) {
      const { scope, choice } = view.dataset;
      const { scope: wantedScope, choice: wantedChoice } = selected[kind];
      const inScope = !scope || wantedScope === undefined || scope === wantedScope;
      view.classList.toggle("on", choice === wantedChoice && inScope);
    }
  };
  for (const control of all("[data-controls]")) {
    const { controls: kind, field } = control.dataset;
    const read = () => {
      selected[kind][field] = control.value ?? control.querySelector(":checked").value;
      showViews(kind);
    };
    control.addEventListener("change", read);
    read();
  }

  // Models: pressing one highlights it in every chart. Each model has its own color.
  const focus = document.head.appendChild(document.createElement("style"));
  const highlight = (color) => {
    const mine = `:not([stroke="${color}"]):not([fill="${color}"])`;
    const marks = ".by-model .role-mark :is(path, line):is([stroke], [fill])";
    focus.textContent = color
      ? `${marks}${mine} { opacity: .1 } .by-model .mark-area path[fill="${color}"] { opacity: .25 }`
      : "";
  };
  const keys = all(".keys button");
  const pressed = () => keys.find((key) => key.ariaPressed === "true")?.dataset.color;
  for (const key of keys) {
    key.addEventListener("click", () => {
      const on = key.ariaPressed !== "true";
      keys.forEach((other) => { other.ariaPressed = String(on && other === key); });
      highlight(pressed());
    });
    key.addEventListener("pointerenter", () => highlight(key.dataset.color));
    key.addEventListener("pointerleave", () => highlight(pressed()));
  }

  // Tooltips: the description of a mark.
  const tip = one("#tip");
  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest?.(".role-mark [aria-label]");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.getAttribute("aria-label");
    const { left, top } = mark.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(left, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(8, top - tip.offsetHeight - 8)}px`;
  });

  // Assays: support size, search, order, details.
  const table = one("#assay-table");
  const bodies = all("tbody.assay", table);
  const support = one("#support");
  const showScores = () => {
    for (const row of all("tr.row", table)) {
      const cells = all("td.score", row);
      const values = cells.map((cell) => cell.dataset.scores.split(",")[support.value]);
      const best = Math.max(...values.filter((value) => value !== "").map(Number));
      cells.forEach((cell, column) => {
        const value = values[column];
        cell.dataset.value = value;
        cell.textContent = value === "" ? "–" : Number(value).toFixed(3).replace("-", "−");
        cell.style.setProperty("--v", value === "" ? 0 : Math.max(0, Math.min(1, value / 0.5)));
        cell.classList.toggle("best", value !== "" && Number(value) === best);
      });
    }
  };

  const search = one("#search");
  const filters = all("[data-filter]");
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    const required = filters.filter((box) => box.checked).map((box) => box.dataset.filter);
    let shown = 0;
    for (const body of bodies) {
      body.hidden = !body.dataset.text.includes(wanted)
        || required.some((name) => body.dataset[name] !== "yes");
      shown += body.hidden ? 0 : 1;
    }
    one("#count").textContent = shown === bodies.length
      ? `${shown} assays` : `${shown} of ${bodies.length} assays`;
  };

  // Columns to the right of the visible part are announced above the table.
  const scroll = one("#assay-scroll");
  const hint = one("#more-models");
  const announce = () => {
    const { right } = scroll.getBoundingClientRect();
    const cut = all("thead th.score", table)
      .filter((header) => header.getBoundingClientRect().right > right + 1).length;
    hint.hidden = cut === 0;
    hint.textContent = `Scroll the table sideways for ${cut} more model${cut === 1 ? "" : "s"} →`;
  };
  scroll.addEventListener("scroll", announce, { passive: true });
  addEventListener("resize", announce);

  const headers = all("thead th", table);
  const number = (value) => (value === "" || Number.isNaN(Number(value)) ? null : Number(value));
  const compare = (kind, a, b) => {
    if (kind === "text") return a.localeCompare(b, "en", { numeric: true });
    return number(a) - number(b);
  };
  const missing = (kind, value) => (kind === "number" ? number(value) === null : value === "");
  const order = (column) => {
    const header = headers[column];
    const { sort: kind } = header.querySelector("button").dataset;
    const descending = header.ariaSort === "descending";
    const value = (body) => body.rows[0].cells[column].dataset.value ?? "";
    const sorted = [...bodies].sort((first, second) => {
      const [a, b] = [value(first), value(second)];
      const lacks = missing(kind, a) - missing(kind, b);
      return lacks || (descending ? compare(kind, b, a) : compare(kind, a, b));
    });
    table.append(...sorted);
  };
  headers.forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => {
      const first = header.classList.contains("num") ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const now = header.ariaSort === first ? second : first;
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.ariaSort = now;
      order(column);
    });
  });
  const reorder = () => {
    const column = headers.findIndex((header) => header.ariaSort);
    if (column >= 0) order(column);
  };

  for (const button of all(".open", table)) {
    button.addEventListener("click", () => {
      const open = button.ariaExpanded !== "true";
      button.ariaExpanded = String(open);
      document.getElementById(button.getAttribute("aria-controls")).classList.toggle("on", open);
    });
  }
  search.addEventListener("input", filter);
  filters.forEach((box) => box.addEventListener("change", filter));
  support.addEventListener("change", () => { showScores(); reorder(); });
  showScores();
  filter();
  announce();
})();
