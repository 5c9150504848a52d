"""Pages that are made from the code say what the code says; ``python tests/docs/reference.py`` writes them anew."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import marketsim as ms

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = runpy.run_path(str(Path(__file__).with_name("reference.py")))
NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(?:e[-+]\d+)?")


@pytest.mark.parametrize("page", REFERENCE["PAGES"])
def test_page_is_current(page):
    """The page in the repository is what the code makes of it today."""
    assert (ROOT / page).read_text(encoding="utf-8") == REFERENCE["PAGES"][page]()


@pytest.mark.parametrize("scenario", ["ieee141", "pilot"])
def test_every_kpi_of_a_run_is_defined(scenario):
    """The page of KPIs has a row for each key of a run's summary."""
    run = ms.simulate(ms.load_scenario(ROOT / "scenarios" / f"{scenario}.yaml", {"clock.slots": 2}))
    defined = {kpi.name for group in REFERENCE["kpi_groups"]().values() for kpi in group}
    assert set(run.summary) <= defined


def test_kpis_say_what_they_are():
    """Every KPI has a unit, a definition that is a sentence, and a name of its own on the page of its heading."""
    for head, definitions in REFERENCE["kpi_groups"]().items():
        names = [kpi.name for kpi in definitions]
        assert len(set(names)) == len(names), head
        for kpi in definitions:
            assert kpi.unit, kpi.name
            assert kpi.text.endswith("."), kpi.name


def test_every_column_of_a_run_is_listed():
    """The page of tables has each column of each table that a run has."""
    short = {"clock.slots": 2, "output.voltages": True, "market.sharing": "proportional", "expert": "rule"}
    short["agents[0].strategy"] = "expert"
    run = ms.simulate(ms.load_scenario(ROOT / "scenarios" / "ieee141.yaml", short))
    for name, columns in REFERENCE["run_tables"]().items():
        listed = {column.name.replace("<device>", "battery") for column in columns}
        assert set(run.table(name).column_names) == listed


def test_readme_shows_what_a_run_prints():
    """Each line of the README's output is a line of the run's, numbers to 2 %; the last line, with the time, aside."""
    shown = REFERENCE["_RUN"].search((ROOT / "README.md").read_text(encoding="utf-8"))[0].splitlines()[2:-2]
    printed = REFERENCE["run_output"]().splitlines()
    assert len(shown) == len(printed)
    for expected, line in zip(shown[:-1], printed[:-1], strict=True):
        assert NUMBER.sub("0", expected).split() == NUMBER.sub("0", line).split()
        if "largest difference" not in line:
            assert _numbers(line) == pytest.approx(_numbers(expected), rel=0.02)


def _numbers(line):
    return [float(text.replace(",", "")) for text in NUMBER.findall(line)]
