"""Tiers of the tests: ``--tier`` says how much is tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = """
import pytest
from hypothesis import given, settings, strategies as st

tried = []

@given(st.integers())
@settings(max_examples=40)
def test_law(x):
    tried.append(x)

@given(st.integers())
def test_default(x):
    tried.append(x)

@pytest.mark.parametrize("case", range(3))
@given(st.integers())
@settings(max_examples=20)
def test_cases(case, x):
    tried.append(x)

@pytest.mark.full
def test_not_quick():
    tried.append("full")

@pytest.mark.nightly
def test_late():
    tried.append("late")

def test_count():
    print(f"tried {len(tried)}, full {'full' in tried}, late {'late' in tried}")
"""


@pytest.mark.parametrize(
    ("tier", "said", "count"),
    [
        ("quick", "tried 50, full False, late False", 6),
        ("full", "tried 201, full True, late False", 7),
        ("nightly", "tried 2002, full True, late True", 8),
    ],
)
def test_a_tier_says_how_much_is_tried(
    tier: str, said: str, count: int, python: Callable, root: Path, tmp_path: Path
) -> None:
    """Properties have at most ten examples in ``quick`` and ten times their own in ``nightly``, each of its cases as many, explicit ones included."""
    (tmp_path / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    full: not quick\n    nightly: late\n")
    ended = python("-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "--tier", tier, "test_some.py", cwd=tmp_path)
    assert ended.code == 0, ended.out
    assert said in ended.out
    assert f"{count} passed" in ended.out
