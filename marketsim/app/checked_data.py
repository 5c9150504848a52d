"""What is known of a table of the user's own: for the screen, for programs, and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from marketsim.core.errors import Problem
from marketsim.core.plain_text import harmless
from marketsim.metrics.wording import number
from marketsim.profiles.understand.reading import Understood
from marketsim.profiles.understand.series_facts import SeriesFacts
from marketsim.results.notebook import frame_of, html, html_table
from marketsim.scenario.dump import flow, text_of

HEAD: Final = ("series", "for", "holds", "kWh a day", "largest kW", "missing", "from", "until", "plausible")
"""Of the table of series for people."""
NUMBERS: Final = (3, 4, 5)
"""Columns of it that hold numbers."""
FOLDER: Final = "folder"
"""Key of a scenario that says where its files lie."""
MOST_ROWS: Final = 60
"""Series that are shown; the whole answer has all."""
_IN_A_NOTEBOOK: Final = 12
_WIDEST: Final = 120
"""Letters of a line that can still be read, and changed by hand."""


@dataclass(frozen=True, slots=True, repr=False)
class CheckedData:
    """What is known of a table; made by ``check_data``."""

    file: str
    """As the user named it."""
    found: Understood
    sections: dict[str, Any]
    """Sections of a scenario that reads it, with its ``folder`` where that is another; empty where no series can be used."""
    problems: tuple[Problem, ...]
    """What has to be mended first, in the table or in how the scenario's agents find their columns."""
    notes: tuple[str, ...]
    """What there is to know of the scenario's agents and their columns."""

    def __repr__(self) -> str:
        return harmless(f"<CheckedData {self.file}: {self.extent}, {self._state}>")

    def _repr_html_(self) -> str:
        facts = [("table", self.extent), ("taken as", self.taken_as), ("state", self._state)]
        facts += [("", said) for said in (*self.remarks, *map(str, self.problems))]
        more = len(self.found.facts) - _IN_A_NOTEBOOK
        shown = html_table(HEAD, self.rows[:_IN_A_NOTEBOOK])
        return html(
            f"Data of {self.file}", [*facts, *([("", f"{more} more series in .series")] if more > 0 else [])], shown
        )

    @property
    def usable(self) -> bool:
        """Whether it can be used as the sections say."""
        return bool(self.sections) and not self.problems

    @property
    def section(self) -> dict[str, Any]:
        """The section ``profiles`` of a scenario that reads it; empty where no series can be used."""
        return dict(self.sections.get("profiles", {}))

    @property
    def text(self) -> str:
        """The sections as a scenario beside the file has them."""
        return text_of(self._beside, _WIDEST) if self.sections else ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What there is to look at."""
        return (*self.found.remarks, *self.notes)

    @property
    def extent(self) -> str:
        """Rows, series and steps, in words."""
        step = next((each.steps for each in self.found.facts if each.steps is not None), None)
        steps = "" if step is None else f", steps of {step.hours * 60:g} minutes"
        return f"{len(self.found.sheet.table.lines)} rows, {len(self.found.facts)} series{steps}"

    @property
    def taken_as(self) -> str:
        """How the file was taken to be written, in words."""
        written = [f"{key}: {flow(value)}" for key, value in self.found.form.items() if key != "path"]
        return ", ".join(written) or "plain CSV with a column time"

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """What was found of each series, under ``HEAD``."""
        return [_row(each) for each in self.found.facts[:MOST_ROWS]]

    @property
    def series(self) -> Any:
        """What was found of each series, as a DataFrame. Index: its name. Columns as in the JSON of ``marketsim data check``, but
        gaps and spikes are summed up: ``for``, ``values``, ``begins``, ``ends``, ``step_minutes``, ``kwh_a_day``, ``largest_kw``,
        ``missing``, ``longest_gap_minutes``, ``negative``, ``n_spikes``, ``plausible``, ``range``.
        """
        rows = [_summed_up(each) for each in self.found.facts]
        return frame_of(rows, list(rows[0]) if rows else ["name"], "name")

    def document(self) -> dict[str, object]:
        """All of it as plain data."""
        return {
            "usable": self.usable,
            "file": self.file,
            "rows": len(self.found.sheet.table.lines),
            "form": self.found.form,
            "series": [facts_of_series(each) for each in self.found.facts],
            "remarks": list(self.remarks),
            "problems": [problem._asdict() for problem in self.problems],
            "sections": self._beside,
            "text": self.text,
        }

    @property
    def _beside(self) -> dict[str, Any]:
        """The sections of a scenario that lies beside the file."""
        return {key: section for key, section in self.sections.items() if key != FOLDER}

    @property
    def _state(self) -> str:
        if self.usable:
            return "can be used"
        return "no series can be used as it stands" if not self.problems else _problems(self.problems)


def _problems(problems: Sequence[Problem]) -> str:
    return f"{len(problems)} problem{'' if len(problems) == 1 else 's'} to be mended first"


def facts_of_series(each: SeriesFacts) -> dict[str, Any]:
    """What was found of a series, as plain data; None where nothing is known."""
    known = each.first is not None
    gap = each.longest_gap
    return {
        "name": each.name,
        "for": each.role,
        "values": each.values,
        "begins": str(each.first) if known else None,
        "ends": str(each.last) if known else None,
        "step_minutes": None if each.steps is None else each.steps.hours * 60,
        "kwh_a_day": each.kwh_a_day if known else None,
        "largest_kw": each.largest_kw if known else None,
        "missing": each.n_missing,
        "longest_gap": None if gap is None else {"begins": str(gap.begins), "minutes": gap.lasts.total_seconds() / 60},
        "negative": each.n_negative,
        "spikes": [{"begins": str(begins), "kw": kw, "line": line} for begins, kw, line in each.spikes],
        "plausible": each.is_plausible if known else None,
        "range": None if each.range is None else each.range.words,
    }


def _summed_up(each: SeriesFacts) -> dict[str, Any]:
    facts = facts_of_series(each)
    facts |= {"begins": each.first, "ends": each.last}
    gap, spikes = facts.pop("longest_gap"), facts.pop("spikes")
    return {**facts, "longest_gap_minutes": 0.0 if gap is None else gap["minutes"], "n_spikes": len(spikes)}


def _row(each: SeriesFacts) -> tuple[str, ...]:
    what = {"export": "fed in", "part": "part of a load", "other": "-"}.get(each.role, each.role)
    if each.first is None or each.last is None:
        return each.name, what, "?", "-", "-", "-", "-", "-", "not read"
    judged = "-" if each.range is None or each.values is None else "yes" if each.is_plausible else "NO"
    return (
        each.name,
        what,
        each.values or "?",
        number(each.kwh_a_day),
        number(each.largest_kw),
        str(each.n_missing),
        f"{each.first:%Y-%m-%d %H:%M}",
        f"{each.last:%Y-%m-%d %H:%M}",
        judged,
    )
