"""What a scenario may say about rules of cost sharing."""

from __future__ import annotations

from marketsim.core.params import Params


class NoSharingParams(Params):
    """Everybody pays what the settlement says; no line of sharing is written."""


class ProportionalSharingParams(Params):
    """Each bill alone is changed by the same share of its size.

    A bill alone is what the agent would have paid with the utility only, at the energy through its own meter in each slot.
    Where nobody would have had a bill, what was paid is shared equally.
    """
