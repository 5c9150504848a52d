"""The critic of a run: its answers may come while the simulation goes on, and are written in the order of the slots."""

from __future__ import annotations

from typing import Self

from marketsim.core.records import SlotRecord
from marketsim.fairness.critic import Critic, CriticTally, PatientCritic
from marketsim.results.writer import RunWriter


class Reviews:
    """Hands each slot to the critic and its critiques to the run folder; a context manager.

    A run writes the scores down and does nothing else with them, so a critic that can watch is not waited for.
    Leaving without ``finish`` (an error, Ctrl-C) drops what is still being asked.
    """

    def __init__(self, critic: Critic, writer: RunWriter) -> None:
        self._critic, self._writer = critic, writer
        self._patient = critic if isinstance(critic, PatientCritic) else None
        self.tally = CriticTally()

    def take(self, record: SlotRecord) -> None:
        """Let the critic have a slot; write down what is ready."""
        if self._patient is None:
            self._critic.review(record)
        else:
            self._patient.watch(record)
        self._write()

    def finish(self) -> None:
        """Wait for what is under way, within the critic's deadline, and write the rest."""
        if self._patient is not None:
            self._patient.finish()
        self._write()
        facts = {} if self._patient is None else dict(self._patient.facts())
        reasons = dict(sorted(self.tally.reasons.items()))
        if facts or reasons:
            self._writer.note({"critic": {**facts, "fallbacks": reasons}})

    def _write(self) -> None:
        critiques = self._critic.drain()
        self.tally.count(critiques)
        for critique in critiques:
            self._writer.critique(critique.entry())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if error is not None and self._patient is not None:
            self._patient.finish(wait=False)
