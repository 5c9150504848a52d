"""Ray: the same study, the same bytes; a worker killed in the middle costs nothing but time."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from marketsim.analysis.execution.in_process import InProcess
from marketsim.analysis.execution.ray_cluster import RayCluster
from marketsim.analysis.studies.axes import axes_of
from marketsim.analysis.studies.folder import open_study
from marketsim.analysis.studies.plan import plan_study
from marketsim.analysis.studies.study import run_study
from marketsim.core.errors import MissingDependency, RunError

PLUGIN = """
import os
import time

import marketsim as ms


class Slow(ms.Prosumer):
    def decide(self, view):
        folder = os.environ.get("MARKETSIM_TEST_PIDS")
        if folder and view.slot == 0:
            open(os.path.join(folder, str(os.getpid())), "w").close()
            time.sleep(1.0)
        return [view.sell(view.surplus_kwh, view.feed_in)]


@ms.hookimpl
def marketsim_parts():
    return [ms.Entry(kind="agent", name="slow", build=lambda params, context: Slow)]
"""
SCENARIO = """
name: slow
clock: {start: 2016-06-06, slots: 6, slot_minutes: 240}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}
profiles: simbench_2016
agents:
  - {kind: slow, pv_kw: 6, load: {annual_kwh: 3000}, strategy: {truthful: {}}}
  - {kind: consumer, count: 2, load: {annual_kwh: 3000}, strategy: {truthful: {}}}
plugins: [slow.py]
"""


def kill_the_first(folder, killed):
    """Kill the first worker that says that it is in the middle of a run."""
    until = time.monotonic() + 60.0
    while time.monotonic() < until and not killed:
        workers = [int(path.name) for path in folder.iterdir() if path.name != str(os.getpid())]
        for worker in workers[:1]:
            os.kill(worker, signal.SIGKILL)
            killed.append(worker)
        time.sleep(0.02)


@pytest.mark.full
def test_a_study_on_two_workers_of_ray_one_of_them_killed(scenario_file, tmp_path, monkeypatch):
    """The table has the bytes of a study in this process, and one run says that it took two workers."""
    pytest.importorskip("ray", reason="needs the extra ray: pip install 'marketsim[ray]'")
    import marketsim as ms

    scenario_file(PLUGIN, "slow.py")
    plan = plan_study(ms.load_scenario(scenario_file(SCENARIO)), axes_of({"profiles.pv_scale": [0, 1, 2, 3]}))
    expected = run_study(plan, InProcess(), tmp_path / "here")
    (tmp_path / "pids").mkdir()
    monkeypatch.setenv("MARKETSIM_TEST_PIDS", str(tmp_path / "pids"))
    killed: list[int] = []
    killer = threading.Thread(target=kill_the_first, args=(tmp_path / "pids", killed))
    killer.start()
    made = run_study(plan, RayCluster("local", 2), tmp_path / "ray")
    killer.join()
    assert len(killed) == 1
    assert sorted(made.timings["attempts"]) == [1, 1, 1, 2]
    for name in ("study.parquet", "study.csv", "study.yaml"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert made.table.equals(expected.table)
    assert open_study(tmp_path / "ray").status == "complete"


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match=r"a study on a Ray cluster needs ray: pip install 'marketsim\[ray\]'"):
        list(RayCluster("local", 1).run(len, ["a"]))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_an_address_at_which_nothing_listens_is_told_at_once(address):
    """Ray by itself would try for minutes."""
    pytest.importorskip("ray", reason="needs the extra ray: pip install 'marketsim[ray]'")
    with pytest.raises(RunError, match=rf"cannot use Ray at '{address}': .*refused"):
        list(RayCluster(address, 1).run(len, ["a"]))
