"""The gates of the engine kit do what tests of engines rely on."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.records import BLAMES_SINK, NOWHERE, Reason
from marketsim.testing.gates_kernel import capacity_gate, fickle_gate, head_gate


def test_capacities_bind_at_the_source_the_sink_and_the_head():
    gate = capacity_gate([5, 9], [9, 3])
    assert gate.admit(0, 0, NOWHERE, 9) == (5, Reason.CONNECTION_EXPORT, 0)
    assert gate.admit(0, NOWHERE, 1, 9) == (3, Reason.CONNECTION_IMPORT + BLAMES_SINK, 1)
    assert gate.net_wh.tolist() == [[5, -3]]
    assert head_gate(4, 2).admit(0, 0, NOWHERE, 9) == (4, Reason.HEAD_EXPORT, 0)


def test_release_makes_room_again():
    gate = capacity_gate([5, 5])
    gate.admit(0, 0, 1, 5)
    gate.release(0, 0, 1, 5)
    assert not gate.net_wh.any()
    assert gate.admit(0, 0, 1, 5)[0] == 5


@pytest.mark.parametrize("seed", range(3))
def test_the_fickle_gate_answers_the_same_compiled_and_plain_and_refuses_all_a_part_or_nothing(seed):
    compiled, plain = fickle_gate(1, 5, True, seed), fickle_gate(1, 5, False, seed)
    rng = np.random.default_rng(seed)
    answers = []
    for source, sink, wh in rng.integers(-1, 5, (300, 3)).tolist():
        wh = 10 + wh
        admit, ints, floats = compiled.kernel
        answer = admit(ints[0], floats[0], source, sink, wh)
        assert answer == plain.admit(0, source, sink, wh)
        answers.append(0 if answer[0] == 0 else 2 if answer[0] == wh else 1)
    assert min(np.bincount(answers)) > 20
    assert (compiled.ints == plain.ints).all()
