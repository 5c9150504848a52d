"""A run as an object: from its folder, complete or not, or from the memory of the run that has just ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from marketsim.core.currency import label_of
from marketsim.core.errors import InputError, MarketsimError, Problem, RunFolderError
from marketsim.core.files import read_text
from marketsim.core.plain_text import harmless
from marketsim.results import bill as _bill
from marketsim.results import table_checks
from marketsim.results.csv_files import write_csv
from marketsim.results.folder import COMPLETE, CRITIC, SCENARIO, SUMMARY, read_manifest, status
from marketsim.results.frames import agent_names, frame
from marketsim.results.grid_history import NO_GRID, GridHistory
from marketsim.results.json_checks import MOST_BYTES, read_object
from marketsim.results.manifests import demand_summary, read_critiques
from marketsim.results.notebook import html, html_table
from marketsim.results.parquet import demand_memory, opened, reading
from marketsim.results.streams import FINAL_SUFFIX, STREAM_SUFFIX, count_batches, stream_table
from marketsim.results.table_columns import OPTIONAL_TABLES, TABLES, no_rows
from marketsim.results.worst import WorstElements, branch_table, bus_table, worst_elements

if TYPE_CHECKING:
    import pandas as pd

    from marketsim.results.plots.plots import Plots

NetBuilder = Callable[["Run", int, int], Any]
"""(run, slot, market) -> a solved pandapower net."""
HistoryBuilder = Callable[["Run", range, int], GridHistory]
"""(run, slots, market) -> the feeder's states in these slots."""
HeadlineBuilder = Callable[[Mapping[str, Any], str], Sequence[tuple[str, ...]]]
"""(summary, currency) -> label, value, unit, value with the utility only, and change of the main KPIs."""


class RunViews(NamedTuple):
    """What a run can show beyond its tables, made by whoever knows its scenario; None: not this run."""

    net: NetBuilder | None = None
    history: HistoryBuilder | None = None
    headline: HeadlineBuilder | None = None
    between: Callable[[Run], str] | None = None
    """Names what lies on its bills between the price of a trade and what its sides pay."""


_NAMED: Final = {"trades": ("buyer", "seller"), "rejects": ("buyer", "seller")}


class Run:
    """What a run left behind.

    ``slots``, ``agents``, ``trades``, ``rejects``, ``book`` and ``voltages`` are DataFrames in kWh, currency/kWh and
    currency, with names beside indices; ``frame`` gives the same in the integers that the market counted in, and
    ``table`` Arrow tables as written, for large runs.
    """

    def __init__(
        self,
        *,
        manifest: Mapping[str, Any],
        summary: Mapping[str, Any],
        scenario_text: str,
        tables: Mapping[str, pa.Table] | None = None,
        critiques: Sequence[Mapping[str, Any]] = (),
        path: Path | None = None,
        views: RunViews | None = None,
    ) -> None:
        self.manifest = dict(manifest)
        self.summary = dict(summary)
        """KPIs of the run; empty unless it is complete."""
        self.scenario_text = scenario_text
        self.path = path
        """Run folder; None for a run in memory."""
        self.status = status(manifest)
        """``complete``, ``running``, ``interrupted`` or ``failed``."""
        self.critiques = [dict(entry) for entry in critiques]
        self._tables = tables
        self._known: dict[str, tuple[str, ...]] = {}
        """Tables of the folder that were looked at, with their number of columns."""
        self._views = RunViews() if views is None else views
        self._frames: dict[tuple[str, bool], pd.DataFrame] = {}
        self._worst: dict[int, WorstElements] = {}
        self._between: str | None = None

    def __repr__(self) -> str:
        return harmless(f"<Run {self._title}: {self.status}, {self.n_slots} slots, {self.path or 'in memory'}>")

    def _repr_html_(self) -> str:
        facts = {
            "status": self.status,
            "slots": f"{self.n_slots:,}",
            "agents": f"{len(self.manifest['agents']):,}",
            "folder": self.path or "in memory",
        }
        if self._views.headline is None or not self.summary:
            return html(f"Run {self._title}", facts.items())
        head = ("", "market", "unit", "utility only", "change")
        rows = self._views.headline(self.summary, label_of(self.manifest))
        return html(f"Run {self._title}", facts.items(), html_table(head, rows))

    @property
    def _title(self) -> str:
        return f"{self.manifest.get('scenario', '')} (seed {self.manifest.get('seed')})".strip()

    def table(self, name: str, columns: Sequence[str] | None = None, slot: int | range | None = None) -> pa.Table:
        """An Arrow table as written; ``columns`` and ``slot`` (one, or a range of step 1) read only what is asked for.

        Columns that this run has not are left out.

        Raises InputError for a table that this run has not, RunFolderError for one that cannot be read.
        """
        if self._tables is not None:
            if name not in self._tables:
                raise self._no_table(name)
            return _cut(self._tables[name], columns, slot)
        assert self.path is not None
        final, stream = self.path / (name + FINAL_SUFFIX), self.path / (name + STREAM_SUFFIX)
        if self.status == COMPLETE and name in TABLES and os.path.lexists(final):
            return self._checked(name, self._from_parquet(name, final, columns, slot), final)
        if self.status != COMPLETE and name in TABLES:
            return self._checked(name, _cut(self._from_stream(name, stream), columns, slot), stream)
        raise self._no_table(name)

    def _from_parquet(self, name: str, path: Path, columns: Sequence[str] | None, slot: int | range | None) -> pa.Table:
        """The table as asked for; before the first time its columns, and the rows by their keys, are looked at."""
        with reading(path):
            if name not in self._known:
                with opened(path) as file:
                    table_checks.demand_schema(name, file.schema_arrow, path)
                    table_checks.demand_slots(file.metadata.num_rows if name == "slots" else 0, path)
                    self._demand_keys(name, file.read(columns=table_checks.key_columns(name)), path)
                    self._known[name] = tuple(file.schema_arrow.names)
            if slot is None:
                rows = pq.read_metadata(path).num_rows
                demand_memory(path, rows, len(self._known[name] if columns is None else columns))
            wanted = None if slot is None else _in_slots(pc.field("slot"), slot)
            asked = None if columns is None else [each for each in columns if each in self._known[name]]
            return pq.read_table(path, columns=asked, filters=wanted)

    def _from_stream(self, name: str, path: Path) -> pa.Table:
        with reading(path):
            written = stream_table(path, self._common_batches)
            if not written.num_columns:
                return no_rows(name)
            table_checks.demand_schema(name, written.schema, path)
            if name not in self._known:
                table_checks.demand_slots(written.num_rows if name == "slots" else 0, path)
                self._demand_keys(name, written.select(table_checks.key_columns(name)), path)
                self._known[name] = tuple(written.column_names)
            return written

    def _demand_keys(self, name: str, keys: pa.Table, path: Path) -> None:
        n_slots = keys.num_rows if name == "slots" else self.n_slots
        rows = table_checks.RowCounts(n_slots, table_checks.market_sizes(self.manifest))
        table_checks.demand_keys(name, keys, rows, path)

    @staticmethod
    def _checked(name: str, table: pa.Table, path: Path) -> pa.Table:
        with reading(path):
            table_checks.demand_values(name, table, path)
        return table

    @cached_property
    def _common_batches(self) -> int:
        """Batches that every table of an unfinished run has: a full disk may have taken more of one than of another."""
        assert self.path is not None
        streams = {name: self.path / (name + STREAM_SUFFIX) for name in TABLES}
        needed = [path for name, path in streams.items() if name not in OPTIONAL_TABLES or os.path.lexists(path)]
        return min(count_batches(path) for path in needed)

    def _no_table(self, name: str) -> MarketsimError:
        if name in TABLES and name not in OPTIONAL_TABLES:
            return RunFolderError([Problem(f"the table of {name} is missing", file=str(self.path or "memory"))])
        hint = f"write it with 'output: {{{name}: true}}'" if name in TABLES else f"known: {', '.join(TABLES)}"
        return InputError([Problem(f"this run has no table of {name}", hint=hint)])

    def has_table(self, name: str) -> bool:
        """Whether the run wrote this table."""
        if self._tables is not None:
            return name in self._tables
        suffix = FINAL_SUFFIX if self.status == COMPLETE else STREAM_SUFFIX
        return self.path is not None and os.path.lexists(self.path / (name + suffix))

    @cached_property
    def n_slots(self) -> int:
        """Slots written."""
        return int(self.table("slots", columns=["slot"]).num_rows)

    def frame(self, name: str, *, raw: bool = False, slot: int | range | None = None) -> pd.DataFrame:
        """A table as a DataFrame; ``raw``: in the integers that the market counted in (Wh, 1e-6 currency/kWh, 1e-9 currency).

        ``slot``, and what is raised, as for ``table``.
        """
        if slot is not None:
            return self._frame(name, raw=raw, slot=slot)
        if (name, raw) not in self._frames:
            self._frames[name, raw] = self._frame(name, raw=raw)
        return self._frames[name, raw]

    def _frame(self, name: str, *, raw: bool, slot: int | range | None = None) -> pd.DataFrame:
        return frame(self.table(name, slot=slot), agent_names(self.manifest), _NAMED.get(name, ()), raw=raw)

    @property
    def slots(self) -> pd.DataFrame:
        """A row a slot."""
        return self.frame("slots")

    @property
    def agents(self) -> pd.DataFrame:
        """A row an agent and slot."""
        return self.frame("agents")

    @property
    def trades(self) -> pd.DataFrame:
        """A row a trade, in order of execution."""
        return self.frame("trades")

    @property
    def rejects(self) -> pd.DataFrame:
        """A row a refused quantity, in order of refusal."""
        return self.frame("rejects")

    @property
    def book(self) -> pd.DataFrame:
        """A row a price level and slot; InputError where the scenario did not ask for it."""
        return self.frame("book")

    @property
    def voltages(self) -> pd.DataFrame:
        """A row a bus and slot; InputError where the scenario did not ask for it."""
        return self.frame("voltages")

    def to_csv(self, folder: str | Path, *, raw: bool = False, force: bool = False) -> Path:
        """Write every table as ``<table>.csv``, their units and meanings as ``columns.csv``, the KPIs as ``summary.csv``.

        ``raw`` as for ``frame``; ``force`` replaces files that are there. Returns the folder; RunFolderError where it cannot be
        written.
        """
        if not isinstance(folder, str | Path):
            raise RunFolderError(f"the folder of the tables is a path, not {type(folder).__name__}")
        return write_csv(self, Path(folder), raw=raw, force=force)

    def bill(self, agent: str | int, market: int = 0, *, raw: bool = False) -> pd.DataFrame:
        """The bill of an agent, by name or index in its market: a row a line with energy, mean price and amount.

        Its total is what the agent paid; ``raw`` tells energy and amount exactly, in Wh and 1e-9 currency. What each line is
        about stands in its ``attrs["meaning"]``. Where the engine keeps what buyers pay beyond what sellers get (``huang``), its
        line is called so, and not network charges. InputError for an agent that does not exist.
        """
        if self._between is None:
            self._between = _bill.NETWORK_CHARGES if self._views.between is None else self._views.between(self)
        return _bill.bill(self.table, agent_names(self.manifest), agent, market, raw=raw, between=self._between)

    def net(self, slot: int, market: int = 0) -> Any:
        """A pandapower net of that slot, solved. InputError without a grid or for a slot that the run has not."""
        if self._views.net is None:
            raise InputError("this run has no grid to build a net from")
        if not isinstance(slot, Integral) or not 0 <= slot < self.n_slots:
            raise InputError(f"slot {slot!r} is not in this run: it has slots 0 to {self.n_slots - 1}")
        return self._views.net(self, slot, market)

    def grid_history(self, slots: range, market: int = 0) -> GridHistory:
        """The feeder and its voltages and loadings in ``slots``, solved again; InputError without a grid."""
        if self._views.history is None:
            raise InputError(NO_GRID)
        return self._views.history(self, slots, market)

    def worst_buses(self, most: int | None = 10, market: int = 0) -> pd.DataFrame:
        """The buses that were outside their voltage band longest and farthest, then those nearest to it: ``bus_table``.

        Hours below and above the band, depth, lowest and highest voltage with its time, in p.u. and V. ``most`` None: all.
        InputError without a grid.
        """
        return bus_table(self._worst_elements(market), self._begins(), most)

    def worst_branches(self, most: int | None = 10, market: int = 0) -> pd.DataFrame:
        """The branches that were over their limit longest, then those loaded most: ``branch_table``.

        Hours over the limit, highest loading with its time, in %, A and kVA. ``most`` None: all. InputError without a grid.
        """
        return branch_table(self._worst_elements(market), self._begins(), most)

    def _worst_elements(self, market: int) -> WorstElements:
        if market not in self._worst:
            self._worst[market] = worst_elements(partial(self.grid_history, market=market), self.n_slots)
        return self._worst[market]

    def _begins(self) -> Any:
        """Begin of each slot [n_slots]."""
        return self.table("slots", columns=["begins"]).column("begins").to_numpy()

    @property
    def plot(self) -> Plots:
        """Figures for papers: ``run.plot.prices()`` and so on return a matplotlib Figure (extra ``plots``)."""
        from marketsim.results.plots.plots import Plots

        return Plots(self)


def _in_slots(field: pc.Expression, slot: int | range) -> pc.Expression:
    return (field >= slot.start) & (field < slot.stop) if isinstance(slot, range) else field == slot


def _cut(table: pa.Table, columns: Sequence[str] | None, slot: int | range | None) -> pa.Table:
    if slot is not None and "slot" in table.column_names:
        table = table.filter(_in_slots(pc.field("slot"), slot))
    return table if columns is None else table.select([name for name in columns if name in table.column_names])


def open_run(path: str | Path, views: RunViews | None = None) -> Run:
    """The run in a folder, complete or as far as it got; RunFolderError where there is none or it cannot be read."""
    folder = Path(path)
    manifest = read_manifest(folder)
    complete = status(manifest) == COMPLETE
    summary = read_object(folder / SUMMARY) if complete else {}
    if complete:
        demand_summary(summary, folder / SUMMARY)
    log = folder / CRITIC
    return Run(
        manifest=manifest,
        summary=summary,
        scenario_text=_scenario(folder / SCENARIO, required=complete),
        critiques=read_critiques(log) if os.path.lexists(log) else [],
        path=folder,
        views=views,
    )


def _scenario(path: Path, *, required: bool) -> str:
    """The resolved scenario; empty where a run was killed before it was there."""
    if not required and not os.path.lexists(path):
        return ""
    try:
        return read_text(path, MOST_BYTES, RunFolderError, links=False)
    except RunFolderError as error:
        wrong = [each._replace(message=f"cannot read {path.name}: {each.message}") for each in error.problems]
        raise RunFolderError(wrong) from error
