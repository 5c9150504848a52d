"""The pages that are made from the code: KPIs, tables of a run, scenario keys, and the README's output of a run.

Write them with ``python tests/docs/reference.py``; a test fails where a page is not what the code says.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from click.testing import CliRunner

from marketsim.app.ready import load_scenario
from marketsim.app.wiring import build
from marketsim.builtin import built_in_registry
from marketsim.cli.main import cli
from marketsim.core.field_docs import field_docs
from marketsim.core.metric import Kpi, Metric, grid_only
from marketsim.core.records import Community
from marketsim.fairness.critic import CRITIC_KPIS
from marketsim.metrics.equity import kpis_of
from marketsim.metrics.presentation import RUN, VALIDATION, kpi_table
from marketsim.profiles.library import shape_names
from marketsim.results.table_columns import REASON_NAMES, Column, TableLayout, columns
from marketsim.scenario.json_schema import json_schema
from marketsim.scenario.model import Scenario
from marketsim.sharing.metric import SharesMetric

ROOT: Final = Path(__file__).resolve().parents[2]
MADE: Final = "<!-- Made by tests/docs/reference.py; change the code that it reads, then run it. -->\n"

# --- KPIs -----------------------------------------------------------------------------------------------------------

_KPI_INTRO: Final = """# KPIs

Every key of `summary.json`, of `run.summary` in Python and of `marketsim run --json`, with its unit and definition. On a feeder
`--json` has the worst buses and branches beside them (`worst_buses`, `worst_branches`), as [in Python](tables.md).

- What is undefined is `null`, never 0, 1 or NaN: a price without a trade, a margin without wholesale prices, a voltage
  without a feeder.
- `..._grid_only` is the same quantity in the **reference run**: same seed, series, feeder and gate, but everybody
  trades with the utility only, batteries follow the self-consumption rule and EVs charge on arrival.
- Fairness scores lie in [0, 1] and 1 is fair. They are means over slots, weighted by the energy that could have been
  traded; `..._null_share` is the share of slots in which a score is undefined. Indices i and j are sellers and
  buyers, S and D what they could have sold and bought before trading, s what was sold, f a filled share.
- With income classes on agents (`income_class`) there is one `quality_of_service_<class>` a class: the share of that
  class's demand D that peers met.
- On a feeder with shunts, wards or, with `grid.background`, loads of constant impedance, `shunt_kwh` is what these draw at
  the voltage of their bus (`shunt_wh` in the table of slots). It is own load of the feeder, on nobody's bill; it is neither
  in `losses_kwh` nor in `utility_margin`, and in `grid_imbalance_wh` it counts with the background.
- Where costs are shared (`market: {sharing: ...}`), every KPI of payments is that of the bills with their line of sharing:
  `consumer_cost`, `prosumer_cost`, `consumer_saving`, `gini_unit_cost`, `gini_saving`, `worst_off_saving`. The reference run
  has no sharing. Utility, operator and gains from trade are as without it: the line moves money between agents of a market alone.
- Prices may be zero or negative. Scores of prices (`fpp`, `fpp_range`, `price_neutrality`) are shares of retail - feed-in and do not
  change if all prices move by the same; undefined where the two are one. Where the feed-in tariff is negative, surplus is worth 0 in
  `gains_from_trade` and its relatives, since it can be curtailed; where retail is, it is no supply at all. Costs and revenue are
  negative where the utility pays. Welfare takes the feed-in tariff for the price upstream where no wholesale price is given, also a
  negative one: each kWh from upstream then counts as a gain, and `joint_gains_bound` is undefined. So `allocative_efficiency` falls where
  PV is traded in such slots: at -0.04 a kWh 3 kWh of PV that serve a neighbour spare 3 kWh for whose taking somebody upstream would
  have paid 0.12; curtailed PV and 3 kWh from upstream leave it there, and that is the optimum. It is right where the feed-in tariff says
  what energy upstream is worth then; where it does not, give wholesale prices. What the two neighbours gain is `trade_efficiency`, which
  takes the surplus for worth 0.
- [tables.md](tables.md) lists the columns of the table of slots, which hold most of these quantities slot by slot.
- `ms.fairness_scores(table, retail=..., feed_in=...)` gives the scores of one slot from a table of your own, with a row an agent
  and side: `agent`, `side`, `available_kwh`, `traded_kwh`, `price`.

## What the fairness scores hold to

FBS and FTB say how a shortage was shared, and are undefined where there was none. In one slot luck decides much: who comes last
sells nothing. Over a day and a week luck evens out, so `fbs_day` and `fbs_week` are what a neighbourhood would look at.

| axiom | test (`tests/properties/test_fairness_axioms.py`) |
|---|---|
| No levelling down: who gets more while nobody gets less never lowers FTG, FBS or FTB. The older form, `fbs_deviation`, breaks it. | `test_who_gets_more_while_nobody_gets_less_never_lowers_a_score` |
| If all trade less at the same supply and demand, FBS never rises. | `test_trading_less_in_proportion_never_raises_fbs` |
| If one takes all FBS is 0, at any number of sellers and any scarcity; with proportional shares it is 1. | `test_one_takes_all_is_zero_and_proportional_shares_are_one` |
| Anonymity: who is who does not matter. | `test_scores_do_not_depend_on_who_is_who` |
| Scale: the unit of energy does not matter. | `test_scores_do_not_depend_on_the_unit_of_energy`, `test_fpp_does_not_depend_on_the_unit_of_energy` |
| All are in [0, 1] or undefined. | `test_all_scores_are_in_the_unit_interval_or_undefined` |

A measure that cannot be levelled down contains volume. Offering less than one has can still raise FBS, through who meets whom: FTG
and welfare stand beside it. FPP measures spread and cannot be monotone, since a second trade at another price lowers it: it is read
beside `price_neutrality`.
"""


def built_in_metrics() -> tuple[Metric, ...]:
    """The metrics that every run has."""
    return build(load_scenario(ROOT / "scenarios" / "pilot.yaml")).metrics


def kpi_groups() -> dict[str, tuple[Kpi, ...]]:
    """Definitions of everything in a summary, by heading, in the order of the page."""
    metrics = dict(zip(_METRIC_HEADS, (metric.definitions for metric in built_in_metrics()), strict=True))
    equity = kpis_of(["CLASS"])
    asked = {
        "Equity (`metrics: [equity]`)": (*equity, *map(grid_only, equity)),
        "Shared bills (`metrics: [shares]`)": SharesMetric.definitions,
    }
    return {"Run": RUN, **metrics, **asked, "Critic": CRITIC_KPIS, "Independent power flow": VALIDATION}


_METRIC_HEADS: Final = ("Energy", "Money", "Fairness", "Welfare", "Gains of peers", "All together", "Grid", "Laws")


def kpis_page() -> str:
    """``docs/kpis.md``."""
    parts = [f"## {head}\n\n{kpi_table(definitions)}" for head, definitions in kpi_groups().items()]
    return "\n".join((MADE + _KPI_INTRO, *parts))


# --- tables of a run ------------------------------------------------------------------------------------------------

_TABLES_INTRO: Final = """# Tables of a run

The Parquet files of a run folder, column by column. Unit and meaning also travel with each field of the file.

Quantities that the market counts are integers: energy in Wh, prices in ticks of 1e-6 currency/kWh, money in units of
1e-9 currency. In Python, `run.slots`, `run.agents`, `run.trades`, `run.rejects`, `run.book` and `run.voltages` are
DataFrames that show each quantity once, in kWh, currency/kWh and currency: `load_kwh` in the place of `load_wh`, `price` of
`price_ticks`, `paid` of `paid_money`; behind each index of an agent stands its name (`buyer`, `buyer_name`).
`run.frame("slots", raw=True)` has the columns below, in the integers that were counted. `run.table(name)` gives the Arrow table
as written. What the currency is called says `currency` of the [scenario](scenario.md), and of the manifest.

`run.to_csv("folder")` writes every table as CSV in the same units (`raw=True`: as counted), with units and meanings in
`columns.csv` and the KPIs in `summary.csv`. `run.bill("prosumer-1")` sums the lines of an agent's bill up: `energy_kwh`,
`mean_price`, `amount` (`raw=True`: `energy_wh`, `amount_money`, exact). `run.worst_buses()` and `run.worst_branches()` list what is
outside its limits longest, then what is nearest to them: hours, depth, extremes with their time, in p.u. and V, in %, A and
kVA.
"""

_ABOUT: Final[Mapping[str, str]] = {
    "slots": "A row a slot. With several markets side by side quantities are summed, scores averaged by weight.",
    "agents": "A row an agent and slot. `<device>` is each kind of device that any agent has, such as `battery`. "
    "`sharing_money` is there only where costs are shared; in the last slot of a period it holds what sharing changes on the "
    "bill of the whole period, and so do `paid_money` and, in the table of slots, `consumer_cost_money` and "
    "`prosumer_cost_money`. `kvar` of agents that share a bus is what each gave when the slot opened and an equal share of what "
    "their bus moved since; with `grid: {{gate: none}}` it is that of the untraded state. Columns `planned_...` are there only where "
    "agents follow an expert.",
    "trades": "A row a trade, in order of execution. A match that crosses the end of a firm leg is two rows.",
    "rejects": "A row a refused quantity, in order of refusal. Reasons: {reasons}.",
    "book": "A row a price level and slot: the order book as the market opened; left out with `output: {{book: false}}`. "
    "Bids summed from above are the demand at a level, asks summed from below the supply.",
    "voltages": "A row a bus and slot; written with `output: {{voltages: true}}`.",
}


def _column_row(column: Column) -> Sequence[str]:
    null = "yes" if column.optional else ""
    return f"`{column.name}`", column.kind, column.unit, null, _cell(column.text.replace("<device>", "the device"))


def run_tables() -> dict[str, tuple[Column, ...]]:
    """Columns of every table, with ``<device>`` in place of a device's name."""
    nobody = Community(
        (), *(np.zeros(0, dtype=np.int64),) * 2, np.zeros(0, dtype=bool), 1, *(np.zeros(0, dtype=np.int64),) * 2
    )
    given = tuple(kpi for metric in built_in_metrics() for kpi in metric.columns)
    return columns(TableLayout(nobody, 96, ("<device>",), given, voltages=True, sharing=True, planned=True))


def tables_page() -> str:
    """``docs/tables.md``."""
    reasons = ", ".join(f"`{name}`" for name in REASON_NAMES[1:])
    parts = [MADE + _TABLES_INTRO]
    for name, listed in run_tables().items():
        rows = [_column_row(column) for column in listed]
        about = _ABOUT[name].format(reasons=reasons)
        parts.append(f"## {name}.parquet\n\n{about}\n\n{_table(('column', 'type', 'unit', 'null', 'meaning'), rows)}")
    return "\n".join(parts)


# --- scenario -------------------------------------------------------------------------------------------------------

_SCENARIO_INTRO: Final = """# Scenario reference

A scenario is a YAML file. `marketsim validate FILE` checks it and reports every problem at once, with file, line,
column and a hint; it runs no plugin code. `marketsim schema` prints the JSON Schema from which this page is made;
editors complete and check scenarios with it. The shipped examples are in `scenarios/`.

- **Units** are in the names of keys: `_kw`, `_kwh`, `_pu`, `_percent`, `_h`, `_minutes`. Prices are in currency/kWh.
- **Unknown keys are errors**, with the nearest known key as a hint.
- **Sections** that are left out have their defaults. Only `clock`, `tariff` and `agents` are needed.
- **A part is chosen by its name** as the only key, with its parameters below it: `tariff: {flat: {retail: 0.30}}`. A
  bare name means its defaults: `market: {engine: huang}`. In `profiles` and `critic` the name stands beside the
  parameters: `profiles: {source: synthetic, latitude: 48}`. Plugins add parts; `marketsim plugins list` lists all.
- **Groups**: an agent with `count` stands for many. In a group, a number or name may be a distribution that is drawn
  for each agent with the seed: see [distributions](#distributions). The run folder's `scenario.yaml` lists every agent
  with the values drawn, and running it again gives the same bytes in all tables.
- **`extends: base.yaml`** lays the scenario over another one, in the same folder or below. Mappings merge key by key,
  lists and values replace, and another part replaces the part with its parameters.
- **`--set PATH=VALUE`** on the command line, or a mapping of paths in Python, changes values on top:
  `--set grid.gate=observe --set 'agents[0].count=5'`. A span sets several entries of a list at once:
  `--set 'agents[0:20].strategy=expert'`, `agents[1:]`, `agents[:]`.
- Text is YAML 1.2: `on`, `no`, `12:30` and `2016-07-12` are text, and dates are read from it.
"""

_DISTRIBUTIONS: Final = """## Distributions

For keys whose value may be *drawn*, and for every parameter of a device or strategy of a group. Each agent's value
depends on the seed, the group, the key and the agent's position in the group, and on nothing else.

| write | drawn is |
|---|---|
| `{uniform: [a, b]}` | uniform between a and b |
| `{normal: [mean, deviation]}` | normal, cut off below 0 |
| `{normal: [mean, deviation, a, b]}` | normal, cut off at a and b |
| `{triangular: [a, mode, b]}` | triangular between a and b |
| `{integers: [a, b]}` | a whole number from a to b, both included |
| `{choice: [x, y, ...]}` | one of the values, all equally likely |
"""

_TARIFF: Final = """Prices of the utility [currency/kWh], of either sign; `feed_in` is never above `retail`, in no slot.

Zero and negative prices are taken as they are, whether written here, by the hour or in a file. Where `feed_in` is negative, exporting
costs: PV that neither its owner, peers nor the own battery take is curtailed, never exported. Where `retail` is negative, too, the
utility pays for what is drawn: loads are firm all the same, vehicles and heat pumps draw at once, and a battery charges from the grid
if its strategy plans so (`storage: lp`). [strategies.md](strategies.md#zero-and-negative-prices) says what everybody does; what came
of it is told at the end of the run and in the report. The engine `supply_demand_ratio` divides by `feed_in` and refuses a run with
one of zero or less; all others take prices of either sign. Give a `wholesale` price where `feed_in` is not one: without it welfare and
the planner take `feed_in` for what energy costs upstream, and count a kWh from there as a gain where that is negative."""
_EXPERT: Final = """Who plans the day of prosumers, from their devices, the series of the day and the feeder: for agents of the strategy
`expert`, for learners that imitate, and for `marketsim expert`. `joint` with its defaults if left out. A plan is followed as feedback:
each battery goes to what the plan stores at the end of the slot, and reactive power is asked on top of what `grid.reactive` does by
itself at the planned voltages. Experts plan PV, `battery`, `generator` and `curtailable_load`; other devices of these agents run as
they must, and no plan knows of them. The solver of `joint` and `individual` comes with `pip install 'marketsim[experts]'`,
what `written` needs with `pip install 'marketsim[experts-code]'`."""
_SHARING: Final = """By what rule the bills of a finished period are changed among the agents of a market.

`sharing_period` says what a period is: each `day`, from midnight to midnight, or the whole `run`; the end of the run ends a day,
too. In the last slot of a period each agent is charged (or paid) what its share is above (or below) what it had paid, in a line
of its own (`sharing_money`), so that in each market the shares sum to what was paid there to the last unit. Nothing else moves:
prices, trades, power flows and what strategies see are those of the market; the reference run has no sharing; a training rewards by the
slot's settlement, without the line. A run that was interrupted or failed has no line for the period that it did not finish.
A period is in memory as a whole: 24 bytes an agent and slot, at most 10,000,000 of them, and what a rule computes beside.

`proportional` changes bills by the same share of their size alone: with a_i what agent i would have paid with the utility only, at
the energy through its own meter in each slot, and C what all of its market paid, its share is a_i - (sum a - C) |a_i| / sum |a|; where
nobody would earn alone that is C a_i / sum a. Where nobody would have had a bill at all, C is shared equally. Nobody pays more
than a_i unless all together do (as when network charges cost more than trade brings). It changes bills, not behaviour: a_i counts
what devices did in the market, which is not the reference run, so that an agent can pay more than there. It answers to
no group of agents: some may be better off among themselves. [Who pays what](sharing.md) tells what the other rules promise."""

_FEEDERS: Final = """### Feeders

| `grid.feeder` | what it is |
|---|---|
| `feeder141` | the 141-bus, 12.47 kV feeder that ships with the package |
| `feeder141*72` | 72 copies of it behind one source; bus 7 of the fourth copy is `7@3` |
| `pandapower:<network>` | a net of `pandapower.networks`, such as `pandapower:create_kerber_vorstadtnetz_kabel_1` |
| `simbench:<code>` | a SimBench net by its code; needs the extra `simbench` |
| `file:<net.json>` | a pandapower net of your own, relative to the scenario and inside its folder |
| `<name>` or `<name>:<argument>` | a feeder of a plugin |

The nominal loads of a net serve `peak_kw: feeder` and `background`; its own static generators are left out, since
generation belongs to the agents. Open switches are respected. Radial nets are solved by a compiled sweep. What cannot be
represented (generators that hold a voltage, extended wards, DC lines, asymmetric impedances, controllers in service) and
what cannot be calculated with (lengths or ratings of zero or less, numbers that are missing, buses that are not there) is
refused with its table, row, name and value; rows out of service may hold anything.

**Net files** are what `pandapower.to_json` writes, of pandapower 2.0 or later; older formats are converted as
`pandapower.from_json` converts them. They may be a stranger's: a file is a regular file of at most 64 MiB, parsed strictly
and read as data. Tables, numbers, texts, lists, tuples, sets and arrays are read; controllers, characteristics and output
writers of pandapower are kept by their name and never built (a controller in service is refused, but `ConstControl`, which
only replays series; so is a transformer with `tap_dependent_impedance` on a characteristic of a file). Any other object, a
path or an address in place of a table, text that only looks like JSON, and tables with several levels of index are refused
with their place. No module is imported and no other file opened.

**Buses** are named by name or index, and mean the same bus wherever they stand, in a scenario, in tables, in reports and in
`run.net`:

- a text or number that is the name of a bus means that bus;
- a number that is no bus's name means the bus of that index of the pandapower net;
- where an index is the name of another bus, as in `pandapower:case11_iwamoto`, `index 3` means the bus of index 3;
- a name of several buses, of a bus out of service or of one that is not connected to the external grid is refused, with the
  reason.

`marketsim feeder NAME` lists all buses of a feeder, with what `bus:` says for each.

Tables call a bus by its name if no other bus has it, else by its index, else by `index 3`; buses fused by closed switches
are one node, called after that of the lowest index. Lines and transformers are called by their names where all of their
table have different ones, else `line 3`, `trafo 0`; names that stand in two tables get the number of their row.
"""


_AGENTS: Final = """## agents

A list of agents and groups. Every device is a further key of an agent, with the device's parameters below it: {names}.
In a group, `owner_share` (0 to 1) beside a device's parameters is the part of the group that has the device.

"""

_PLUGINS: Final = """## plugins

A list of Python files, relative to the scenario's folder. Running a scenario runs the code of the plugins that it
names, and of those that are installed as packages. See [plugins.md](plugins.md).
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    plain = " ".join(text.split()).replace("``", "`")
    return re.sub(r"(?<!\\)\|", r"\\|", plain)


def _number(value: float) -> str:
    if value == _INT64:
        return "2^63 - 1"
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def _bounds(schema: Mapping[str, Any]) -> str:
    found = [
        f"{sign} {_number(schema[key])}"
        for key, sign in (("exclusiveMinimum", ">"), ("minimum", ">="), ("exclusiveMaximum", "<"), ("maximum", "<="))
        if key in schema
    ]
    return f" {', '.join(found)}" if found else ""


def _json_text(value: object) -> str:
    """A value as a scenario would write it in one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_json_text(item) for item in value) + "]"
    return _number(value) if isinstance(value, float) else str(value)


class ScenarioPage:
    """Writes the reference section by section; models used at several places are written once, at the end."""

    def __init__(self) -> None:
        self._registry = built_in_registry()
        self._schema = json_schema(self._registry)
        self._shared: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}

    def text(self) -> str:
        """``docs/scenario.md``."""
        parts = [MADE + _SCENARIO_INTRO, *self._sections(), _DISTRIBUTIONS, "## Groups of keys\n"]
        written: list[str] = []
        while pending := [name for name in self._shared if name not in written]:
            written += pending
            parts += [self._model(f"### {name}", *self._shared[name]) for name in pending]
        return "\n".join(parts)

    def _sections(self) -> Iterator[str]:
        yield "## Top level\n\n" + self._keys(self._top())
        yield self._model("## clock", self._definition("ClockSection"))
        yield self._model("## grid", self._definition("GridSection"))
        yield _FEEDERS
        yield from self._parts("### grid.gate", "gate", about="How trades are held to the limits: [gate.md](gate.md).")
        yield from self._parts("### grid.allocation", "allocation", about="How scarce capacity is shared.")
        yield from self._parts("### grid.reactive", "reactive", about="Reactive power of inverters.")
        yield from self._parts("## tariff", "tariff", about=_TARIFF)
        yield self._model("## market", self._definition("MarketSection"))
        yield from self._parts("### market.engine", "engine", about="How orders become trades.")
        yield from self._parts("### market.charges", "charges", about="Network charges on trade between peers.")
        yield from self._parts("### market.settlement", "settlement", about="Who pays what.")
        yield from self._parts("### market.sharing", "sharing", about=_SHARING)
        yield from self._parts(
            "## profiles",
            "profile",
            about="Load, PV and other series; the name is `source`, `simbench_2016` if left out.",
        )
        yield _shapes()
        yield self._agents()
        yield from self._parts("### Devices", "device", about="Keys of an agent, with their parameters below.")
        yield from self._parts("### Strategies", "strategy", about="What they do: [strategies.md](strategies.md).")
        yield from self._parts(
            "## critic", "critic", about="Who scores each slot's fairness; the name is `kind`, `rule` if left out."
        )
        yield from self._parts("## expert", "expert", about=_EXPERT)
        yield self._model("## learning", self._definition("LearningSection"))
        yield from self._parts(
            "### learning.game",
            "game",
            about="What is played. The settings of `market` may also stand without its name, as older versions wrote them: "
            "`game: {quantities: 4}` is `game: {market: {quantities: 4}}`, and a run or training writes the latter.",
        )
        yield from self._parts("### learning.learner", "learner", about="How policies are learnt.")
        yield "## metrics\n\nA list of further measures: `equity` ([who gets what](equity.md)), `shares` ([who pays what](sharing.md#as-kpis)), and those of plugins. The other built-in ones are in every run.\n"
        yield self._model("## output", self._definition("OutputSection"))
        yield _PLUGINS

    def _top(self) -> dict[str, Any]:
        """The schema's top level, with the meaning of sections from their model."""
        meant = field_docs(Scenario)
        properties = {key: {"description": meant.get(key), **item} for key, item in self._schema["properties"].items()}
        return {"properties": properties, "required": self._schema["anyOf"][0]["required"]}

    def _agents(self) -> str:
        agent = self._definition("AgentEntry")
        devices = self._registry.names("device")
        own = {key: item for key, item in agent["properties"].items() if key not in devices}
        names = ", ".join(f"`{name}`" for name in devices)
        keys = self._keys({**agent, "properties": own})
        return _AGENTS.format(names=names) + keys

    def _parts(self, head: str, kind: str, about: str) -> Iterator[str]:
        """The parts of a kind: a list of all, then the parameters of each that has any."""
        entries = self._registry.entries(kind)
        rows = [(f"`{entry.name}`", _sentence(entry.summary)) for entry in entries]
        yield f"{head}\n\n{about}\n\n" + _table(("name", "what it is"), rows)
        for entry in entries:
            model = self._registry.params(kind, entry.name)
            schema = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
            if schema.get("properties"):
                level = head.split()[0]
                yield self._model(f"{level}# {kind}: {entry.name}", schema, schema.get("$defs", {}))

    def _definition(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._schema["$defs"][name]
        return found

    def _model(self, head: str, schema: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> str:
        about = _paragraphs(schema.get("description", ""))
        body = self._keys(schema, own) if schema.get("properties") else "No parameters.\n"
        return f"{head}\n\n{about}\n\n{body}"

    def _keys(self, schema: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> str:
        needed = schema.get("required", [])
        rows = []
        for key, item in schema["properties"].items():
            shown = _default(item, key in needed)
            rows.append((f"`{key}`", self._type(item, own), shown, _cell(item.get("description") or "")))
        return _table(("key", "value", "default", "meaning"), rows)

    def _type(self, schema: Mapping[str, Any], own: Mapping[str, Any] | None) -> str:
        return _cell(self._plain_type(schema, own or {}))

    def _plain_type(self, schema: Mapping[str, Any], own: Mapping[str, Any]) -> str:
        if "$ref" in schema:
            return self._reference(schema["$ref"].rsplit("/", 1)[-1], own)
        if "anyOf" in schema:
            kinds = dict.fromkeys(self._plain_type(option, own) for option in schema["anyOf"])
            return " or ".join(kinds)
        if "const" in schema:
            return f"`{schema['const']}`"
        if "enum" in schema:
            return " or ".join(f"`{value}`" for value in schema["enum"])
        named: Mapping[str, Callable[[], str]] = {
            "array": lambda: self._array(schema, own),
            "object": lambda: self._object(schema, own),
        }
        kind = schema.get("type", "any")
        if isinstance(kind, list):
            return " or ".join(_TYPE_NAMES.get(each, each) for each in kind)
        if kind in named:
            return named[kind]()
        if schema.get("format") == "date":
            return "date"
        return _TYPE_NAMES.get(kind, kind) + _bounds(schema)

    def _array(self, schema: Mapping[str, Any], own: Mapping[str, Any]) -> str:
        if "prefixItems" in schema:
            return "[" + ", ".join(self._plain_type(item, own) for item in schema["prefixItems"]) + "]"
        return "list of " + self._plain_type(schema.get("items", {}), own)

    def _object(self, schema: Mapping[str, Any], own: Mapping[str, Any]) -> str:
        if schema.get("properties"):
            keys = (f"{key}: {self._plain_type(item, own)}" for key, item in schema["properties"].items())
            return "{" + ", ".join(keys) + "}"
        inner = schema.get("additionalProperties")
        return f"mapping of names to {self._plain_type(inner, own)}" if isinstance(inner, Mapping) else "mapping"

    def _reference(self, name: str, own: Mapping[str, Any]) -> str:
        if name.startswith("distribution"):
            return "[drawn](#distributions)"
        if name.startswith("choice:"):
            return _LINKS[name.split(":")[1]]
        if name.endswith("Section"):
            section = name.removesuffix("Section").lower()
            return f"[keys](#{section})"
        if name == "AgentEntry":
            return "[agents](#agents)"
        found = own[name] if name in own else self._definition(name)
        if not found.get("properties"):
            return "{}"
        self._shared.setdefault(name, (found, own))
        return f"[{name}](#{name.lower()})"


_INT64: Final = 2**63 - 1
_TYPE_NAMES: Final = {"string": "text", "integer": "whole number", "boolean": "true or false"}
_LINKS: Final = {
    "tariff": "a [tariff](#tariff)",
    "engine": "an [engine](#marketengine)",
    "charges": "a kind of [charges](#marketcharges)",
    "allocation": "an [allocation](#gridallocation)",
    "reactive": "a [mode](#gridreactive)",
    "gate": "a [gate](#gridgate)",
    "settlement": "a [settlement](#marketsettlement)",
    "sharing": "a [sharing](#marketsharing)",
    "metric": "a metric",
    "strategy": "a [strategy](#strategies)",
    "profile": "a [source](#profiles)",
    "critic": "a [critic](#critic)",
    "learner": "a [learner](#learninglearner)",
    "game": "a [game](#learninggame)",
    "expert": "an [expert](#expert)",
}


def _default(schema: Mapping[str, Any], needed: bool) -> str:
    if needed:
        return "**needed**"
    if "default" not in schema:
        return ""
    default = schema["default"]
    if isinstance(default, Mapping):
        default = {key: value for key, value in default.items() if value is not None}
        if list(default.values()) == [{}]:
            return f"`{next(iter(default))}`"
    return f"`{_cell(_json_text(default))}`"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _paragraphs(text: str) -> str:
    return "\n\n".join(_cell(part) for part in text.split("\n\n"))


def _shapes() -> str:
    kinds = {
        "household": "households",
        "commercial": "commerce",
        "agricultural": "farms",
        "area": "low-voltage areas",
        "ev": "EV charging",
        "heat": "heat pumps",
        "pv": "PV (`pv_shape`)",
    }
    rows = [(meaning, ", ".join(f"`{name}`" for name in shape_names(kind))) for kind, meaning in kinds.items()]
    return "### Shapes of simbench_2016\n\n" + _table(("for", "names"), rows)


# --- README ---------------------------------------------------------------------------------------------------------

_RUN: Final = re.compile(r"(<!-- run -->\n```text\n).*?(```\n<!-- /run -->)", re.DOTALL)


def run_output() -> str:
    """What ``marketsim run scenarios/ieee141.yaml`` prints into a pipe; warm, so that the time says something."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["run", str(ROOT / "scenarios" / "ieee141.yaml"), "--out", folder, "--force"]
        results = [CliRunner().invoke(cli, arguments, catch_exceptions=False) for _ in range(2)]
        printed = results[-1].stdout.replace(folder, "runs/ieee141-1-<time>")
    return "".join(line.rstrip() + "\n" for line in printed.splitlines())


def readme_page() -> str:
    """The README with the output of a run as it is now."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return _RUN.sub(lambda found: found[1] + run_output() + found[2], text)


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "docs/kpis.md": kpis_page,
    "docs/tables.md": tables_page,
    "docs/scenario.md": lambda: ScenarioPage().text(),
}
"""Pages that are made whole."""


if __name__ == "__main__":
    for page, make in {**PAGES, "README.md": readme_page}.items():
        (ROOT / page).write_text(make(), encoding="utf-8")
