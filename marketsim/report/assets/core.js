"use strict";
// What reports share: data, theme, charts with a table behind each, sortable tables. Text enters the page as text only.
const DATA = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const COARSE = matchMedia("(pointer: coarse)").matches;
const NARROW = () => innerWidth < 620;
const CIVIDIS = [[0, "#00224e"], [0.25, "#434e6c"], [0.5, "#7d7c78"], [0.75, "#bcae6c"], [1, "#fee838"]];
const PALETTES = {
  light: { blue: "#0072b2", sky: "#56b4e9", green: "#009e73", orange: "#e69f00", red: "#d55e00", purple: "#a8548a", grey: "#8b97a3",
    ink: "#16202b", soft: "#566372", line: "#dde2e8", panel: "#ffffff", mid: "#c9ced4" },
  dark: { blue: "#4aa8e0", sky: "#8fd0f5", green: "#2fc79a", orange: "#f0b429", red: "#f0803c", purple: "#d58fb9", grey: "#7c8895",
    ink: "#e6ebf0", soft: "#9eacba", line: "#2d3945", panel: "#18212a", mid: "#5b6773" },
};
const theme = () => document.documentElement.dataset.theme;
const colours = () => PALETTES[theme()];

const charts = {};
function chart(id, build, table) {
  const element = byId(id);
  if (!element) return;
  charts[id] = { element, build, table };
  draw(id);
}
function draw(id) {
  const own = charts[id];
  if (!own) return;
  const made = own.build(colours());
  showFigure(own.element, Boolean(made));
  if (!made) return;
  Plotly.react(own.element, made.traces, layoutOf(made.layout), {
    displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    displayModeBar: COARSE ? false : "hover", toImageButtonOptions: { format: "svg", filename: "marketsim-" + id },
  });
  const shown = document.querySelector('details[data-for="' + id + '"]');
  if (shown && shown.open) fillTable(shown);
}
function showFigure(element, shown) {
  const panel = element.closest(".panel");
  if (panel) panel.classList.toggle("hidden", !shown);
}
function layoutOf(extra) {
  const c = colours();
  const axis = { gridcolor: c.line, zerolinecolor: c.line, linecolor: c.line, tickcolor: c.line, automargin: true, title: { font: { size: 12 }, standoff: 8 } };
  const own = Object.assign({}, extra);
  const base = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: c.soft, size: 12, family: getComputedStyle(document.body).fontFamily },
    margin: { l: 54, r: 14, t: 8, b: 34 }, hovermode: "x unified", dragmode: COARSE ? false : "zoom",
    hoverlabel: { bgcolor: c.panel, bordercolor: c.line, font: { color: c.ink, size: 12 } },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal", font: { color: c.ink } }, bargap: 0,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: c.soft, activecolor: c.ink },
  };
  const made = Object.assign(base, own);
  for (const name of Object.keys(made)) if (/^[xy]axis/.test(name)) made[name] = Object.assign({}, axis, made[name], { title: Object.assign({}, axis.title, made[name].title) });
  return made;
}

function nameTheme() {
  const button = byId("theme");
  button.textContent = theme() === "dark" ? "Light" : "Dark";
  button.setAttribute("aria-pressed", String(theme() === "dark"));
}
function setTheme(name, keep) {
  document.documentElement.dataset.theme = name;
  nameTheme();
  if (keep) try { localStorage.setItem("marketsim-theme", name); } catch (error) { /* a page from a file may have no storage */ }
  for (const id of Object.keys(charts)) draw(id);
}
function wireTheme() {
  nameTheme();
  byId("theme").addEventListener("click", () => setTheme(theme() === "dark" ? "light" : "dark", true));
  let before = null;
  addEventListener("beforeprint", () => { before = theme(); if (before === "dark") setTheme("light", false); });
  addEventListener("afterprint", () => { if (before === "dark") setTheme("dark", false); });
}

const fmt = (value, digits) => value === null || value === undefined || Number.isNaN(value) ? "–"
  : typeof value === "number" ? value.toLocaleString("en", { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? 4 }) : String(value);
function cell(tag, text, isText) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (isText) made.className = "text";
  return made;
}
function fillTable(details) {
  const own = charts[details.dataset.for];
  const box = details.querySelector(".scroll");
  box.replaceChildren();
  if (!own || !own.table) return;
  const { head, rows, digits } = own.table();
  const table = document.createElement("table"), top = table.createTHead().insertRow(), body = table.createTBody();
  head.forEach((text, column) => { const th = cell("th", text, column === 0); th.scope = "col"; top.append(th); });
  for (const row of rows) {
    const tr = body.insertRow();
    row.forEach((value, column) => tr.append(cell("td", fmt(value, digits ? digits[column] : undefined), column === 0)));
  }
  box.append(table);
}
function wireTables() {
  for (const details of document.querySelectorAll("details.data")) details.addEventListener("toggle", () => { if (details.open) fillTable(details); });
}

// A table whose columns sort; `rows` are arrays, `head` is [label, unit, digits], texts are told by their type.
function sortable(table, head, rows, options) {
  let order = options.order ?? null, most = options.most ?? Infinity, wanted = "";
  const top = table.createTHead().insertRow(), body = table.createTBody();
  const isText = head.map((_, column) => rows.some((row) => typeof row[column] === "string"));
  head.forEach(([label, unit], column) => {
    const th = document.createElement("th"), button = document.createElement("button");
    th.scope = "col";
    if (isText[column]) th.className = "text";
    button.type = "button";
    button.textContent = label;
    th.append(button);
    if (unit) { const small = document.createElement("small"); small.textContent = unit; th.append(small); }
    button.addEventListener("click", () => {
      order = order && order.column === column ? { column, sign: -order.sign } : { column, sign: isText[column] ? 1 : -1 };
      show();
    });
    top.append(th);
  });
  function show() {
    let kept = wanted ? rows.filter((row) => row.some((value) => typeof value === "string" && value.toLowerCase().includes(wanted))) : rows.slice();
    if (order) {
      const { column, sign } = order;
      kept = kept.slice().sort((a, b) => a[column] === null ? 1 : b[column] === null ? -1
        : sign * (typeof a[column] === "string" ? a[column].localeCompare(b[column], "en", { numeric: true }) : a[column] - b[column]));
    }
    [...top.cells].forEach((th, column) => th.setAttribute("aria-sort", order && order.column === column ? (order.sign > 0 ? "ascending" : "descending") : "none"));
    body.replaceChildren(...kept.slice(0, most).map((row) => {
      const tr = document.createElement("tr");
      row.forEach((value, column) => tr.append(cell("td", fmt(value, head[column][2]), isText[column])));
      return tr;
    }));
    if (options.told) options.told(Math.min(kept.length, most), kept.length);
  }
  show();
  return { find(text) { wanted = text.toLowerCase(); show(); }, all() { most = Infinity; show(); } };
}

function unpack(packed) {
  const text = atob(packed.data), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const codes = new DataView(bytes.buffer), span = (packed.high - packed.low) / 65534;
  return (row, column) => {
    const code = codes.getUint16(2 * (row * packed.columns + column), true);
    return code === 65535 ? null : packed.low + code * span;
  };
}
const two = (number) => String(number).padStart(2, "0");
function moment(begin, minutes) {
  const at = new Date(Date.parse(begin + "Z") + minutes * 60000);
  return at.getUTCFullYear() + "-" + two(at.getUTCMonth() + 1) + "-" + two(at.getUTCDate()) + " " + two(at.getUTCHours()) + ":" + two(at.getUTCMinutes());
}
