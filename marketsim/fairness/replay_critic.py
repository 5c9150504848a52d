"""The critic that repeats an earlier run's scores, whoever gave them then."""

from __future__ import annotations

import time
from collections import defaultdict, deque

from marketsim.core.build import BuildContext
from marketsim.core.errors import InputError, Problem, RunError
from marketsim.core.records import Community, SlotRecord
from marketsim.fairness.critic import Critique, Scores, stacked
from marketsim.fairness.critic_log import log_file, read_log
from marketsim.fairness.params import ReplayCriticParams
from marketsim.fairness.rule_critic import inputs_hash
from marketsim.fairness.slot import measure
from marketsim.fairness.slot_view import slot_views, text_hash


class ReplayCritic:
    """The scores *used* in an earlier run, with their source, fallbacks included.

    A critique is found by slot, market and the hash of its inputs; where the log has several of those (a training visits
    a slot many times), in the order in which they were written. Where a model had been asked, the text about the slot
    has to be the same, too.
    """

    def __init__(self, community: Community, rows: list[Critique], name: str = "the log") -> None:
        self._community, self._name = community, name
        self._rows: dict[tuple[int, int], deque[Critique]] = defaultdict(deque)
        for row in rows:
            self._rows[row.slot, row.market].append(row)
        self._log: list[Critique] = []

    def review(self, record: SlotRecord) -> Scores:
        """The scores of that time [n_markets]; RunError where there are none, or the slot is not what it was."""
        began = time.perf_counter()
        found = measure(record, self._community)
        slot = record.inputs.time.slot
        rows = [
            self._take(slot, market, digest, null=not found.tradable_wh[market])
            for market, digest in enumerate(inputs_hash(found))
        ]
        asked = [row.market for row in rows if row.asked is not None]
        for market, view in zip(asked, slot_views(record, self._community, found, asked), strict=True):
            if all(rows[market].asked != text_hash(text) for text in view.texts()):
                raise self._differs(slot, market)
        share_s = (time.perf_counter() - began) / len(rows)
        self._log += [row._replace(latency_s=share_s) for row in rows]
        return stacked([row[3:6] for row in rows])

    def drain(self) -> list[Critique]:
        """The critiques of that time; only their latency is of now."""
        log, self._log = self._log, []
        return log

    def _take(self, slot: int, market: int, digest: str, *, null: bool) -> Critique:
        rows = self._rows[slot, market]
        place = next((place for place, row in enumerate(rows) if row.inputs == digest), None)
        if place is None and null:  # undefined whoever judges; logs of trainings leave such slots out
            return Critique(slot, market, digest, None, None, None, "rule", 0.0, None)
        if place is None and rows:
            raise self._differs(slot, market)
        if place is None:
            raise RunError(
                f"cannot replay slot {slot} of market {market}: {self._name} has no critique of it left. "
                "Replay the same scenario, as many slots as were logged."
            )
        row = rows[place]
        del rows[place]
        return row

    def _differs(self, slot: int, market: int) -> RunError:
        return RunError(
            f"cannot replay slot {slot} of market {market}: {self._name} was written for another slot (its inputs differ). "
            "Replay the same scenario, seed and version."
        )


def build(params: ReplayCriticParams, context: BuildContext) -> ReplayCritic:
    """The critic of a simulation; InputError where the log cannot be used."""
    place = log_file(context.fence.file(params.file, InputError, "the log of critiques"))
    rows = read_log(place)
    if not rows:
        raise InputError([Problem("the log has no critiques", file=str(place))])
    return ReplayCritic(context.community, rows, str(place))
