// The page of a study.
const AXES = DATA.axes, N = DATA.seeds.length, ROWS = Array.from({ length: N }, (_, i) => i);
const isNumeric = (axis) => axis.values.every((value) => typeof value === "number");
// Numbers in their order, names in that of the study.
const levels = (axis) => isNumeric(axis) ? [...new Set(axis.values)].sort((a, b) => a - b) : [...new Set(axis.values)];
const LEVELS = AXES.map(levels);
const chosen = { kpi: "", along: 0, split: -1, held: {} };
const label = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const column = () => DATA.kpis[chosen.kpi], title = () => label(DATA.words[chosen.kpi].title);
const T95 = [NaN, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086];
function summary(rows) {
  const known = rows.map((row) => column()[row]).filter((value) => value !== null), n = known.length;
  if (!n) return { mean: null, half: null, n };
  const mean = known.reduce((a, b) => a + b, 0) / n;
  if (n < 2) return { mean, half: null, n };
  const variance = known.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1);
  return { mean, half: (T95[n - 1] ?? 1.96 + 2.5 / (n - 1)) * Math.sqrt(variance / n), n };
}
const heldRows = () => ROWS.filter((row) => Object.entries(chosen.held).every(([axis, value]) => AXES[axis].values[row] === value));
function lines() {
  const rows = heldRows(), split = chosen.split >= 0 ? LEVELS[chosen.split] : [null];
  return split.map((value) => ({ name: value === null ? chosen.kpi : AXES[chosen.split].label + " = " + value,
    points: LEVELS[chosen.along].map((x) => ({ x, ...summary(rows.filter((row) => AXES[chosen.along].values[row] === x && (value === null || AXES[chosen.split].values[row] === value))) })).filter((p) => p.mean !== null) }));
}
const hues = (c) => [c.blue, c.orange, c.green, c.purple, c.red, c.sky, c.grey, c.ink];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x", "star", "cross", "hexagon"];
function bins(count) {
  const values = AXES[chosen.along].values, order = ROWS.filter((row) => column()[row] !== null).sort((a, b) => values[a] - values[b]);
  return Array.from({ length: count }, (_, i) => order.slice(Math.floor(i * order.length / count), Math.floor((i + 1) * order.length / count))).filter((part) => part.length)
    .map((part) => ({ x: part.reduce((sum, row) => sum + values[row], 0) / part.length, ...summary(part) }));
}
function response(c) {
  const layout = { hovermode: "closest", xaxis: { title: { text: label(AXES[chosen.along].label) } }, yaxis: { title: { text: title() } }, shapes: marks(c) };
  const bars = (points, colour) => points.some((p) => p.half !== null) ? { error_y: { type: "data", array: points.map((p) => p.half ?? 0), color: colour, thickness: 1.3, width: 4 } } : {};
  if (DATA.sampled && isNumeric(AXES[chosen.along])) {
    const means = bins(Math.min(10, Math.max(2, Math.floor(N / 8))));
    return { traces: [{ type: "scatter", mode: "markers", name: "runs", x: AXES[chosen.along].values, y: column(), marker: { color: c.sky, size: 5, opacity: 0.55 } },
      Object.assign({ type: "scatter", mode: "lines+markers", name: "mean of equally many runs", x: means.map((p) => p.x), y: means.map((p) => p.mean), line: { color: c.blue, width: 2 } }, bars(means, c.blue))], layout };
  }
  if (!isNumeric(AXES[chosen.along])) return byName(c, layout, bars);
  const traces = lines().map((own, i) => Object.assign({ type: "scatter", mode: "lines+markers", name: label(own.name), x: own.points.map((p) => p.x), y: own.points.map((p) => p.mean), customdata: own.points.map((p) => p.n),
    line: { color: hues(c)[i % 8], width: 2.2, dash: i % 2 ? "dash" : "solid" }, marker: { size: 8, symbol: SYMBOLS[i % 8] }, hovertemplate: "%{x}: %{y:.5g} (%{customdata} run(s))" }, bars(own.points, hues(c)[i % 8])));
  return { traces, layout: Object.assign(layout, { showlegend: chosen.split >= 0 }) };
}
// Names have no order, so nothing joins them: points side by side, each with its interval.
function byName(c, layout, bars) {
  const names = LEVELS[chosen.along], all = lines(), width = Math.min(0.16, 0.6 / all.length);
  const traces = all.map((own, i) => Object.assign({ type: "scatter", mode: "markers", name: label(own.name), x: own.points.map((p) => names.indexOf(p.x) + (i - (all.length - 1) / 2) * width), y: own.points.map((p) => p.mean),
    customdata: own.points.map((p) => [label(p.x), p.n]), marker: { size: 10, symbol: SYMBOLS[i % 8], color: hues(c)[i % 8] }, hovertemplate: "%{customdata[0]}: %{y:.5g} (%{customdata[1]} run(s))" }, bars(own.points, hues(c)[i % 8])));
  const most = Math.max(10, Math.floor((NARROW() ? 40 : 150) / names.length));
  Object.assign(layout.xaxis, { tickvals: names.map((_, i) => i), ticktext: names.map((name) => label(wrapped(name, most))).map((text) => text.replace(/\n/g, "<br>")), range: [-0.5, names.length - 0.5], zeroline: false, showgrid: false });
  return { traces, layout: Object.assign(layout, { showlegend: chosen.split >= 0 }) };
}
// A name in lines of at most so many letters, three at most.
function wrapped(name, most) {
  const text = String(name), parts = [];
  for (let i = 0; i < text.length && parts.length < 3; i += most) parts.push(text.slice(i, i + most));
  if (text.length > 3 * most) parts[2] = parts[2].slice(0, most - 1) + "…";
  return parts.join("\n");
}
// Limits as dashed lines; where something breaks along the axis as dotted ones, which the caption explains.
function marks(c) {
  const limit = DATA.limits[chosen.kpi], shapes = [];
  if (limit !== undefined) shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: limit, y1: limit, line: { color: c.red, width: 1.6, dash: "dash" } });
  const at = new Map();
  for (const each of DATA.breaks) {
    if (each.axis !== AXES[chosen.along].label) continue;
    const told = at.get(each.first) ?? at.set(each.first, new Set()).get(each.first);
    told.add(each.what + (each.held ? " (" + each.held + ")" : ""));
  }
  for (const x of at.keys()) shapes.push({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: c.soft, width: 1.2, dash: "dot" } });
  const told = [...at].sort((a, b) => a[0] - b[0]).map(([x, what]) => "from " + x + " on: " + [...what].join(", "));
  byId("breaks").textContent = (limit === undefined ? "" : "Dashed: the limit. ") + (told.length ? "Dotted, " + told.join("; ") + "." : "");
  return shapes;
}
function responseTable() {
  const named = chosen.split >= 0;
  return { head: [AXES[chosen.along].label, ...(named ? ["Line"] : []), "Mean", "± 95 %", "Runs"],
    rows: lines().flatMap((own) => own.points.map((p) => [String(p.x), ...(named ? [own.name] : []), p.mean, p.half, p.n])) };
}
function cells() {
  const other = chosen.split >= 0 ? chosen.split : AXES.findIndex((_, i) => i !== chosen.along);
  if (other < 0) return null;
  const bin = (axis) => !(DATA.sampled && isNumeric(AXES[axis])) ? { labels: LEVELS[axis].map((value) => typeof value === "number" ? Number(value.toPrecision(6)) : value), of: (row) => LEVELS[axis].indexOf(AXES[axis].values[row]) } : binned(axis);
  const x = bin(chosen.along), y = bin(other), parts = y.labels.map(() => x.labels.map(() => []));
  for (const row of ROWS) parts[y.of(row)][x.of(row)].push(row);
  return { other, x: x.labels, y: y.labels, z: parts.map((line) => line.map((rows) => summary(rows).mean)) };
}
function binned(axis) {
  const values = AXES[axis].values, low = Math.min(...values), span = (Math.max(...values) - low) || 1, count = 8;
  return { labels: Array.from({ length: count }, (_, i) => Number((low + (i + 0.5) * span / count).toPrecision(3))), of: (row) => Math.min(count - 1, Math.floor((values[row] - low) / span * count)) };
}
function heatmap(c) {
  const of = cells();
  if (!of) return null;
  const text = of.z.map((line) => line.map((v) => v === null ? "" : fmt(Number(v.toPrecision(4)))));
  return { traces: [{ type: "heatmap", x: of.x.map(String), y: of.y.map(String), z: of.z, text, texttemplate: of.x.length * of.y.length <= 80 && !NARROW() ? "%{text}" : "", colorscale: CIVIDIS, xgap: 2, ygap: 2, hovertemplate: "%{x}, %{y}: %{z:.5g}<extra></extra>",
      colorbar: { thickness: 11, outlinewidth: 0, title: { text: "" } } }],
    layout: { hovermode: "closest", xaxis: { type: "category", title: { text: label(AXES[chosen.along].label) }, showgrid: false }, yaxis: { type: "category", title: { text: label(AXES[of.other].label) }, showgrid: false } } };
}
function heatTable() {
  const of = cells();
  return { head: [AXES[of.other].label, ...of.x.map(String)], rows: of.y.map((y, i) => [String(y), ...of.z[i]]) };
}
function swings() {
  return AXES.map((axis, i) => {
    const values = axis.values;
    let ends;
    if (isNumeric(axis)) {
      const few = LEVELS[i].length <= 12, order = ROWS.slice().sort((a, b) => values[a] - values[b]), fifth = Math.max(1, Math.floor(N / 5));
      ends = few ? [LEVELS[i][0], LEVELS[i][LEVELS[i].length - 1]].map((end) => [end, summary(ROWS.filter((row) => values[row] === end)).mean])
        : [["lowest fifth", summary(order.slice(0, fifth)).mean], ["highest fifth", summary(order.slice(-fifth)).mean]];
    } else {
      const means = LEVELS[i].map((value) => [value, summary(ROWS.filter((row) => values[row] === value)).mean]).filter((pair) => pair[1] !== null).sort((a, b) => a[1] - b[1]);
      ends = means.length ? [means[0], means[means.length - 1]] : [["", null], ["", null]];
    }
    return { name: axis.label, from: ends[0], to: ends[1], size: Math.abs((ends[1][1] ?? 0) - (ends[0][1] ?? 0)) };
  }).filter((each) => each.from[1] !== null && each.to[1] !== null).sort((a, b) => a.size - b.size);
}
function sensitivity(c) {
  const all = swings(), middle = summary(ROWS).mean;
  if (!all.length || middle === null) return null;
  const bar = (side, colour, name) => ({ type: "bar", orientation: "h", name, y: all.map((each) => label(each.name)), base: all.map(() => middle), x: all.map((each) => each[side][1] - middle), text: all.map((each) => label(each[side][0])), textposition: "inside", insidetextanchor: "end",
    customdata: all.map((each) => each[side][1]), marker: { color: colour }, hovertemplate: "%{text}: %{customdata:.5g}" });
  return { traces: [bar("from", c.blue, "lowest value"), bar("to", c.orange, "highest value")], layout: { barmode: "overlay", bargap: 0.35, hovermode: "closest", height: 120 + 48 * all.length, xaxis: { title: { text: title() + (NARROW() ? "" : " (the middle is the mean of all runs)") } }, yaxis: { showgrid: false, automargin: true } } };
}
function indices(c) {
  const own = DATA.sensitivities.filter((each) => each.kpi === chosen.kpi);
  if (!own.length) return null;
  const size = (each) => Math.abs(each.total ?? each.value), all = own.slice().sort((a, b) => size(a) - size(b)), sobol = all[0].measure === "sobol";
  const y = all.map((each) => label(each.axis));
  const bar = (name, colour, x, extra) => Object.assign({ type: "bar", orientation: "h", name, y, x, marker: { color: colour }, hovertemplate: "%{x:.3f}" }, extra);
  const interval = { error_x: { type: "data", symmetric: false, array: all.map((each) => (each.high ?? each.value) - each.value), arrayminus: all.map((each) => each.value - (each.low ?? each.value)), color: c.ink, thickness: 1.3, width: 4 } };
  const traces = [bar(sobol ? "first order" : "rank correlation", c.blue, all.map((each) => each.value), interval)];
  if (sobol) traces.push(bar("total", c.orange, all.map((each) => each.total)));
  return { traces, layout: { barmode: "group", bargap: 0.35, hovermode: "closest", showlegend: sobol, height: 110 + 54 * all.length, xaxis: { title: { text: sobol ? "share of the variance" : "Spearman's rank correlation" } }, yaxis: { showgrid: false, automargin: true } } };
}
const indicesTable = () => ({ head: ["Axis", "Value", "95 % from", "to", "Total"], rows: DATA.sensitivities.filter((each) => each.kpi === chosen.kpi).map((each) => [each.axis, each.value, each.low, each.high, each.total]), digits: [0, 3, 3, 3, 3] });
function fill(select, options, value) {
  select.replaceChildren(...options.map(([key, text]) => { const option = document.createElement("option"); option.value = key; option.textContent = text; return option; }));
  select.value = String(value);
}
function showHeld() {
  const box = byId("held");
  box.replaceChildren();
  chosen.held = {};
  if (DATA.sampled) return;
  AXES.forEach((axis, i) => {
    if (i === chosen.along || i === chosen.split) return;
    const made = document.createElement("label"), select = document.createElement("select");
    made.textContent = axis.label + " ";
    fill(select, LEVELS[i].map((value, at) => [at, String(value)]), 0);
    chosen.held[i] = LEVELS[i][0];
    select.addEventListener("change", () => { chosen.held[i] = LEVELS[i][Number(select.value)]; draw("response"); });
    made.append(select);
    box.append(made);
  });
}
function redraw() {
  byId("kpi-text").textContent = DATA.words[chosen.kpi].text;
  for (const id of ["response", "heatmap", "sensitivity", "indices"]) draw(id);
}
function choices() {
  const others = AXES.map((axis, i) => [i, axis.label]).filter(([i]) => i !== chosen.along);
  if (chosen.split === chosen.along) chosen.split = -1;
  fill(byId("along"), AXES.map((axis, i) => [i, axis.label]), chosen.along);
  fill(byId("split"), [[-1, "nothing"], ...others], chosen.split);
  byId("split-label").classList.toggle("hidden", !others.length || DATA.sampled);
  showHeld();
}
function start() {
  const names = Object.keys(DATA.kpis);
  if (names.length && N) {
    chosen.kpi = names[0];
    chosen.along = Math.max(0, AXES.findIndex(isNumeric));
    chosen.split = DATA.sampled ? -1 : AXES.findIndex((_, i) => i !== chosen.along && LEVELS[i].length <= 8);
    choices();
    byId("kpi").addEventListener("change", (event) => { chosen.kpi = event.target.value; redraw(); });
    byId("along").addEventListener("change", (event) => { chosen.along = Number(event.target.value); choices(); redraw(); });
    byId("split").addEventListener("change", (event) => { chosen.split = Number(event.target.value); showHeld(); redraw(); });
    byId("kpi-text").textContent = DATA.words[chosen.kpi].text;
    chart("response", response, responseTable);
    chart("heatmap", heatmap, heatTable);
    chart("sensitivity", sensitivity, () => ({ head: ["Axis", "From", "Mean there", "To", "Mean there"], rows: swings().reverse().map((each) => [each.name, String(each.from[0]), each.from[1], String(each.to[0]), each.to[1]]) }));
    chart("indices", indices, indicesTable);
    const head = [...AXES.map((axis) => [axis.label, "", undefined]), ["seed", "", 0], ...names.map((name) => [DATA.words[name].title, "", undefined])];
    const made = sortable(byId("table"), head, ROWS.map((row) => [...AXES.map((axis) => axis.values[row]), DATA.seeds[row], ...names.map((name) => DATA.kpis[name][row])]),
      { most: 25, told: (shown, all) => { byId("runs-count").textContent = fmt(shown) + " of " + fmt(all) + " shown"; byId("more").classList.toggle("hidden", shown === all); } });
    byId("more").addEventListener("click", () => made.all());
  } else for (const element of document.querySelectorAll(".chart")) showFigure(element, false);
  wireTables();
  wireTheme();
  document.documentElement.dataset.ready = "yes";
}
start();
