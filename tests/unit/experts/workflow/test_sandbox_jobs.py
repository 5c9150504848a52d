"""What the sandbox answers to honest code, and to honest mistakes."""

import os
import platform
import sys
import threading

import pytest

from marketsim.core.errors import InputError
from marketsim.experts.case import random_cases
from marketsim.experts.library.compose import code_of
from marketsim.experts.model import BatteryModel, GeneratorModel, ProsumerModel
from marketsim.experts.sandbox import client, frames, syscalls
from marketsim.experts.sandbox.client import CodeMember, Sandbox
from marketsim.experts.sandbox.reviewed import ReviewedSolver

HUB = ProsumerModel(
    load_peak_kw=400,
    pv_kw=2800,
    battery=BatteryModel(energy_kwh=1200, power_kw=400),
    generator=GeneratorModel(max_kw=250, ramp_kw_per_h=250, cost_per_kwh=0.17, quadratic_cost=2e-4),
)
STATE = {"load_kw": [1.0, 2.0], "slot_hours": 1.0}


def job(body, state=STATE):
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return [CodeMember(f"import cvxpy as cp\ndef prosumer(state):\n{lines}\n", state)]


@pytest.mark.parametrize("seed", range(3))
def test_a_good_expert_has_the_same_optimum_inside_and_outside(sandbox, unchecked, seed):
    """In the sandbox, in one without the allow-list, and in this process; and its set-points are the same."""
    pytest.importorskip("cvxpy")
    (case,) = random_cases(HUB, seed, 1)
    members = [CodeMember(code_of(HUB), case.state())]
    inside, alone, outside = (each.solve(members) for each in (sandbox, unchecked, ReviewedSolver()))
    for each in (inside, alone):
        assert each.value["objective"] == pytest.approx(outside.value["objective"], abs=1e-6)
        known = outside.value["members"][0]
        for name, values in each.value["members"][0].items():
            assert values == pytest.approx(known[name], abs=1e-4)


def test_a_job_of_a_day_takes_a_tenth_of_a_second(sandbox):
    """Processor time of the child, which others on the machine do not lengthen much; 96 slots of four devices."""
    (case,) = random_cases(HUB, 1, 1)
    repeats = 96 // len(case.load_kw) + 1
    long = case.state()
    long |= {name: (value * repeats)[:96] for name, value in long.items() if isinstance(value, list)}
    ended = sandbox.solve([CodeMember(code_of(HUB), long)])
    assert ended.value is not None
    assert 0.0 < ended.cpu_s <= 0.3


def test_what_is_bought_from_peers_sums_to_zero(sandbox):
    """Two prosumers stacked: sun meets load, and both together pay no more than alone."""
    sun, load = ProsumerModel(pv_kw=10.0), ProsumerModel(load_peak_kw=10.0)
    (case,) = random_cases(load, 5, 1)
    sunny = case._replace(load_kw=0 * case.load_kw, pv_available_kw=case.load_kw)
    members = [CodeMember(code_of(sun), sunny.state()), CodeMember(code_of(load), case.state())]
    together = sandbox.solve(members).value
    alone = [sandbox.solve([each]).value["objective"] for each in members]
    bought = [each["p2p_kw"] for each in together["members"]]
    assert bought[0] == pytest.approx([-kw for kw in bought[1]], abs=1e-6)
    assert bought[1] == pytest.approx(case.load_kw, abs=1e-4)
    assert together["objective"] == pytest.approx(0.0, abs=1e-4)
    assert sum(alone) > 0.0


FAULTS = {
    "return 1": "prosumer returned int, it has to return a dict",
    "return {}": "prosumer returned no objective",
    "return {'objective': 0}": "prosumer returned no constraints",
    "return {'objective': 0, 'constraints': [], 'more': 1}": "prosumer returned 'more'",
    "return {'objective': 0, 'constraints': 1}": "constraints is int, it has to be a list",
    "return {'objective': 0, 'constraints': [True]}": "constraints[0] is bool, it has to be a comparison",
    "return {'objective': cp.Variable(2), 'constraints': []}": "objective has the shape (2,), it has to be one number",
    "return {'objective': cp.sqrt(cp.Variable()), 'constraints': []}": "objective is not convex by the rules of DCP: it is CONCAVE",
    "return {'objective': cp.Maximize(0), 'constraints': []}": "objective is to be a cost, which is minimised",
    "x = cp.Variable()\nreturn {'objective': x, 'constraints': [cp.square(x) >= 1]}": "constraints[0] is not convex by the rules",
    "x = cp.Variable()\nreturn {'objective': x, 'constraints': []}": "the problem is unbounded: the cost falls without end",
    "x = cp.Variable()\nreturn {'objective': x, 'constraints': [x >= 1, x <= 0]}": "the problem is infeasible: no plan keeps all",
    "x = cp.Variable(boolean=True)\nreturn {'objective': x, 'constraints': []}": "boolean and integer variables are not convex",
    "return {'objective': 0, 'constraints': [], 'pv_kw': cp.Variable(3)}": "pv_kw has the shape (3,), it has to be (2,)",
    "x = cp.Variable(2)\nreturn {'objective': cp.sum(cp.square(x)), 'constraints': [], 'pv_kw': cp.square(x)}": "pv_kw is not affine",
    "x = cp.Variable(2)\nreturn {'objective': 0, 'constraints': [], 'pv_kw': x}": "pv_kw has no value: a variable of it is in no",
    "x = cp.Variable(2)\nreturn {'objective': cp.sum_squares(x), 'constraints': [], 'pv_kw': x * float('nan')}": "pv_kw is not a finite",
    "return {'objective': float('nan'), 'constraints': []}": "objective is not a finite number",
    "return state['nothing']": "line 3: KeyError: 'nothing'",
    "x = cp.Variable(2)\ny = cp.Variable(3)\nreturn {'objective': cp.sum(x + y), 'constraints': []}": "line 5: ValueError: ",
    "return state['load_kw'][9]": "line 3: IndexError",
}


@pytest.mark.parametrize("body", FAULTS, ids=range(len(FAULTS)))
def test_a_mistake_is_told_in_words_for_its_author(sandbox, body):
    ended = sandbox.solve(job(body))
    assert (ended.value, ended.reason) == (None, "fault")
    assert ended.told.startswith(FAULTS[body]) or FAULTS[body] in ended.told, ended.told
    assert len(ended.message) <= 600


def test_what_a_state_has_no_room_for_is_told(sandbox):
    with pytest.raises(ValueError, match="not JSON compliant"):
        sandbox.solve(job("return {}", {"load_kw": [float("nan")]}))


@pytest.mark.parametrize(("system", "machine", "reason"), [
    ("darwin", "arm64", "the sandbox is made of Linux's seccomp, and this is darwin"),
    ("linux", "aarch64", "there is a table of system calls for x86_64 alone, and this is aarch64"),
])  # fmt: skip
def test_another_machine_is_refused_with_the_reason(monkeypatch, system, machine, reason):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(InputError, match=reason):
        Sandbox().start()
    assert reason in client.refusal()


def test_a_kernel_that_does_not_lock_is_refused(monkeypatch, sandbox):
    """The first child is asked what it can still do; a lock that lets something through runs no code."""
    answers = iter([b"ready", b""])
    monkeypatch.setattr(client.frames, "take", lambda *_: next(answers))
    own = Sandbox()
    monkeypatch.setattr(
        own, "_asked", lambda *_: client.zygote.Child("ended", 0, 0.0, b'{"holds": [], "openings": ["open a file"]}')
    )
    with pytest.raises(InputError, match="a locked process could still open a file"):
        own.start()
    assert own._process is None


def test_the_lock_says_what_it_is_made_of(sandbox):
    sandbox.start()
    assert {"no_new_privs", "rlimits", "seccomp"} <= set(sandbox.holds)


def test_reviewed_code_that_is_none_is_not_run():
    with pytest.raises(InputError, match="this is no code of the library: line 1: import os is not possible"):
        ReviewedSolver().solve([CodeMember("import os\ndef prosumer(state):\n    return {}\n", STATE)])


def test_the_filter_is_a_program_of_the_kernel_s_form():
    """Instructions of eight bytes, jumps that stay within, and a return at the end."""
    program = syscalls.program()
    steps = [program[at : at + 8] for at in range(0, len(program), 8)]
    assert len(program) % 8 == 0
    assert len(steps) < 256
    assert steps[-1][0] == 0x06
    assert all(
        place + 1 + max(step[2], step[3]) < len(steps) for place, step in enumerate(steps) if step[0] & 0x07 == 0x05
    )


def test_a_frame_comes_whole_or_not_at_all():
    read, write = os.pipe()
    frames.put(write, b"abc")
    assert frames.take(read, 10, 1.0) == b"abc"
    frames.put(write, b"x" * 100)
    with pytest.raises(frames.Flood, match="a frame of 100 bytes"):
        frames.take(read, 10, 1.0)
    os.read(read, 1000)
    with pytest.raises(frames.Late):
        frames.take(read, 10, 0.01)
    os.close(write)
    with pytest.raises(frames.Ended):
        frames.take(read, 10, 1.0)
    os.close(read)


def test_gathering_ends_at_the_limit_at_the_deadline_or_at_the_end():
    read, write = os.pipe()
    os.write(write, b"abc")
    assert frames.gather(read, 2, 1.0).why == "flood"
    assert frames.gather(read, 10, 0.01).why == "deadline"
    threading.Timer(0.05, os.close, [write]).start()
    os.write(write, b"def")
    assert frames.gather(read, 10, 5.0) == (b"def", "ended")
    os.close(read)
