"use strict";
(() => {
  const one = (id) => document.getElementById(id);
  const grid = one("grid");
  const cards = [...grid.children];
  const columns = JSON.parse(grid.dataset.columns);
  const words = new Map(cards.map((card) => [card, JSON.parse(card.dataset.cells).join(" ").toLowerCase()]));
  const number = (text) => (text === "" || Number.isNaN(Number(text)) ? null : Number(text));

  // Order: what has no value stands last, whichever way round.
  const order = () => {
    const { value, selectedOptions } = one("sort");
    const way = Number(selectedOptions[0].dataset.way) * (one("turn").ariaPressed === "true" ? -1 : 1);
    const compare = value === "scaffold"
      ? (a, b) => way * a.dataset.scaffold.localeCompare(b.dataset.scaffold)
      : (a, b) => {
        const [x, y] = [number(a.dataset[value]), number(b.dataset[value])];
        return x === null || y === null ? (x === null) - (y === null) : way * (x - y);
      };
    cards.sort((a, b) => compare(a, b) || a.dataset.rank - b.dataset.rank);
  };

  // Filters: a hit is shown that passes all.
  const passes = (card) => {
    const { score, active, inactive, alerts, inside, scaffold, frequent } = card.dataset;
    const nearest = Math.max(number(active) ?? 0, number(inactive) ?? 0);
    return words.get(card).includes(one("find").value.trim().toLowerCase())
      && Number(score) >= (number(one("least").value) ?? 0)
      && nearest >= (number(one("similar").value) ?? 0)
      && (!one("scaffold").value || scaffold === one("scaffold").value)
      && (!one("clean").checked || !alerts)
      && (!one("inside").checked || inside === "1")
      && (!one("rare").checked || frequent === "0");
  };
  const box = (card) => card.querySelector(".pick input");
  const shown = () => cards.filter((card) => !card.hidden);
  const chosen = () => cards.filter((card) => box(card).checked);
  const tell = () => {
    const selected = chosen().length ? `, ${chosen().length} selected` : "";
    one("count").textContent = `${shown().length} of ${cards.length} candidates${selected}`;
    one("empty").hidden = shown().length > 0;
  };

  // Groups: the first candidate of a scaffold stands for the others, which follow it when opened.
  const opened = new Set();
  const grouped = (some) => {
    const groups = new Map();
    for (const card of some) {
      const key = (one("group").checked && card.dataset.group) || card;
      groups.set(key, [...(groups.get(key) ?? []), card]);
    }
    return groups;
  };
  const arrange = () => {
    const groups = grouped(cards.filter(passes));
    for (const card of cards) {
      card.hidden = true;
      card.querySelector(".more").hidden = true;
    }
    for (const [key, [first, ...rest]] of groups) {
      const more = first.querySelector(".more");
      first.hidden = false;
      for (const card of rest) card.hidden = !opened.has(key);
      more.hidden = rest.length === 0;
      more.ariaExpanded = String(opened.has(key));
      more.textContent = `${opened.has(key) ? "hide" : "show"} ${rest.length} more with this scaffold`;
    }
    const arranged = [...groups.values()].flat();
    grid.append(...arranged, ...cards.filter((card) => !arranged.includes(card)));
    tell();
  };
  const toggle = (card) => {
    const { group } = card.dataset;
    if (!opened.delete(group)) opened.add(group);
    arrange();
    card.querySelector(".more").focus();
  };

  // What was chosen, as text; quoted as RFC 4180 has it.
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const cells = (card) => JSON.parse(card.dataset.cells);
  const csv = () => [columns, ...chosen().map(cells)].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
  const smiles = () => chosen().map((card) => {
    const row = cells(card);
    return `${row[columns.indexOf("smiles")]}\t${row[columns.indexOf("id")].replace(/\s+/g, " ")}`;
  }).join("\n") + "\n";
  const say = (text) => { one("said").textContent = text; };
  const copied = (text) => {
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      say(`${chosen().length} copied`);
    } catch {
      say(copied(text) ? `${chosen().length} copied` : "the browser refused to copy");
    }
  };
  const save = (text, name, type) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    say(`${chosen().length} saved`);
  };
  const withChoice = (act) => () => (chosen().length ? act() : say("select candidates first"));

  const choose = (some, on) => {
    for (const card of some) box(card).checked = on;
    tell();
  };
  document.querySelector("form.controls").addEventListener("submit", (event) => event.preventDefault());
  one("sort").addEventListener("change", () => { order(); arrange(); });
  one("turn").addEventListener("click", () => {
    one("turn").ariaPressed = String(one("turn").ariaPressed !== "true");
    order();
    arrange();
  });
  for (const id of ["find", "least", "similar", "scaffold", "clean", "inside", "rare", "group"]) one(id).addEventListener("input", arrange);
  for (const card of cards) card.querySelector(".more").addEventListener("click", () => toggle(card));
  grid.addEventListener("change", tell);
  one("all").addEventListener("click", () => choose(shown(), true));
  one("none").addEventListener("click", () => choose(cards, false));
  one("copy-smiles").addEventListener("click", withChoice(() => copy(smiles())));
  one("copy-csv").addEventListener("click", withChoice(() => copy(csv())));
  one("save-smiles").addEventListener("click", withChoice(() => save(smiles(), "hits.smi", "text/plain")));
  one("save-csv").addEventListener("click", withChoice(() => save(csv(), "hits.csv", "text/csv")));
  arrange();
})();
