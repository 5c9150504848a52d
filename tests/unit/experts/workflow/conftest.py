"""The sandbox that tests of experts share: it starts once."""

from importlib.util import find_spec

import pytest

from marketsim.experts.sandbox import client
from marketsim.experts.sandbox.lock import JobLimits

PATIENT = JobLimits(deadline_s=60.0)
"""For jobs that end by themselves, on a machine that has other things to do."""


def demand_sandbox():
    if find_spec("cvxpy") is None:
        pytest.skip("cvxpy is not installed: pip install 'marketsim[experts-code]'")
    if client.refusal() is not None:
        pytest.skip(client.refusal())


@pytest.fixture(scope="session")
def sandbox():
    """The sandbox as it is used."""
    demand_sandbox()
    with client.Sandbox(PATIENT) as running:
        yield running


@pytest.fixture(scope="session")
def unchecked():
    """The lock alone: no allow-list, all built-in functions."""
    demand_sandbox()
    with client.Sandbox(PATIENT, checked=False) as running:
        yield running
