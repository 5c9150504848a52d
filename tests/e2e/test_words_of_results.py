"""What the screen and the report say: names of currencies, trade into storage, changes of incomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import marketsim as ms
from marketsim.cli.main import cli
from marketsim.core.errors import ScenarioError

SCENARIO = """\
name: words
{extra}
clock: {{start: 2016-07-12, slots: 24, slot_minutes: 60}}
tariff: {{flat: {{retail: 0.30, feed_in: 0.08}}}}
profiles: {{source: synthetic}}
agents:
  - {{name: p, kind: prosumer, load: {{annual_kwh: 10}}, pv_kw: 8}}
  - {{name: s, kind: prosumer, load: {{annual_kwh: 10}}, battery: {{energy_kwh: 30, power_kw: 8, soc_initial: 0.1}},
     strategy: {{truthful: {{storage: trade}}}}}}
"""


def printed(folder: Path, extra: str = "") -> tuple[str, Path]:
    path = folder / "words.yaml"
    path.write_text(SCENARIO.format(extra=extra))
    out = folder / "run"
    result = CliRunner().invoke(cli, ["run", str(path), "--out", str(out), "--force"])
    assert result.exit_code == 0, result.output
    return result.output, out


def test_energy_that_peers_trade_into_storage_is_said_to_go_there(tmp_path: Path) -> None:
    text, out = printed(tmp_path)
    summary = ms.open_run(out).summary
    assert summary["p2p_share"] < 0.1
    assert summary["p2p_stored_share"] > 0.9
    assert "Of it into storage or sold on" in text
    assert "went into storage or was sold on" in (out / "report.html").read_text()


def test_an_income_has_a_change_too(tmp_path: Path) -> None:
    text, out = printed(tmp_path)
    summary = ms.open_run(out).summary
    assert summary["prosumer_cost_grid_only"] < 0.0
    row = next(line for line in text.splitlines() if "Cost of prosumers" in line)
    assert row.rstrip().endswith("currency")
    gain = summary["prosumer_cost"] - summary["prosumer_cost_grid_only"]
    assert float(row.split()[-2]) == pytest.approx(gain, rel=0.01)


def test_a_label_stands_wherever_money_is_shown_and_changes_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain, without = printed(tmp_path / "a")
    text, out = printed(tmp_path / "b", "currency: EUR")
    assert "EUR/kWh" in text
    assert "currency" not in text
    assert "currency" in plain
    page = (out / "report.html").read_text()
    assert '"currency": "EUR"' in page or '"currency":"EUR"' in page
    for name in ("slots", "agents", "trades"):
        assert (out / f"{name}.parquet").read_bytes() == (without / f"{name}.parquet").read_bytes()
    hashes = [ms.open_run(folder).manifest["scenario_hash"] for folder in (out, without)]
    assert hashes[0] == hashes[1]
    assert ms.load_scenario(out / "scenario.yaml").model.currency == "EUR"


@pytest.mark.parametrize("label", ["<script>", "a very long name", 5, "E R", ""])
def test_what_is_no_label_is_refused(label: Any, tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text(SCENARIO.format(extra=""))
    with pytest.raises(ScenarioError, match="currency: must be a short name of a currency"):
        ms.load_scenario(tmp_path / "words.yaml", {"currency": label})
