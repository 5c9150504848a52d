from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from marketsim.profiles.powers import Reading, read_powers
from marketsim.profiles.table import CellTable
from marketsim.profiles.times import Steps

MIDNIGHT = datetime(2016, 7, 12)


def table_of(**columns: list[object]) -> CellTable:
    n_rows = len(next(iter(columns.values())))
    return CellTable("s.csv", dict(columns), range(2, n_rows + 2))


def steps_of(n_steps: int, minutes: int = 60, rows: list[int] | None = None) -> Steps:
    return Steps(MIDNIGHT, timedelta(minutes=minutes), n_steps, None if rows is None else np.array(rows))


def read(cells: list[object], name: str = "a_kw", told: object = None, minutes: int = 60, **how: object) -> object:
    return read_powers(table_of(**{name: cells}), name, steps_of(len(cells), minutes), told, Reading(**how))


@pytest.mark.parametrize(
    ("name", "told", "power"),
    [
        ("a_kw", None, [1.0, 2.5]),
        ("A_KW", None, [1.0, 2.5]),
        ("a_kwh", None, [4.0, 10.0]),
        ("a_kwh", "kwh", [4.0, 10.0]),
        ("a", "kw", [1.0, 2.5]),
        ("a", "kwh", [4.0, 10.0]),
        ("a", "w", [0.001, 0.0025]),
        ("KWH/hh (per half hour)", "wh", [0.004, 0.01]),
    ],
)
def test_a_unit_is_that_of_the_name_or_of_the_scenario(name: str, told: object, power: list[float]) -> None:
    found, _, problems = read(["1", "2.5"], name, told, 15)
    assert problems == []
    np.testing.assert_allclose(found, power)


@pytest.mark.parametrize("name", ["load", "load_mw", "load_wh", "kw", "load_kw_mean", "KWH/hh (per half hour)"])
def test_a_column_without_a_known_unit_is_a_problem_that_names_it(name: str) -> None:
    (problem,) = read([1.0], name)[2]
    assert problem.message == f"the name of the column {name!r} does not end in _kw or _kwh, so its unit is not known"
    assert (problem.line, problem.path) == (1, name)
    assert "profiles.values" in problem.hint


@pytest.mark.parametrize(("name", "told"), [("a_kw", "kwh"), ("a_kw", "counter_kwh"), ("a_kwh", "w")])
def test_a_name_and_a_scenario_that_differ_are_a_problem(name: str, told: str) -> None:
    (problem,) = read([1.0, 2.0], name, told)[2]
    assert f"says {name[2:]}, the scenario says values: {told}" in problem.message


@pytest.mark.parametrize(
    ("cell", "message", "hint"),
    [
        ("-0.1", "a negative value", "positive"),
        *((cell, "a missing value", "profiles.gaps") for cell in ("", None, "NaN", float("nan"), "null", "-", "N/A")),
        ("1,5", "not a number with '.' before its decimals", 'profiles.decimal: ","'),
        ("1_000", "not a number", "digits 0 to 9"),
        ("１２", "not a number", "digits 0 to 9"),
        ("٣", "not a number", "digits 0 to 9"),
        ("0x10", "not a number", "digits 0 to 9"),
        ("1,000.5", "not a number", "between thousands"),
        ("1,000", "not a number", 'without marks between thousands; if it marks decimals, set profiles.decimal: ","'),
        ("1 000", "not a number", "between thousands"),
        ("1'000", "not a number", "between thousands"),
        ("1.234.567", "not a number", "between thousands"),
        ("inf", "not a number", "plain number"),
        ("-Infinity", "not a number", "plain number"),
        ("1e", "not a number", "plain number"),
        ("1.5 kW", "not a number", "plain number"),
        ("much", "not a number", "plain number"),
        (True, "not a number", "plain number"),
        ([1], "not a number", "plain number"),
        (b"1", "not a number", "plain number"),
        (datetime(2016, 1, 1), "not a number", "plain number"),
        ("1e400", "beyond all bounds", "at most"),
        ("1e30", "beyond all bounds", "at most"),
    ],
)
def test_a_bad_cell_is_reported_with_line_value_and_hint(cell: object, message: str, hint: str) -> None:
    (problem,) = read(["1", cell, "2"])[2]
    assert message in problem.message
    assert hint in problem.hint
    assert (problem.file, problem.line, problem.path) == ("s.csv", 3, "a_kw")


@pytest.mark.parametrize("cell", ["1", "1.", "+1.0", " 1 ", "10e-1", "0.1E1", "001", 1, 1.0])
def test_plain_numbers_are_read(cell: object) -> None:
    assert read(["1", cell])[0].tolist() == [1.0, 1.0]


def test_decimal_commas_are_read_where_they_are_stated() -> None:
    assert read(["1,5", "2", ",5", "1,5e1"], decimal=",")[0].tolist() == [1.5, 2.0, 0.5, 15.0]
    (problem,) = read(["1,5", "2.5"], decimal=",")[2]
    assert (problem.message, problem.line) == ("not a number with ',' before its decimals", 3)
    assert "thousands" in read(["1.234,5"], decimal=",")[2][0].hint


def test_equal_faults_of_a_column_are_one_problem_with_their_lines() -> None:
    problems = read(["-1"] * 70 + ["x"] * 30)[2]
    assert [problem.message for problem in problems] == [
        "a negative value, in 70 lines (2, 3, 4, 5, 6 ... 71)",
        "not a number, in 30 lines (72, 73, 74, 75, 76 ... 101)",
    ]


@pytest.mark.parametrize(
    ("policy", "filled"), [("interpolate", [1.0, 2.0, 3.0, 4.0, 5.0]), ("previous", [1.0, 1.0, 1.0, 4.0, 5.0])]
)
def test_gaps_are_filled_as_stated_and_counted(policy: str, filled: list[float]) -> None:
    how = {"gaps": policy, "longest_gap": timedelta(hours=2)}
    power, told, problems = read(["1", "", "nan", "4", "5"], **how)
    assert (power.tolist(), problems) == (filled, [])
    assert told == (2, timedelta(hours=2))
    without_rows = read_powers(
        table_of(a_kw=["1", "4", "5"]), "a_kw", steps_of(5, rows=[0, 3, 4]), None, Reading(**how)
    )
    assert without_rows[0].tolist() == filled


@pytest.mark.parametrize(
    ("cells", "message", "line"),
    [
        (["1", "", "", "", "5"], "values are missing for 3:00:00 from 2016-07-12 01:00:00 on, more than is filled", 3),
        (["", "2", "3"], "no value to fill the gap from", 2),
        (["1", "2", ""], "no value to fill the gap from", 4),
    ],
)
def test_gaps_that_cannot_be_filled_are_refused(cells: list[object], message: str, line: int) -> None:
    (problem,) = read(cells, gaps="interpolate", longest_gap=timedelta(hours=2))[2]
    assert (problem.message, problem.line) == (message, line)


def test_a_value_above_the_stated_limit_is_refused_with_its_line() -> None:
    (problem,) = read(["1", "2", "90"], "a_kwh", minutes=15, largest_kw=100.0)[2]
    assert (problem.message, problem.line, problem.value) == ("a mean power above 100 kW", 4, "360 kW")


def meter(n_rows: int, first: float = 1000.0) -> list[object]:
    return [round(first + 0.1 * row + 0.05 * (row % 3), 3) for row in range(n_rows)]


@pytest.mark.parametrize("name", ["a_kwh", "a_kw"])
@pytest.mark.parametrize("cells", [meter(24), meter(96, 0.0), [row // 3 for row in range(3000, 3096)]])
def test_a_meter_that_counts_up_is_recognised(name: str, cells: list[object]) -> None:
    (problem,) = read(cells, name)[2]
    assert f"the column {name!r} never falls" in problem.message
    assert "profiles.values: counter_kwh" in problem.hint


def test_a_count_of_each_day_is_recognised() -> None:
    (problem,) = read([0.3 * hour for hour in range(24)] * 3, "a_kwh")[2]
    assert "only falls when it begins anew, 2 times" in problem.message


@pytest.mark.parametrize(
    "cells",
    [
        [0.5] * 96,
        [float(hour) for hour in range(24)],
        [1.0 + row // 24 for row in range(96)],
        [float(row % 7) for row in range(96)],
        [max(0.0, 6.0 - abs(12 - hour)) for hour in range(24)] * 4,
    ],
)
def test_ordinary_series_are_no_meters(cells: list[object]) -> None:
    assert read(cells)[2] == []


def test_a_stated_unit_is_believed() -> None:
    assert read(meter(96), "a_kwh", "kwh")[2] == []


@pytest.mark.parametrize(("told", "scale"), [("counter_kwh", 1.0), ("counter_wh", 1e-3)])
def test_the_energy_of_a_meter_is_its_difference_to_the_next_row(told: str, scale: float) -> None:
    power, _, problems = read(["1000", "1001", "1001", "1003"], "a", told, 15)
    assert problems == []
    np.testing.assert_allclose(power, [4.0 * scale, 0.0, 8.0 * scale, np.nan])


def test_a_meter_that_falls_is_refused() -> None:
    (problem,) = read(["5", "6", "2", "3"], "a", "counter_kwh")[2]
    assert (problem.message, problem.line, problem.value) == ("the counter falls", 4, "2")


def test_a_gap_of_a_meter_keeps_the_energy() -> None:
    power, _, problems = read(
        ["5", "", "9", "9"], "a", "counter_kwh", gaps="interpolate", longest_gap=timedelta(hours=1)
    )
    assert problems == []
    assert power[:3].tolist() == [2.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([*meter(50), *meter(46, 0.0)], "falls once"),
        ([*meter(30, 99_996.0), *meter(40, 0.1), *meter(60, 2.0)], "falls 2 times"),
    ],
)
def test_a_meter_that_is_changed_or_runs_over_is_recognised(cells: list[object], said: str) -> None:
    (problem,) = read(cells, "a_kwh")[2]
    assert said in problem.message
    assert problem.line == next(row for row, cell in enumerate(cells) if row and cell < cells[row - 1]) + 2
    assert "cut the file there" in problem.hint


def test_a_meter_of_whole_kwh_is_recognised_though_it_seldom_moves() -> None:
    (problem,) = read([1000 + row // 12 for row in range(96)], "a_kwh", minutes=15)[2]
    assert "never falls from 1000 to 1007" in problem.message
