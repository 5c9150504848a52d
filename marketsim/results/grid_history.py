"""The feeder of a run over its slots: what is drawn as a map, whoever solves it."""

from __future__ import annotations

from typing import Final, NamedTuple

from marketsim.core.arrays import BoolArray, FloatArray, IntArray

NO_GRID: Final = "this run has no grid: it has no buses, branches and voltages"
"""What is said where a feeder is asked for and there is none."""


class FeederMap(NamedTuple):
    """A feeder as it is drawn."""

    name: str
    buses: tuple[str, ...]
    branches: tuple[str, ...]
    from_node: IntArray
    to_node: IntArray
    is_trafo: BoolArray
    rated: BoolArray
    """Branches with a rating [n_branches]."""
    x: FloatArray
    y: FloatArray
    geographic: bool
    """Drawn by the net's coordinates; else as a single-line diagram, x in steps from the source."""
    in_tree: BoolArray
    """Branches of the tree from the source; the others close loops."""
    v_min_pu: FloatArray
    """Voltage band of each node; 0 and inf where there is none [n_nodes]."""
    v_max_pu: FloatArray
    base_kv: FloatArray
    """Nominal voltage of each node, line to line [n_nodes]."""
    limit_a: FloatArray
    """Largest current that the scenario allows, at the end that is named first where it has one there; inf: no rating
    [n_branches]."""
    limit_kva: FloatArray
    """The same as apparent power at nominal voltage [n_branches]."""
    agents_at: tuple[tuple[int, ...], ...]
    """Agents of one market at each node, by their index [n_nodes]."""


class GridHistory(NamedTuple):
    """Power flow of some slots of one market, solved again from the table of agents."""

    feeder: FeederMap
    slots: IntArray
    v_pu: FloatArray
    """Voltage magnitudes; NaN where not solved [n_slots, n_nodes]."""
    loading: FloatArray
    """Current over the rating, what the scenario allows counted as 1; NaN without a rating [n_slots, n_branches]."""
    net_kw: FloatArray
    """Net injection of each node, generation positive [n_slots, n_nodes]."""
    hours: float
    """Length of a slot [h]."""
