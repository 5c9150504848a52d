"""Reactive power asked of inverters keeps within their apparent power, whatever active power a gate admits in the slot."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.build import AgentSpec, Basics, Choice, LoadSpec
from marketsim.core.clock import Clock
from marketsim.core.params import Params
from marketsim.core.records import AskedKvar, SlotInputs, Tariffs
from marketsim.core.rng import Streams
from marketsim.grid.reactive.modes import build_fixed_pf, build_fixed_q, build_unity, build_volt_var
from marketsim.grid.reactive.params import FixedPfParams, FixedQParams, UnityParams, VoltVarParams
from marketsim.testing.worlds import community

CLOCK = Clock(date(2016, 7, 12), 96, 15)
PER_KW = 250
MODES: dict[str, Any] = {
    "unity": lambda draw: (build_unity, UnityParams(deferrable_power_factor=0.95)),
    "fixed_pf": lambda draw: (
        build_fixed_pf,
        FixedPfParams(power_factor=draw(st.floats(0.8, 1.0)), absorbing=draw(st.booleans())),
    ),
    "fixed_q": lambda draw: (build_fixed_q, FixedQParams(q_share=draw(st.floats(-1.0, 1.0)))),
    "volt_var": lambda draw: (build_volt_var, VoltVarParams(q_share=draw(st.floats(0.01, 1.0)))),
}
ROUNDING_KVAR = 1e-9
FINE_KVAR = 0.1
"""Steps between points of an edge that are tried."""


class Slot(NamedTuple):
    """A mode in a slot, and what is asked in it."""

    mode: Any
    people: Any
    inputs: SlotInputs
    firm_wh: np.ndarray
    asked: AskedKvar

    def kvar(self, asked: AskedKvar | None) -> np.ndarray:
        """Of the untraded state."""
        found: np.ndarray = self.mode.kvar(self.people, self.inputs, self.firm_wh, asked)
        return found

    @property
    def granted(self) -> np.ndarray:
        """What of it inverters give."""
        return self.kvar(self.asked) - self.kvar(None)

    def at(self, up: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where the gate has admitted these shares [..., 4]: room by the rating, the mode's own Q, and Q of its curve at most [kvar]."""
        law = self.mode.law
        up_kw, down_kw = up * self.asked.up_wh / PER_KW, down * self.asked.down_wh / PER_KW
        firm_kw = (self.firm_wh + self.inputs.load_wh) / PER_KW
        p_kw = firm_kw + up_kw - down_kw
        room = np.sqrt(np.maximum(law.kva**2 - p_kw**2, 0.0))
        own = self.mode.inverter_kvar(firm_kw) + law.source_kvar_per_kw * up_kw
        return room, own, np.minimum(law.curve_kvar, room)


def slot_of(draw: Any, mode: str) -> Slot:
    """Four agents: ratings given, sized to their plant, or none; any load, untraded state, and energy left to the gate."""
    n = 4
    kva = [draw(st.sampled_from([None, 0.0, 8.0, 50.0, 120.0])) for _ in range(n)]
    pv_kw = [draw(st.sampled_from([0.0, 10.0, 100.0])) for _ in range(n)]
    agents = tuple(
        AgentSpec(
            f"a{row}", "prosumer", 0, "1", LoadSpec(peak_kw=10.0, power_factor=0.9), pv, None, {},
            Choice("truthful", Params()), inverter_kva=rated,
        )
        for row, (pv, rated) in enumerate(zip(pv_kw, kva, strict=True))
    )  # fmt: skip
    people = community(n)
    build, params = MODES[mode](draw)
    made = build(params, Basics(CLOCK, Streams([1]), people, agents))

    def energies(least: int, most: int) -> np.ndarray:
        return np.array([draw(st.integers(least, most)) for _ in range(n)])

    load_wh = energies(0, 5_000)
    none = np.zeros(1, dtype=np.int64)
    inputs = SlotInputs(CLOCK.at(40), load_wh, np.zeros_like(load_wh), {}, Tariffs(none, none, None))
    reach = draw(st.sampled_from([500, 5_000, 30_000]))
    kvar = np.array([draw(st.sampled_from([0.0, -5.0, 1e4, -1e4, 40.0]) | st.floats(-200, 200)) for _ in range(n)])
    return Slot(
        made, people, inputs, energies(-reach, reach) - load_wh, AskedKvar(kvar, energies(0, reach), energies(0, reach))
    )


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=150)
@given(data=st.data())
def test_no_admitted_power_takes_an_inverter_beyond_its_rating(mode: str, data: st.DataObject) -> None:
    """|Q| <= sqrt(S^2 - P^2) at every P that may be admitted; where the mode by itself is beyond, it is taken no farther."""
    slot = slot_of(data.draw, mode)
    granted = slot.granted
    for _ in range(5):
        up, down = (
            np.array([data.draw(st.sampled_from([0.0, 1.0]) | st.floats(0, 1)) for _ in range(4)]) for _ in "ud"
        )
        room, own, curve = slot.at(up, down)
        assert (np.abs(own + granted) + curve <= np.maximum(room, np.abs(own) + curve) + ROUNDING_KVAR).all()


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=150)
@given(data=st.data())
def test_inverters_give_all_they_can(mode: str, data: st.DataObject) -> None:
    """What is refused would break the rating at a corner, or where the mode alone comes to it on an edge.

    What is given is never against or beyond what is asked.
    """
    slot = slot_of(data.draw, mode)
    granted, wanted = slot.granted, slot.asked.kvar
    assert (granted * wanted >= -ROUNDING_KVAR).all()
    assert (np.abs(granted) <= np.abs(wanted) + ROUNDING_KVAR).all()
    assert not granted[slot.mode.law.kva == 0.0].any()
    short = (np.abs(granted - wanted) > 1e-6) & (slot.mode.law.kva > 0.0)
    more = granted + np.sign(wanted) * 1e-6
    breaks = np.zeros(4, dtype=bool)
    for up in (0.0, 1.0):
        for down in (0.0, 1.0):
            room, own, _ = slot.at(np.full(4, up), np.full(4, down))
            breaks |= (own + more) * np.sign(wanted) > room - slot.mode.law.curve_kvar
    along, none, all_of_it = np.linspace(0.0, np.ones(4), 2001), np.zeros(4), np.ones(4)
    for up, down in ((along, none), (along, all_of_it), (none, along), (all_of_it, along)):
        room, own, _ = slot.at(up, down)
        breaks |= ((np.abs(own) >= room - FINE_KVAR) & (np.abs(granted) >= 2.0 * np.abs(own) - FINE_KVAR)).any(axis=0)
    assert breaks[short].all()


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=50)
@given(data=st.data())
def test_to_ask_for_zero_changes_nothing(mode: str, data: st.DataObject) -> None:
    """The reactive power of who asks for none is to the bit what it is where nobody asks."""
    slot = slot_of(data.draw, mode)
    none = slot.kvar(None)
    asked = slot.asked._replace(kvar=np.zeros(4))
    assert (slot.kvar(asked) + 0.0).tobytes() == (none + 0.0).tobytes()
