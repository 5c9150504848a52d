"""Orders that were refused for what their owners wrote: told at the end of a run, since a table is not looked at."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np

from marketsim.agents.model import decides
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.records import Reason, SlotRecord

FACT: Final = "refused_orders"
"""Name in the manifest of the lines; absent where there are none."""
_TEXTS: Final = {
    Reason.PRICE_ABOVE_RETAIL: "price above retail",
    Reason.PRICE_BELOW_FEED_IN: "price below the feed-in tariff",
    Reason.EXCEEDS_POSITION: "more energy than the agent had to trade",
    Reason.BOTH_MODES: "a store offered in both directions in one slot",
}
_CODES: Final = np.array([int(reason) for reason in _TEXTS])


class OwnRefusals:
    """Counts them by who wrote the order: the kind of agents that decide for themselves, else the strategy."""

    def __init__(self, ready: ReadyScenario, kinds: dict[str, Any]) -> None:
        agents = ready.agents
        self._owners = [agent.kind if decides(kinds[agent.kind]) else agent.strategy.name for agent in agents]
        self._counts: Counter[tuple[str, Reason]] = Counter()

    def take(self, record: SlotRecord) -> None:
        """Count those of a slot."""
        refused = record.rejects
        if not refused.size:
            return
        for row in np.flatnonzero(np.isin(refused.reason, _CODES)).tolist():
            order = max(int(refused.buy_order[row]), int(refused.sell_order[row]))
            owner = self._owners[int(record.orders.agent[order]) % len(self._owners)]
            self._counts[owner, Reason(int(refused.reason[row]))] += 1

    def lines(self) -> list[str]:
        """A line for each owner and reason, the most first."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return [
            f"{count} order{'s' if count > 1 else ''} of {owner} refused: {_TEXTS[reason]}"
            for (owner, reason), count in ranked
        ]
