"""What of a net takes no part in a run is said on the screen."""

from __future__ import annotations

from pathlib import Path

import pandapower
import pandapower.networks
import pytest

from marketsim.cli.main import cli


def test_generation_of_the_net_that_is_left_out_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    net = pandapower.networks.create_kerber_landnetz_kabel_1()
    pandapower.create_sgen(net, 5, p_mw=0.01)
    pandapower.to_json(net, str(tmp_path / "net.json"))
    (tmp_path / "s.yaml").write_text(
        "name: left\nclock: {start: '2016-07-12', slots: 1, slot_minutes: 15}\n"
        "grid: {feeder: 'file:net.json', gate: observe}\ntariff: {flat: {retail: 0.3, feed_in: 0.08}}\n"
        "profiles: {source: synthetic}\nagents: [{name: a, kind: consumer, bus: '6', load: {annual_kwh: 1000}}]\n"
    )
    monkeypatch.chdir(tmp_path)
    cli(["run", "s.yaml", "--out", "o"], standalone_mode=False)
    assert "1 sgen of the net left out" in capsys.readouterr().out
