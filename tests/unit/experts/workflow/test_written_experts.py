"""Experts from words as the expert of a scenario: stacked they cost what the joint programme costs, and voltages are kept."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import marketsim as ms
from marketsim.analysis.experts.solving import case_of
from marketsim.core.errors import InputError, RunError, ScenarioError
from marketsim.core.expert import net_kw
from marketsim.experts.case import random_cases
from marketsim.experts.columns import costs
from marketsim.experts.library.compose import code_of, resting_code
from marketsim.experts.model import BatteryModel, GeneratorModel, ProsumerModel
from marketsim.experts.sandbox import client
from marketsim.experts.sandbox.client import CodeMember, Coupling, Expected, outcome_of
from marketsim.experts.sandbox.reviewed import ReviewedSolver
from marketsim.experts.workflow.pipeline import NO_OPERATOR
from tests.learning.community import community

if find_spec("clarabel") is None or find_spec("cvxpy") is None:
    pytest.skip(
        "clarabel or cvxpy is not installed: pip install 'marketsim[experts,experts-code]'", allow_module_level=True
    )
ROOF = ProsumerModel(load_peak_kw=300, pv_kw=2000, battery=BatteryModel(energy_kwh=400, power_kw=200))


def put(folder: Path, name: str, code: str, model: Any = ROOF, refusals: Any = (NO_OPERATOR,)) -> Path:
    """The folder of an expert, as it is written."""
    own = folder / name
    own.mkdir(parents=True)
    about = {"refusals": list(refusals), "model": model.model_dump(mode="json")}
    (own / "expert.json").write_text(json.dumps(about), encoding="utf-8")
    (own / "expert.py").write_text(code, encoding="utf-8")
    return own


TIGHT = {"grid.voltage_band_pu": [0.9, 1.005], "grid.load_scale": 0.02}
"""So that PV lifts voltages out of the band."""


def planned(expert: Any, changes: Any = None) -> tuple[float, Any]:
    """What the day costs, and its plan."""
    case = case_of(ms.load_scenario(community(expert=expert), changes or {}, trust=True), None)
    view = case.days.day(0)
    plan = case.built.expert.solve(view)
    pooled = net_kw(view.load_kw, plan.setpoints).sum(axis=1, keepdims=True)
    return costs(case.built.own, view, plan.setpoints, pooled).total, plan


def test_blocks_stacked_cost_what_the_joint_programme_costs_and_keep_the_band() -> None:
    """On a day whose voltages need rows, in both: 1e-4 of it, where regularisation differs."""
    joint, known = planned({"joint": {"reactive": "left"}}, TIGHT)
    ours, plan = planned("written", TIGHT)
    assert known.solves > 1
    assert plan.solves > 1
    assert (plan.outside, plan.status) == (0, "solved")
    assert ours == pytest.approx(joint, rel=1e-4)


def test_who_has_no_expert_rests_where_it_is_said(tmp_path: Path) -> None:
    """It uses its PV and leaves its battery alone; whoever has a folder by its name follows that."""
    own = put(tmp_path, "roof", code_of(ROOF))
    expert = {"written": {"experts": {"roof": str(own)}, "others": "rest"}}
    case = case_of(ms.load_scenario(community(expert=expert), trust=True), None)
    view = case.days.day(0)
    points = case.built.expert.plan(view)
    assert np.abs(points.battery_kw[:, 0]).max() < 1e-3
    np.testing.assert_allclose(points.pv_kw[:, 0], view.pv_available_kw[:, 0], rtol=1e-5, atol=1e-3)
    assert np.abs(points.battery_kw[:, 2]).max() > 10.0
    assert points.generator_kw.max() < 1e-3


def test_what_an_expert_thinks_of_its_devices_is_held_to_those_that_there_are(tmp_path: Path) -> None:
    """A battery of ten times the power, of words that were not about this one."""
    own = put(
        tmp_path, "roof", code_of(ProsumerModel(pv_kw=2000, battery=BatteryModel(energy_kwh=4000, power_kw=2000)))
    )
    _, plan = planned({"written": {"experts": {"roof": str(own)}}})
    assert np.abs(plan.setpoints.battery_kw[:, 2]).max() == pytest.approx(200.0)


def test_a_generator_that_always_runs_does_so_at_rest(sandbox: Any) -> None:
    model = ProsumerModel(load_peak_kw=50, pv_kw=9, generator=GeneratorModel(max_kw=20, min_kw=4))
    (case,) = random_cases(model, 3, 1)
    found = sandbox.solve([CodeMember(resting_code(model), case.state())]).value["members"][0]
    np.testing.assert_allclose(found["generator_kw"], 4.0, atol=1e-5)
    np.testing.assert_allclose(found["pv_kw"], case.pv_available_kw, atol=1e-5)


@pytest.mark.parametrize("solver", ["sandbox", "here"])
def test_rows_on_what_all_inject_hold_or_cost_what_they_say(sandbox: Any, solver: str) -> None:
    """At a price that is high enough curtailment keeps them; at a low one they are broken, and by how much is told."""
    model = ProsumerModel(load_peak_kw=0.0, pv_kw=9)
    (case,) = random_cases(model, 3, 1)
    sunny = int(np.argmax(case.pv_available_kw))
    members, solve = (
        [CodeMember(code_of(model), case.state())] * 2,
        (sandbox if solver == "sandbox" else ReviewedSolver()).solve,
    )
    most = 0.5 * case.pv_available_kw[sunny]
    for weight, slack in ((1e3, 0.0), (1e-6, 1.5 * case.pv_available_kw[sunny])):
        ended = solve(members, coupling=Coupling([sunny], [[1.0, 1.0]], [[0.0, 0.0]], [most], [weight]))
        used = sum(each["pv_kw"][sunny] for each in ended.value["members"])
        assert ended.value["slack"] == pytest.approx([slack], abs=1e-4)
        assert used == pytest.approx(most + slack, abs=1e-3)
    held = solve(members, coupling=Coupling([sunny], [[0.0, 0.0]], [[1.0, 0.0]], [most], [1e3]))
    assert held.value["members"][0]["pv_kw"][sunny] == pytest.approx(most, abs=1e-3)
    assert held.value["members"][1]["pv_kw"][sunny] == pytest.approx(case.pv_available_kw[sunny], abs=1e-3)


def test_an_answer_has_as_many_rows_as_were_asked_for() -> None:
    """A child may say anything."""
    series = {name: [0.0] for name in ("generator_kw", "battery_kw", "curtailed_kw", "pv_kw", "p2p_kw")}
    value = {"objective": 0.0, "status": "optimal", "members": [{"objective": 0.0, **series}]}
    said = json.dumps({"value": {**value, "slack": [0.0, 1.0]}}).encode()
    assert outcome_of(said, Expected((1,), 2), 0.0).value is not None
    assert "slack is no list of 1 numbers" in outcome_of(said, Expected((1,), 1), 0.0).message
    assert (
        "slack is no list of 2 numbers"
        in outcome_of(json.dumps({"value": value}).encode(), Expected((1,), 2), 0.0).message
    )


UNUSABLE = {
    "refused": (lambda folder: put(folder, "roof", code_of(ROOF), refusals=("case 1: it costs more",)),
                "this expert was not accepted: case 1: it costs more"),
    "without code": (lambda folder: (put(folder, "roof", "") / "expert.py").unlink(), "not accepted: there is no expert.py"),
    "nothing there": (lambda folder: None, "there is no expert.json in this folder"),
    "no JSON": (lambda folder: (put(folder, "roof", "") / "expert.json").write_text("{"), "expert.json is no JSON"),
    "no reasons": (lambda folder: (put(folder, "roof", "") / "expert.json").write_text("{}"), "has no list 'refusals'"),
    "no model": (lambda folder: (put(folder, "roof", code_of(ROOF)) / "expert.json").write_text('{"refusals": [], "model": {"pv": 1}}'),
                 "expert.json: model.pv: "),
    "hostile": (lambda folder: put(folder, "roof", "import os\n"), "expert.py is not run: line 1: "),
}  # fmt: skip


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_folder_that_is_of_no_use_is_told_before_a_run(tmp_path: Path, what: str) -> None:
    """When the scenario is read, with the place in it and the reason."""
    make, told = UNUSABLE[what]
    make(tmp_path)
    expert = {"written": {"experts": {"roof": str(tmp_path / "roof")}}}
    with pytest.raises(ScenarioError) as found:
        ms.load_scenario(community(expert=expert), trust=True)
    assert told in str(found.value)
    assert "expert.written.experts.roof" in str(found.value)


def test_an_expert_of_nobody_is_told(tmp_path: Path) -> None:
    own = put(tmp_path, "wind", code_of(ROOF))
    ready = ms.load_scenario(community(expert={"written": {"experts": {"wind": str(own)}}}), trust=True)
    with pytest.raises(ScenarioError, match="no agent that is planned has this name"):
        case_of(ready, None)


def test_a_folder_of_a_stranger_s_scenario_lies_below_it(tmp_path: Path) -> None:
    """One elsewhere is not looked for."""
    import yaml

    own = put(tmp_path, "roof", code_of(ROOF))
    (tmp_path / "below").mkdir()
    path = tmp_path / "below" / "few.yaml"
    path.write_text(yaml.safe_dump(community(expert={"written": {"experts": {"roof": f"../{own.name}"}}})))
    with pytest.raises(ScenarioError, match="lies outside the scenario's folder"):
        case_of(ms.load_scenario(path), None)


def test_codes_without_a_plan_end_in_a_reason(tmp_path: Path) -> None:
    code = code_of(ROOF).replace("constraints = []", "constraints = [buy >= 2, buy <= 1]")
    own = put(tmp_path, "roof", code)
    with pytest.raises(RunError, match="have no plan: the problem is infeasible"):
        planned({"written": {"experts": {"roof": str(own)}}})


def test_without_a_sandbox_the_library_plans_and_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is that of the sandbox."""
    monkeypatch.setattr(client, "refusal", lambda: "no seccomp here")
    cost, _ = planned("written")
    assert cost == pytest.approx(planned({"joint": {"reactive": "left"}})[0], rel=1e-4)
    own = put(tmp_path, "roof", code_of(ROOF).replace("hours = len", "hours = 0 + len").replace("2e-5", "3e-5"))
    with pytest.raises(InputError, match="no seccomp here"):
        planned({"written": {"experts": {"roof": str(own)}}})


def test_reactive_power_cannot_be_planned() -> None:
    with pytest.raises(ScenarioError, match=r"expert\.written\.reactive"):
        ms.load_scenario(community(expert={"written": {"reactive": "planned"}}))
