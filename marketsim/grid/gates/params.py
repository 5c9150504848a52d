"""Parameters of the gates. What all of them share, such as guards and limits of the feeder's head, is ``grid``'s own."""

from __future__ import annotations

from marketsim.core.params import Params


class GateParams(Params):
    """None of its own."""
