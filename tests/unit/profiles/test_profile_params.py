from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from marketsim.core.field_docs import field_docs
from marketsim.profiles.file_params import FileParams
from marketsim.profiles.params import (
    ClimatologyParams,
    DaySelection,
    ForecastChoice,
    NoisyPerfectParams,
    SimbenchParams,
    SyntheticParams,
)


def test_a_forecast_may_be_a_bare_name() -> None:
    assert SimbenchParams.model_validate({"forecast": "persistence"}).forecast.persistence is not None


def test_a_forecast_may_carry_parameters() -> None:
    params = SimbenchParams.model_validate({"forecast": {"noisy_perfect": {"sigma": 0.3}}})
    assert params.forecast.chosen == NoisyPerfectParams(sigma=0.3)


def test_climatology_is_the_default() -> None:
    assert SyntheticParams().forecast.chosen == ClimatologyParams()


@pytest.mark.parametrize("value", [{}, {"perfect": {}, "persistence": {}}])
def test_exactly_one_forecast_is_chosen(value: object) -> None:
    with pytest.raises(ValidationError, match="exactly one of climatology, persistence, noisy_perfect, perfect"):
        ForecastChoice.model_validate(value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pv_scale", -0.1),
        ("pv_scale", float("nan")),
        ("demand_scale", 1e9),
        ("forecast", "oracle"),
        ("days", {"season": "monsoon"}),
        ("days", {"weather": "fair"}),
        ("diversification", {"shift_weeks": 12}),
        ("diversification", {"noise": -1}),
        ("pvscale", 1),
    ],
)
def test_nonsense_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        SimbenchParams.model_validate({field: value})


def test_a_written_model_reads_back_the_same() -> None:
    params = SimbenchParams(days=DaySelection(season="summer"), forecast=ForecastChoice.model_validate("perfect"))
    assert SimbenchParams.model_validate(params.model_dump()) == params
    assert SimbenchParams.model_validate(params.model_dump(exclude_none=True)) == params


def test_a_file_needs_a_path() -> None:
    with pytest.raises(ValidationError, match="path"):
        FileParams.model_validate({})


def test_every_field_is_described() -> None:
    for model in (SimbenchParams, SyntheticParams, FileParams):
        assert set(model.model_fields) <= set(field_docs(model))


def test_parameters_load_no_heavy_library() -> None:
    heavy = ("numba", "pandas", "scipy", "pandapower", "mesa", "torch", "pyarrow", "simbench")
    code = f"import sys, marketsim.profiles.params; print(*[m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""
