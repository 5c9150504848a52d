"""One scenario under several mechanisms: welfare, curtailment, violations, time, and what model errors would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.comparators.mechanisms import MECHANISMS, CongestionMechanism, chosen, under
from marketsim.analysis.comparators.robustness import ERRORS, Real, really
from marketsim.analysis.trajectory import Trajectory, follow, needs_feeder
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.arrays import FloatArray
from marketsim.core.metric import Value
from marketsim.fairness.measures import jain_index
from marketsim.metrics.energy import EnergyMetric
from marketsim.metrics.grid import GridMetric
from marketsim.metrics.welfare import WelfareMetric


class MechanismOutcome(NamedTuple):
    """What a scenario came to under one mechanism."""

    mechanism: CongestionMechanism
    welfare: float
    """What agents and utility get together [currency]; the KPI ``welfare``."""
    efficiency: float | None
    """Of the most possible at the positions of each slot; the KPI ``allocative_efficiency``. None where nothing could move,
    or where the mechanism keeps no limits that an optimum could have kept."""
    gap: float | None
    """How far the most possible may lie below what is possible without limits and losses, as a share of the latter."""
    p2p_kwh: float
    export_kwh: float
    curtailed_kwh: float
    curtailed_share: float | None
    """Of the PV that could have been generated; None without PV."""
    curtailed_by_agent: dict[str, float]
    """[kWh] by name, owners of PV only."""
    jain: float | None
    """Jain's index of the curtailed shares of PV owners; None where nothing is curtailed."""
    violated: int
    """Slots that end outside a limit."""
    depth_pu_h: float
    """Distance to the voltage band times duration, over bus-slots."""
    seconds: float
    """Wall time of the slots alone."""
    real: dict[str, Real]
    """By name of ``robustness.ERRORS``."""


_NOT_COLUMNS: Final = ("mechanism", "curtailed_by_agent", "real")


def compare(
    ready: ReadyScenario,
    gates: Sequence[str] = tuple(MECHANISMS),
    tell: Callable[[str], None] | None = None,
    *,
    truthful: bool = False,
) -> list[MechanismOutcome]:
    """Run a scenario under each mechanism; ``tell`` hears the name of each when it begins.

    ``truthful``: all agents bid true values everywhere, so that what differs is the mechanism alone.
    """
    mechanisms = chosen(gates)
    needs_feeder(ready, "compare-gates")
    say = tell or (lambda _: None)
    outcomes = []
    for mechanism in mechanisms:
        say(mechanism.name)
        outcomes.append(_outcome(under(ready, mechanism, truthful=truthful), mechanism))
    return outcomes


def _outcome(ready: ReadyScenario, mechanism: CongestionMechanism) -> MechanismOutcome:
    built = build(ready)
    context, community = built.context, built.world.community
    band, model = (None, None) if context.grid is None else (context.grid.band, context.grid.model)
    metrics = (
        EnergyMetric(context.fleets),
        WelfareMetric(community, context.fleets, model),
        GridMetric(band),
    )
    path = follow(ready, metrics, built)
    return MechanismOutcome(
        mechanism=mechanism,
        welfare=_number(path.summary["welfare"]),
        efficiency=None if model is None else _share(path.summary["allocative_efficiency"]),
        gap=None if model is None else _gap(path.summary),
        p2p_kwh=_number(path.summary["p2p_kwh"]),
        export_kwh=_number(path.summary["export_kwh"]),
        curtailed_kwh=float(path.curtailed_kwh.sum()),
        curtailed_share=float(path.curtailed_kwh.sum() / path.pv_kwh.sum()) if path.pv_kwh.any() else None,
        curtailed_by_agent={
            community.names[agent]: round(float(path.curtailed_kwh[agent]), 3)
            for agent in np.flatnonzero(path.pv_kwh > 0)
        },
        jain=_jain(path),
        violated=int(path.violated.sum()),
        depth_pu_h=_number(path.summary["voltage_violation_depth"]),
        seconds=float(path.slot_s.sum()),
        real={error.name: really(path, error) for error in ERRORS},
    )


def _number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _share(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _gap(summary: Mapping[str, Value]) -> float | None:
    bound, most = summary["joint_gains_bound"], summary["optimal_joint_gains"]
    return 1.0 - _number(most) / float(bound) if isinstance(bound, int | float) and bound > 0 else None


def ranks(outcomes: Sequence[MechanismOutcome]) -> list[int | None]:
    """Place of each by welfare, 1 the most; equal welfare shares a place. None where a limit was broken: that is no answer."""
    kept = [each.welfare for each in outcomes if not each.violated]
    return [None if each.violated else 1 + sum(more > each.welfare for more in kept) for each in outcomes]


def _jain(path: Trajectory) -> float | None:
    owners = path.pv_kwh > 0
    share: FloatArray = path.curtailed_kwh[owners] / path.pv_kwh[owners]
    return float(jain_index(share)) if share.any() else None


def rows_of(outcomes: Sequence[MechanismOutcome]) -> list[dict[str, object]]:
    """A flat row a mechanism; the columns of model errors carry their names."""
    return [
        {
            "mechanism": each.mechanism.name,
            "rank": rank,
            **{name: value for name, value in each._asdict().items() if name not in _NOT_COLUMNS},
            **{f"slots outside, {name}": real.slots for name, real in each.real.items()},
        }
        for rank, each in zip(ranks(outcomes), outcomes, strict=True)
    ]


def as_json(ready: ReadyScenario, outcomes: Sequence[MechanismOutcome]) -> dict[str, object]:
    """The comparison as plain data."""
    return {
        "scenario": ready.name,
        "seed": ready.seed,
        "slots": ready.model.clock.slots,
        "mechanisms": [
            {
                **{name: value for name, value in each._asdict().items() if name not in ("mechanism", "real")},
                "name": each.mechanism.name,
                "rank": rank,
                "text": each.mechanism.text,
                "real": {name: real._asdict() for name, real in each.real.items()},
            }
            for rank, each in zip(ranks(outcomes), outcomes, strict=True)
        ],
    }
