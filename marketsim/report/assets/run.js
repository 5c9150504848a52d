// The page of a run.
const S = DATA.series, STRETCHES = DATA.stretches;
const UNIT = DATA.daily ? "day" : "slot";
const length = Math.max(0, ...Object.values(S).map((column) => column.length));
const X = Array.from({ length }, (_, i) => moment(DATA.begin, i * DATA.step));
const END = moment(DATA.begin, length * DATA.step);
const now = { stretch: 0, slot: 0 };
const stretch = () => STRETCHES[now.stretch];
const slotCount = () => stretch().grid ? stretch().grid.slots.length : Math.max(1, ...Object.values(stretch().series).map((c) => c.length));
const slotNumber = () => stretch().grid ? stretch().grid.slots[now.slot] : stretch().begin + now.slot;
const slotTime = () => moment(DATA.begin, slotNumber() * DATA.minutes);

// Steps hold their value to the end of the last slot.
function line(name, y, colour, more) {
  const made = Object.assign({ type: "scatter", mode: "lines", name, x: X, y, line: { color: colour, width: 2 } }, more);
  if (made.line.shape === "hv" && y.length) Object.assign(made, { x: [...X, END], y: [...y, y[y.length - 1]] });
  return made;
}
const dated = (extra) => Object.assign({ type: "date", range: [X[0], END], hoverformat: DATA.daily ? "%a %d %b %Y" : "%a %d %b, %H:%M", nticks: NARROW() ? 4 : 9 }, extra);
const step = { shape: "hv" };
function here(c) {
  if (DATA.daily) return [];
  return [{ type: "line", x0: slotTime(), x1: slotTime(), yref: "paper", y0: 0, y1: 1, line: { color: c.soft, width: 1, dash: "dot" } }];
}
function columnsTable(names, labels) {
  const have = names.filter((name) => S[name]);
  return { head: [DATA.daily ? "Day" : "Begin of slot", ...have.map((name) => labels[names.indexOf(name)])],
    rows: X.map((x, i) => [DATA.daily ? x.slice(0, 10) : x, ...have.map((name) => S[name][i])]) };
}

function prices(c) {
  if (!S.price && !S.retail) return null;
  const dash = { width: 1.6, dash: "dash" };
  const traces = [];
  if (S.retail) traces.push(line("retail", S.retail, c.red, { line: Object.assign({ color: c.red }, dash, step) }));
  if (S.feed_in) traces.push(line("feed-in", S.feed_in, c.green, { line: Object.assign({ color: c.green }, dash, step) }));
  if (S.price_min) traces.push({ type: "bar", name: "lowest to highest trade", x: X, base: S.price_min, y: S.price_max.map((high, i) => high === null ? null : high - S.price_min[i]), offset: 0, width: DATA.step * 60000,
    customdata: S.price_max, marker: { color: c.sky + "77", line: { width: 0 } }, hovertemplate: "%{base:.4f} to %{customdata:.4f}" });
  if (S.price) traces.push(line("mean of trades", S.price, c.blue, { line: Object.assign({ color: c.blue, width: 2.4 }, step), mode: S.price.length < 200 ? "lines+markers" : "lines", marker: { size: 4 } }));
  return { traces, layout: { xaxis: dated(), yaxis: { title: { text: DATA.currency + "/kWh" }, rangemode: "tozero", tickformat: ".2f" }, shapes: here(c) } };
}
const FLOWS = [["p2p", "from peers", 1, "blue"], ["import", "from the utility", 1, "orange"], ["export", "to the utility", -1, "green"], ["curtailed", "curtailed", -1, "red"]];
function volumes(c) {
  const traces = FLOWS.filter(([name]) => S[name]).map(([name, label, sign, colour]) => ({
    type: "bar", name: label, x: X, y: S[name].map((v) => v === null ? null : sign * v), customdata: S[name], marker: { color: c[colour], line: { width: 0 } },
    offset: 0, hovertemplate: "%{customdata:,.1f} kWh",
  }));
  const width = DATA.step * 60000;
  for (const trace of traces) trace.width = width;
  if (S.demand) traces.push(line("demand", S.demand, c.ink, { line: Object.assign({ color: c.ink, width: 1.4 }, step), hovertemplate: "%{y:,.1f} kWh" }));
  if (S.pv) traces.push(line("PV used", S.pv, c.ink, { line: Object.assign({ color: c.ink, width: 1.4, dash: "dot" }, step), hovertemplate: "%{y:,.1f} kWh" }));
  return { traces, layout: { barmode: "relative", xaxis: dated(), yaxis: { title: { text: "kWh a " + UNIT }, tickformat: ",~s" }, shapes: here(c) } };
}
function voltages(c) {
  if (!S.v_min) return null;
  const band = DATA.map && DATA.map.band;
  const traces = [line("lowest bus", S.v_min, c.blue), line("highest bus", S.v_max, c.green, { fill: "tonexty", fillcolor: c.sky + "33" })];
  const shapes = here(c);
  if (band) for (const at of band) {
    traces.push({ type: "scatter", mode: "lines", name: "limit", x: [X[0], END], y: [at, at], line: { color: c.red, dash: "dash", width: 1.6 }, showlegend: at === band[0], hoverinfo: "skip" });
  }
  return { traces, layout: { xaxis: dated({ nticks: 5 }), yaxis: { title: { text: "p.u." }, tickformat: ".3f" }, shapes } };
}
function loadings(c) {
  if (!S.loading) return null;
  const traces = [line("most loaded branch", S.loading, c.purple, { fill: "tozeroy", fillcolor: c.purple + "22", hovertemplate: "%{y:.1f} %" }),
    { type: "scatter", mode: "lines", name: "limit", x: [X[0], END], y: [100, 100], line: { color: c.red, dash: "dash", width: 1.6 }, hoverinfo: "skip" }];
  return { traces, layout: { xaxis: dated({ nticks: 5 }), yaxis: { title: { text: "% of rating" }, rangemode: "tozero" }, shapes: here(c) } };
}
const SCORES = [["ftg", "FTG", "blue", "circle"], ["fbs", "FBS", "orange", "square"], ["fpp", "FPP", "green", "diamond"], ["ftb", "FTB (buyers)", "purple", "cross"]];
function scores(c) {
  const traces = SCORES.filter(([name]) => S[name]).map(([name, label, colour, symbol]) => line(label, S[name], c[colour], {
    mode: length < 200 ? "lines+markers" : "lines", marker: { symbol, size: 5 }, line: { color: c[colour], width: 1.7 }, visible: name === "ftb" ? "legendonly" : true, hovertemplate: "%{y:.3f}" }));
  return traces.length ? { traces, layout: { xaxis: dated(), yaxis: { title: { text: "score" }, range: [-0.03, 1.03] }, shapes: here(c) } } : null;
}
function bills(c) {
  const saved = DATA.agents.values[11];
  const rows = DATA.agents.names.map((name, i) => [name, saved[i]]).filter((row) => row[1] !== null).sort((a, b) => b[1] - a[1]);
  if (!rows.length) return null;
  const x = rows.map((_, i) => i), y = rows.map((row) => row[1]), apart = Math.ceil(rows.length / (NARROW() ? 26 : 110));
  const named = x.filter((i) => i % apart === 0), cut = (text) => text.length > 22 ? text.slice(0, 21) + "…" : text;
  return { traces: [{ type: "bar", x, y, customdata: rows.map((row) => escapeMarkup(row[0])), marker: { color: y.map((v) => v < 0 ? c.red : c.blue) }, hovertemplate: "%{customdata}: %{y:,.2f} " + DATA.currency + "<extra></extra>" }],
    layout: { hovermode: "closest", showlegend: false, bargap: rows.length > 150 ? 0 : 0.15, xaxis: { title: { text: apart > 1 ? "one agent of " + apart + " is named" : "" }, showgrid: false, zeroline: false, tickvals: named, ticktext: named.map((i) => escapeMarkup(cut(rows[i][0]))), tickangle: -90, tickfont: { size: named.length > 60 ? 9 : 11 }, range: [-0.6, rows.length - 0.4] }, yaxis: { title: { text: "saves [" + DATA.currency + "]" } } } };
}
const named = (text) => text.replace(/_/g, " ");
function shares(c) {
  const of = DATA.shared;
  if (!of) return null;
  const looks = { alone: ["grey", "line-ew-open"], paid: ["ink", "circle"], slot_prices: ["blue", "square"], equal_gain: ["orange", "diamond"], shapley: ["green", "cross"] };
  const x = of.names.map((_, i) => i), apart = Math.ceil(x.length / (NARROW() ? 26 : 110)), shown = x.filter((i) => i % apart === 0), cut = (text) => text.length > 22 ? text.slice(0, 21) + "…" : text;
  const traces = Object.entries(of.columns).map(([name, y]) => ({ type: "scatter", mode: "markers", name: named(name), x, y, text: of.names.map(escapeMarkup), marker: { color: c[looks[name][0]], symbol: looks[name][1], size: x.length > 60 ? 6 : 9, line: { width: name === "alone" ? 2 : 0, color: c[looks[name][0]] } },
    error_y: name === "shapley" && of.errors ? { type: "data", array: of.errors, color: c.green, thickness: 1, width: 2 } : undefined, hovertemplate: "%{text}: %{y:,.2f} " + DATA.currency }));
  return { traces, layout: { hovermode: "closest", xaxis: { title: { text: apart > 1 ? "one agent of " + apart + " is named" : "" }, tickvals: shown, ticktext: shown.map((i) => escapeMarkup(cut(of.names[i]))), tickangle: -90, zeroline: false, range: [-0.6, x.length - 0.4] }, yaxis: { title: { text: "pays [" + DATA.currency + "]" } } } };
}
function sharesTable() {
  const of = DATA.shared, names = Object.keys(of.columns);
  return { head: ["Agent", ...names.map((name) => named(name) + " [" + DATA.currency + "]"), ...(of.errors ? ["standard error of shapley"] : [])], rows: of.names.map((agent, i) => [agent, ...names.map((name) => of.columns[name][i]), ...(of.errors ? [of.errors[i]] : [])]), digits: [0, ...names.map(() => 2), 3] };
}
function why() {
  const of = DATA.shared, table = byId("bill"), select = byId("whose");
  if (!of || !table) return;
  of.names.forEach((name, i) => { const option = document.createElement("option"); option.value = i; option.textContent = name; select.append(option); });
  const show = () => {
    const lines = of.bills[Number(select.value)], sum = lines.reduce((total, line) => total + line[3], 0);
    const head = [["Energy", "", 0], ["In slots where", "", 0], ["At the meter", "kWh", 2], ["Pays", DATA.currency, 4]];
    table.replaceChildren();
    sortable(table, head, [...lines.map(([cause, situation, kwh, money]) => [cause || "–", situation, kwh, money]), ["together", "", null, sum]], {});
  };
  select.addEventListener("change", show);
  show();
}
function overDays(here, there, title, scale) {
  return (c) => {
    const of = DATA.equity;
    if (!of) return null;
    const x = of[here].map((_, day) => moment(DATA.begin, day * 1440)), y = (name) => of[name].map((v) => v === null ? null : scale * v);
    const traces = [[there, "utility only", "grey", "dash"], [here, "this run", "blue", "solid"]].filter(([name]) => of[name].some((v) => v !== null)).map(([name, label, colour, dash]) => ({ type: "scatter", mode: x.length < 60 ? "lines+markers" : "lines", name: label, x, y: y(name), line: { color: c[colour], dash, width: 2 }, marker: { size: 5 }, hovertemplate: "%{y:.4~g}" }));
    return { traces, layout: { xaxis: { type: "date", hoverformat: "%a %d %b %Y", nticks: 5 }, yaxis: { title: { text: title } } } };
  };
}
function daysTable(here, there, title) {
  return () => ({ head: ["Day", title, title + ", utility only"], rows: DATA.equity[here].map((v, day) => [moment(DATA.begin, day * 1440).slice(0, 10), v, DATA.equity[there][day]]) });
}
function peak(c) {
  const of = DATA.peak;
  if (!of) return null;
  const traces = [{ type: "scatter", mode: "lines", name: "all agents together", x: of.share, y: of.kw, line: { color: c.blue, width: 2, shape: "vh" }, fill: "tozeroy", fillcolor: c.blue + "22", hovertemplate: "%{y:,.2f} kW or more in %{x:.1f} % of slots" }];
  if (of.alone !== null && of.alone !== undefined) traces.push({ type: "scatter", mode: "lines", name: "peak with the utility alone", x: [0, 100], y: [of.alone, of.alone], line: { color: c.grey, dash: "dash", width: 1.6 }, hoverinfo: "skip" });
  return { traces, layout: { hovermode: "closest", xaxis: { title: { text: "% of slots" }, range: [0, 100] }, yaxis: { title: { text: "kW" } } } };
}
const REFUSED = [["trade", "trade between peers", "blue"], ["export", "on its way to the utility", "green"], ["supply", "on its way from the utility", "orange"]];
function refusals(c) {
  const rows = DATA.refused.slice().reverse();
  if (!rows.length) return null;
  const most = NARROW() ? 18 : 34, cut = (text) => text.length > most ? text.slice(0, most - 1) + "…" : text;
  const label = rows.map((row) => escapeMarkup(cut(row.element)) + (NARROW() ? "<br>" : " · ") + escapeMarkup(row.reason));
  const longest = Math.max(...rows.map((row) => Math.max(row.curtailed, row.trade + row.export + row.supply)));
  const y = rows.map((_, i) => i);
  const traces = REFUSED.filter(([name]) => rows.some((row) => row[name] > 0)).map(([name, text, colour]) => ({
    type: "bar", orientation: "h", name: text, y, x: rows.map((row) => row[name]), marker: { color: c[colour] }, customdata: rows.map((row) => row.times), hovertemplate: "%{x:,.1f} kWh, refused %{customdata:,} times" }));
  if (rows.some((row) => row.curtailed > 0)) traces.push({ type: "scatter", mode: "markers", name: "PV curtailed", y, x: rows.map((row) => row.curtailed), marker: { symbol: "diamond", size: 11, color: c.red, line: { color: c.panel, width: 1.5 } }, hovertemplate: "%{x:,.1f} kWh" });
  return { traces, layout: { barmode: "stack", bargap: 0.3, height: Math.max(200, 90 + (NARROW() ? 42 : 32) * rows.length), hovermode: "y unified", xaxis: { title: { text: "kWh" }, range: [0, 1.04 * longest] },
    yaxis: { tickvals: y, ticktext: label, tickfont: { size: 11 }, showgrid: false, zeroline: false, range: [-0.6, rows.length - 0.4] } } };
}
// Plotly reads markup in texts: whatever a name brings of it is shown as letters.
function escapeMarkup(text) { return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"); }
function curtailment(c) {
  const traces = [["refused", "refused", "purple"], ["curtailed", "PV curtailed", "red"]].filter(([name]) => S[name]).map(([name, label, colour]) =>
    line(label, S[name], c[colour], { line: Object.assign({ color: c[colour], width: 2 }, step), fill: "tozeroy", fillcolor: c[colour] + "22", hovertemplate: "%{y:,.1f} kWh" }));
  return traces.length ? { traces, layout: { xaxis: dated(), yaxis: { title: { text: "kWh a " + UNIT }, rangemode: "tozero" }, shapes: here(c) } } : null;
}

function levelPrices(book, row) { return book.prices.length === 1 ? book.prices[0] : book.prices[row]; }
function depth() {
  const book = stretch().book;
  if (!book) return null;
  const x = book.bid.map((_, i) => moment(DATA.begin, (stretch().begin + i) * DATA.minutes));
  const levels = book.bid[0].map((_, level) => level), grid = (side) => levels.map((level) => book[side].map((row) => row[level]));
  const most = Math.max(1e-6, ...book.bid.flat(), ...book.ask.flat());
  const price = levelPrices(book, 0), text = levels.map((level) => book.prices.length === 1 ? price[level].toFixed(3) : Math.round(100 * level / (levels.length - 1)) + " %");
  const map = (side, yaxis) => ({ type: "heatmap", x, y: levels, z: grid(side).map((row) => row.map((v) => v ? Math.sqrt(v) : null)), customdata: grid(side), yaxis, zmin: 0, zmax: Math.sqrt(most), colorscale: CIVIDIS,
    showscale: side === "ask", hovertemplate: "%{x|%H:%M}, %{text}: %{customdata:,.1f} kWh<extra>" + side + "s</extra>", text: levels.map((level) => x.map(() => text[level])),
    colorbar: { title: { text: "kWh" }, thickness: 10, outlinewidth: 0, tickvals: [0, 0.25, 0.5, 1].map((s) => Math.sqrt(most * s)), ticktext: [0, 0.25, 0.5, 1].map((s) => fmt(most * s, most < 20 ? 1 : 0)) } });
  const ticks = [0, 5, 10, 15, 20];
  const axis = (title, domain) => ({ title: { text: title }, domain, tickvals: ticks, ticktext: ticks.map((t) => text[t]), showgrid: false, zeroline: false, range: [-0.6, levels.length - 0.4] });
  return { traces: [map("bid", "y"), map("ask", "y2")], layout: { hovermode: "closest", height: 400, xaxis: dated({ nticks: NARROW() ? 3 : 5, showgrid: false, anchor: "y2", range: [x[0], moment(DATA.begin, (stretch().begin + x.length) * DATA.minutes)] }), yaxis: axis("bids", [0.54, 1]), yaxis2: axis("asks", [0, 0.46]),
    shapes: [{ type: "line", x0: slotTime(), x1: slotTime(), yref: "paper", y0: 0, y1: 1, line: { color: colours().red, width: 1.5, dash: "dot" } }] } };
}
function curve(book, row, side) {
  const price = levelPrices(book, row), energy = book[side][row], order = side === "bid" ? [...price.keys()].reverse() : [...price.keys()];
  const points = { x: [0], y: [price[order[0]]] };
  let sum = 0;
  for (const level of order) {
    points.x.push(sum, sum + energy[level]);
    points.y.push(price[level], price[level]);
    sum += energy[level];
  }
  return points;
}
function curves(c) {
  const book = stretch().book;
  if (!book) return null;
  const row = slotNumber() - stretch().begin, own = stretch().series;
  const traded = own.p2p ? own.p2p[row] : null, price = own.price ? own.price[row] : null;
  const demand = curve(book, row, "bid"), supply = curve(book, row, "ask");
  const traces = [
    { type: "scatter", mode: "lines", name: "demand (bids)", x: demand.x, y: demand.y, line: { color: c.blue, width: 2.4 }, hovertemplate: "bids of %{x:,.1f} kWh at %{y:.3f} or more<extra></extra>" },
    { type: "scatter", mode: "lines", name: "supply (asks)", x: supply.x, y: supply.y, line: { color: c.orange, width: 2.4 }, hovertemplate: "asks of %{x:,.1f} kWh at %{y:.3f} or less<extra></extra>" },
  ];
  if (traded && price !== null) traces.push({ type: "scatter", mode: "markers", name: "traded, at the mean price", x: [traded], y: [price], marker: { color: c.red, size: 11, symbol: "x-thin", line: { width: 3, color: c.red } }, hovertemplate: "%{x:,.1f} kWh at %{y:.4f}<extra></extra>" });
  const every = levelPrices(book, row);
  const pad = 0.06 * (every[every.length - 1] - every[0] || 1);
  return { traces, layout: { hovermode: "closest", height: 400, xaxis: { title: { text: "kWh" }, rangemode: "tozero" }, yaxis: { title: { text: DATA.currency + "/kWh" }, range: [every[0] - pad, every[every.length - 1] + pad], tickformat: ".2f" } } };
}
function curvesTable() {
  const book = stretch().book, row = slotNumber() - stretch().begin, price = levelPrices(book, row);
  return { head: ["Price [" + DATA.currency + "/kWh]", "Bids at this level [kWh]", "Asks at this level [kWh]"], rows: price.map((p, level) => [p.toFixed(5), book.bid[row][level], book.ask[row][level]]), digits: [5, 1, 1] };
}
function depthTable() {
  const book = stretch().book;
  const sum = (row) => row.reduce((a, b) => a + b, 0);
  return { head: ["Begin of slot", "Bids [kWh]", "Asks [kWh]"], rows: book.bid.map((row, i) => [moment(DATA.begin, (stretch().begin + i) * DATA.minutes), sum(row), sum(book.ask[i])]), digits: [0, 1, 1] };
}

// The feeder.
const BINS = [[0, 0.1], [0.1, 0.25], [0.25, 0.5], [0.5, 0.75], [0.75, 1], [1, Infinity]];
const BIN_LABELS = ["under 10 %", "10–25 %", "25–50 %", "50–75 %", "75–100 %", "over 100 %"];
const BIN_WIDTHS = [1.2, 1.8, 2.6, 3.6, 4.8, 6];
const binColours = () => theme() === "dark" ? ["#5f6f8c", "#7d8696", "#9c9c8c", "#c4b566", "#fee838", "#f0803c"] : ["#b9c4d6", "#8f9fb8", "#64779b", "#3d4f7c", "#00224e", "#d55e00"];
const readers = new Map();
function state() {
  const own = stretch().grid;
  if (!readers.has(own)) readers.set(own, { v: unpack(own.v), loading: unpack(own.loading), net: unpack(own.net) });
  return readers.get(own);
}
function pathOf(branch) {
  const m = DATA.map, a = m.from[branch], b = m.to[branch];
  const bend = !m.geographic && TREE.has(branch);
  if (!bend) return [[m.x[a], m.x[b]], [m.y[a], m.y[b]]];
  const [p, q] = m.x[a] <= m.x[b] ? [a, b] : [b, a];
  return [[m.x[p], m.x[p], m.x[q]], [m.y[p], m.y[q], m.y[q]]];
}
const TREE = new Set(DATA.map ? DATA.map.tree : []), UNRATED = new Set(DATA.map ? DATA.map.unrated : []), TRAFOS = new Set(DATA.map ? DATA.map.trafo : []);
function limits() {
  const m = DATA.map;
  if (byId("scale").value === "range") return [stretch().grid.v.low, stretch().grid.v.high];
  return m.band || [0.95, 1.05];
}
function map(c) {
  const m = DATA.map, own = state(), row = now.slot, groups = BINS.map(() => ({ x: [], y: [] })), bare = { x: [], y: [] }, hover = { x: [], y: [], text: [] }, trafos = { x: [], y: [] };
  m.branches.forEach((name, branch) => {
    const load = UNRATED.has(branch) ? null : own.loading(row, branch), [x, y] = pathOf(branch);
    const group = load === null ? bare : groups[BINS.findIndex(([low, high]) => load >= low && load < high)];
    group.x.push(...x, null); group.y.push(...y, null);
    const at = [(x[x.length - 1] + x[x.length - 2]) / 2, (y[y.length - 1] + y[y.length - 2]) / 2];
    hover.x.push(at[0]); hover.y.push(at[1]);
    hover.text.push("<b>" + escapeMarkup(name) + "</b><br>" + (load === null ? "no rating" : "loading " + (100 * load).toFixed(1) + " %"));
    if (TRAFOS.has(branch)) { trafos.x.push(at[0]); trafos.y.push(at[1]); }
  });
  const ramp = binColours(), traces = groups.map((group, i) => ({ type: "scatter", mode: "lines", name: BIN_LABELS[i], x: group.x.length ? group.x : [null], y: group.y.length ? group.y : [null], line: { color: ramp[i], width: BIN_WIDTHS[i] }, hoverinfo: "skip", showlegend: true }));
  traces.unshift({ type: "scatter", mode: "lines", name: "no rating", x: bare.x, y: bare.y, line: { color: c.line, width: 1.4 }, hoverinfo: "skip", showlegend: bare.x.length > 0 });
  traces.push({ type: "scatter", mode: "markers", x: hover.x, y: hover.y, text: hover.text, hovertemplate: "%{text}<extra></extra>", marker: { size: 12, opacity: 0 }, showlegend: false });
  if (trafos.x.length) traces.push({ type: "scatter", mode: "markers", name: "transformer", x: trafos.x, y: trafos.y, hoverinfo: "skip", marker: { symbol: "hourglass", size: 12, color: c.ink }, showlegend: true });
  const [low, high] = limits(), marks = (NARROW() ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]).map((part) => low + part * (high - low)), v = m.buses.map((_, node) => own.v(row, node)), out = v.map((value, node) => value !== null && node > 0 && (value < m.low[node] || (m.high[node] !== null && value > m.high[node])));
  const few = m.buses.length < 400 && !NARROW(), size = m.buses.map((_, node) => (m.agents[node] ? (few ? 9 : 6) : (few ? 5.5 : 3.5)) + (out[node] ? 4 : 0) + (node === 0 ? 5 : 0));
  traces.push({ type: "scatter", mode: "markers", x: m.x, y: m.y, text: m.buses.map((name, node) => "<b>bus " + escapeMarkup(name) + "</b>" + (node ? "" : " (source)") + "<br>" + (v[node] === null ? "not solved" : v[node].toFixed(4) + " p.u.")
      + "<br>" + fmt(own.net(row, node), 1) + " kW net" + (m.agents[node] ? "<br>" + escapeMarkup(m.agents[node]) : "")), hovertemplate: "%{text}<extra></extra>", showlegend: false,
    marker: { size, color: v, cmin: low, cmax: high, symbol: m.buses.map((_, node) => node === 0 ? "square" : out[node] ? "diamond" : "circle"), line: { color: out.map((bad) => bad ? c.ink : c.panel), width: out.map((bad) => bad ? 2 : few ? 0.7 : 0) },
      colorscale: [[0, c.blue], [0.5, c.mid], [1, c.red]], colorbar: Object.assign({ title: { text: "p.u.", side: "right" }, thickness: 11, outlinewidth: 0, tickvals: marks, ticktext: marks.map((mark) => mark.toFixed(high - low < 0.02 ? 4 : 3)) }, NARROW() ? { orientation: "h", y: 1, yanchor: "bottom", len: 0.9 } : { len: 0.9, x: 1.01, xpad: 4 }) } });
  const bare_axis = { visible: false, automargin: false };
  const few_lanes = { xaxis: bare_axis, yaxis: Object.assign({}, bare_axis, m.geographic ? { scaleanchor: "x" } : {}) };
  mapText(v, out, row, own);
  return { traces, layout: Object.assign({ hovermode: "closest", margin: { l: 6, r: 6, t: 6, b: 6 }, uirevision: "map", legend: { orientation: "h", x: 0, y: 0, yanchor: "top", font: { color: c.ink }, title: { text: "loading  " }, itemclick: false, itemdoubleclick: false } }, few_lanes) };
}
function mapText(v, out, row, own) {
  const known = v.map((value, node) => [value, node]).filter(([value, node]) => value !== null && node > 0);
  if (!known.length) { byId("map-text").textContent = "This slot has no solution."; return; }
  const low = known.reduce((a, b) => b[0] < a[0] ? b : a), high = known.reduce((a, b) => b[0] > a[0] ? b : a), count = out.filter(Boolean).length;
  let most = null;
  DATA.map.branches.forEach((name, branch) => { const load = UNRATED.has(branch) ? null : own.loading(row, branch); if (load !== null && (most === null || load > most[0])) most = [load, name]; });
  byId("map-text").textContent = slotTime() + ": lowest " + low[0].toFixed(4) + " p.u. at bus " + DATA.map.buses[low[1]] + ", highest " + high[0].toFixed(4) + " at bus " + DATA.map.buses[high[1]]
    + (most ? ", highest loading " + (100 * most[0]).toFixed(1) + " % on " + most[1] : "") + (count ? "; " + count + " buses out of band." : "; all buses in their band.");
}
function mapTable() {
  const own = state(), m = DATA.map;
  const buses = m.buses.map((name, node) => ["bus " + name, own.v(now.slot, node), own.net(now.slot, node), null]);
  return { head: ["Bus or branch", "Voltage [p.u.]", "Net injection [kW]", "Loading [%]"], digits: [0, 4, 1, 1],
    rows: buses.concat(m.branches.map((name, branch) => { const load = UNRATED.has(branch) ? null : own.loading(now.slot, branch); return [name, null, null, load === null ? null : 100 * load]; })) };
}

// Plans of an expert beside what was metered: of all together, or of one agent.
function planSeries() {
  const own = stretch().plans, chosen = byId("plan-agent").value;
  const of = (packed) => { const read = unpack(packed); return Array.from({ length: own.slots }, (_, row) => read(row, Number(chosen))); };
  return DATA.plans.points.map((point) => {
    const at = own[point.name];
    return Object.assign({}, point, chosen === "all" ? { planned: at.planned, done: at.done } : { planned: of(at.agents.planned), done: of(at.agents.done) });
  });
}
const planTimes = (more) => Array.from({ length: stretch().plans.slots + more }, (_, i) => moment(DATA.begin, (stretch().begin + i) * DATA.minutes));
function plans(c) {
  const every = planSeries(), used = every.filter((point) => [...point.planned, ...point.done].some((v) => Math.abs(v ?? 0) > 1e-3)), shown = used.length ? used : every;
  const x = planTimes(1), held = (y) => [...y, y[y.length - 1]], gap = 0.3 / Math.max(3, shown.length), size = (1 - gap * (shown.length - 1)) / shown.length;
  const layout = { height: 110 + 125 * shown.length, xaxis: dated({ range: [x[0], x[x.length - 1]], hoverformat: "%a %d %b, %H:%M", anchor: shown.length > 1 ? "y" + shown.length : "y" }),
    shapes: [{ type: "line", x0: slotTime(), x1: slotTime(), yref: "paper", y0: 0, y1: 1, line: { color: c.soft, width: 1, dash: "dot" } }], annotations: [] };
  const traces = shown.flatMap((point, i) => {
    const axis = i ? "y" + (i + 1) : "y", top = 1 - i * (size + gap), hovertemplate = "%{y:,.1f} " + point.unit;
    layout[i ? "yaxis" + (i + 1) : "yaxis"] = { domain: [Math.max(0, top - size), top], title: { text: point.unit }, tickformat: ",~f", nticks: 4 };
    layout.annotations.push({ text: point.label, x: 0, xref: "paper", xanchor: "left", y: top, yref: "paper", yanchor: "bottom", showarrow: false, font: { color: c.ink, size: 12 } });
    const kind = { type: "scatter", mode: "lines", x, yaxis: axis, hovertemplate };
    return [Object.assign({}, kind, { name: i ? point.label + ", metered" : "metered", y: held(point.done), showlegend: i === 0, legendgroup: "done", line: { color: c.blue, width: 2, shape: "hv" } }),
      Object.assign({}, kind, { name: i ? point.label + ", planned" : "planned", y: held(point.planned), showlegend: i === 0, legendgroup: "planned", line: { color: c.orange, width: 1.8, dash: "dash", shape: "hv" } })];
  });
  layout.legend = { orientation: "h", x: 1, xanchor: "right", y: 1.02, yanchor: "bottom", traceorder: "normal", font: { color: c.ink } };
  return { traces, layout };
}
function planTable() {
  const own = planSeries(), digits = [0, ...own.flatMap(() => [1, 1])];
  return { digits, head: ["Begin of slot", ...own.flatMap((point) => ["planned", "metered"].map((which) => point.label + ", " + which + " [" + point.unit + "]"))],
    rows: planTimes(0).map((at, row) => [at, ...own.flatMap((point) => [point.planned[row], point.done[row]])]) };
}
function wirePlans() {
  const select = byId("plan-agent");
  if (!select) return;
  DATA.plans.names.forEach((name, i) => { const option = document.createElement("option"); option.value = i; option.textContent = name; select.append(option); });
  select.addEventListener("change", () => draw("plan-chart"));
  chart("plan-chart", plans, planTable);
}

function criticChart(c) {
  const of = DATA.critic, diagonal = { type: "scatter", mode: "lines", x: [0, 1], y: [0, 1], line: { color: c.grey, dash: "dash", width: 1 }, hoverinfo: "skip", showlegend: false };
  const traces = SCORES.slice(0, 3).map(([name, label, colour, symbol]) => ({ type: "scatter", mode: "markers", name: label, x: of.rule[name], y: of.critic[name], text: of.slots.map((slot) => moment(DATA.begin, slot * DATA.minutes)),
    marker: { color: c[colour], symbol, size: 6, opacity: 0.7 }, hovertemplate: "%{text}: rule %{x:.3f}, critic %{y:.3f}" }));
  return { traces: [diagonal, ...traces], layout: { hovermode: "closest", xaxis: { title: { text: "the rule's score" }, range: [-0.03, 1.03] }, yaxis: { title: { text: "the critic's score" }, range: [-0.03, 1.03] } } };
}
function criticTable() {
  const of = DATA.critic, names = ["ftg", "fbs", "fpp"];
  return { head: ["Begin of slot", ...names.flatMap((name) => [name.toUpperCase() + " critic", name.toUpperCase() + " rule"])], rows: of.slots.map((slot, i) => [moment(DATA.begin, slot * DATA.minutes), ...names.flatMap((name) => [of.critic[name][i], of.rule[name][i]])]) };
}

// The slider.
const LINKED = ["map", "curves", "depth", "plan-chart"];
const MARKED = ["prices", "volumes", "voltages", "loadings", "scores", "curtailment"];
function place(slot) {
  now.slot = Math.min(Math.max(0, slot), slotCount() - 1);
  const range = byId("slot"), text = slotTime() + " (slot " + slotNumber() + ")";
  range.max = slotCount() - 1;
  range.value = now.slot;
  range.setAttribute("aria-valuetext", text);
  byId("when").textContent = text;
}
function moveTo(slot) {
  place(slot);
  draw("map"); draw("curves");
  for (const id of [...MARKED, "depth", "plan-chart"]) mark(id);
}
function mark(id) {
  const own = charts[id];
  if (!own || !own.element.layout || !(own.element.layout.shapes || []).length) return;
  Plotly.relayout(own.element, { "shapes[0].x0": slotTime(), "shapes[0].x1": slotTime() });
}
function wireSlider() {
  const range = byId("slot");
  if (!range) return;
  let asked = false, playing = null;
  range.addEventListener("input", () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; moveTo(Number(range.value)); });
  });
  const select = byId("stretch");
  STRETCHES.forEach((own, i) => { const option = document.createElement("option"); option.value = i; option.textContent = own.label; select.append(option); });
  select.addEventListener("change", () => { now.stretch = Number(select.value); place(startSlot()); for (const id of LINKED) draw(id); });
  const play = byId("play");
  play.addEventListener("click", () => {
    if (playing) { clearInterval(playing); playing = null; } else playing = setInterval(() => moveTo((now.slot + 1) % slotCount()), 400);
    play.textContent = playing ? "❚❚ Pause" : "▶ Play";
    play.setAttribute("aria-pressed", String(Boolean(playing)));
  });
  const scale = byId("scale");
  if (scale) scale.addEventListener("change", () => draw("map"));
}
// The slot that a person would look at first: most buses out of band, else most refused, else most traded.
function startSlot() {
  const own = stretch().series;
  for (const name of ["out_of_band", "refused", "p2p", "demand"]) {
    const values = own[name];
    if (!values || !values.some((v) => v > 0)) continue;
    const at = stretch().begin + values.indexOf(Math.max(...values.map((v) => v ?? 0)));
    if (!stretch().grid) return at - stretch().begin;
    const near = stretch().grid.slots.findIndex((slot) => slot >= at);
    return near < 0 ? slotCount() - 1 : near;
  }
  return 0;
}

function people() {
  const table = byId("agents");
  if (!table) return;
  const of = DATA.agents, rows = of.names.map((name, i) => [name, of.kinds[i] || "–", ...of.values.map((column) => column[i])]);
  const made = sortable(table, of.head, rows, { most: 25, told: (shown, all) => { byId("agents-count").textContent = fmt(shown) + " of " + fmt(all) + " shown"; byId("more").classList.toggle("hidden", shown === all); } });
  byId("find").addEventListener("input", (event) => made.find(event.target.value));
  byId("more").addEventListener("click", () => made.all());
  sortable(byId("classes"), DATA.classes.head, DATA.classes.rows, {});
}

function start() {
  if (STRETCHES.length) { place(startSlot()); wireSlider(); }
  const P = ["retail", "feed_in", "price", "price_min", "price_max"], V = ["demand", "pv", ...FLOWS.map((flow) => flow[0])];
  if (STRETCHES.length && DATA.map && stretch().grid) chart("map", map, mapTable);
  if (STRETCHES.length && DATA.plans) wirePlans();
  chart("voltages", voltages, () => columnsTable(["v_min", "v_max", "out_of_band"], ["Lowest [p.u.]", "Highest [p.u.]", "Buses out of band"]));
  chart("loadings", loadings, () => columnsTable(["loading"], ["Highest loading [%]"]));
  chart("prices", prices, () => columnsTable(P, ["Retail", "Feed-in", "Mean price", "Lowest", "Highest"]));
  chart("volumes", volumes, () => columnsTable(V, ["Demand [kWh]", "PV used [kWh]", "From peers [kWh]", "Imports [kWh]", "Exports [kWh]", "Curtailed [kWh]"]));
  if (STRETCHES.length) { chart("depth", depth, depthTable); chart("curves", curves, curvesTable); }
  chart("bills", bills, () => ({ head: ["Agent", "Saves [" + DATA.currency + "]"], rows: DATA.agents.names.map((name, i) => [name, DATA.agents.values[11][i]]), digits: [0, 2] }));
  chart("peak", peak, () => ({ head: ["Share of slots [%]", "As much or more [kW]"], rows: DATA.peak.share.map((share, i) => [share, DATA.peak.kw[i]]), digits: [2, 2] }));
  chart("shares", shares, sharesTable);
  why();
  chart("burden-gini", overDays("gini", "gini_alone", "Gini coefficient", 1), daysTable("gini", "gini_alone", "Gini coefficient"));
  chart("burden-worst", overDays("worst", "worst_alone", "% of income", 100), daysTable("worst", "worst_alone", "Part of income"));
  chart("scores", scores, () => columnsTable(SCORES.map((s) => s[0]), SCORES.map((s) => s[1])));
  chart("refusals", refusals, () => ({ head: ["Element", "Reason", ...REFUSED.map((r) => r[1] + " [kWh]"), "Times", "PV curtailed [kWh]"], rows: DATA.refused.map((row) => [row.element, row.reason, row.trade, row.export, row.supply, row.times, row.curtailed]) }));
  chart("curtailment", curtailment, () => columnsTable(["refused", "curtailed"], ["Refused [kWh]", "Curtailed [kWh]"]));
  if (DATA.critic && DATA.critic.differs) chart("critic-chart", criticChart, criticTable);
  people();
  wireTables();
  wireTheme();
  document.documentElement.dataset.ready = "yes";
}
start();
