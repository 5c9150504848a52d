"""Parameters of the built-in critics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field

from marketsim.core.errors import InputError, Problem
from marketsim.core.fence import Fence
from marketsim.core.files import demand_regular
from marketsim.core.named_file import MOST_BYTES, NamedFile, demand_archive
from marketsim.core.params import Params
from marketsim.llm.params import AskingParams


class MeasureChoice(Params):
    """Which measures stand for the three scores; the defaults are those of the KPIs."""

    ftg: Literal["tradable", "demand"] = "tradable"
    """Traded energy over what could have been traded (`tradable`), or over the demand (`demand`) [-]."""
    fbs: Literal["rationing", "deviation", "range", "share_range"] = "rationing"
    """Shortfall from proportional shares where sellers are rationed; or, defined in every slot and open to levelling down,
    the mean deviation of fill rates, their range, or the range of the sellers' shares of trade [-]."""
    fpp: Literal["deviation", "range"] = "deviation"
    """Standard deviation of the prices, or their range [-]."""


class RuleCriticParams(MeasureChoice):
    """Which measures the rule critic scores with; the defaults are those of the KPIs."""

    log: bool = True
    """Keep a row for each slot and market for `critic.jsonl`."""

    def without_rows(self) -> Self:
        """The same, keeping none."""
        return self.model_copy(update={"log": False})


class OllamaCriticParams(AskingParams):
    """A language model on an Ollama server scores the slot; where it fails, the rule does and the reason is kept.

    The deadline is that of a slot, with all of its markets. A question has roughly 60 tokens a participant and 1000 beside
    them.
    """

    answers: ClassVar[str] = "critiques"

    weight: float = Field(default=1.0, ge=0.0, le=1.0)
    """w: the score used is w x model + (1 - w) x rule [-]."""
    every: int = Field(default=1, ge=1)
    """Ask about each N-th slot, counted from the first; the others are scored by the rule."""
    wording: Literal["formulas", "plain"] = "formulas"
    """Definitions as formulas with a rubric, or the same in plain words."""
    rule: MeasureChoice = MeasureChoice()
    """Measures of the rule that is blended in, compared with and fallen back to."""


class ReplayCriticParams(Params):
    """The scores used in an earlier run, slot by slot, fallbacks included."""

    file: str = Field(min_length=1)
    """A `critic.jsonl`, or the run folder that has one, relative to the scenario's folder."""

    def files_named(self, fence: Fence, at: str) -> Iterator[NamedFile]:  # noqa: ARG002 - said by the file
        """The log."""
        from marketsim.fairness.critic_log import log_file, read_log

        def check() -> None:
            place = log_file(fence.file(self.file, InputError, "the log"))
            demand_regular(place, MOST_BYTES, InputError)
            if not read_log(place):
                raise InputError([Problem("the log has no critiques", file=str(place))])

        yield NamedFile(Path(self.file), check, whole=True)


class SurrogateCriticParams(Params):
    """A small network that has learned a model's scores, with a share of the slots audited by that model."""

    file: str = Field(min_length=1)
    """Made by `marketsim critic train-surrogate`; relative to the scenario's folder."""
    audit_share: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of the slots, chosen by their hash, that the model scores as well; its scores are compared, not used [-]."""
    auditor: OllamaCriticParams = OllamaCriticParams()
    """The model that is asked."""
    log: bool = True
    """Keep a row for each slot and market for `critic.jsonl`; audited slots are kept in any case."""

    def without_rows(self) -> Self:
        """The same, keeping none."""
        return self.model_copy(update={"log": False})

    def files_named(self, fence: Fence, at: str) -> Iterator[NamedFile]:  # noqa: ARG002 - said by the file
        """The surrogate."""

        def check() -> None:
            path = fence.file(self.file, InputError, "the surrogate")
            hint = "make one with 'marketsim critic train-surrogate critic.jsonl --out FILE'"
            absent = Problem("there is no such surrogate", file=str(path), hint=hint)
            demand_archive(path, absent, absent._replace(message="this is no surrogate"), InputError)

        yield NamedFile(Path(self.file), check, whole=False)

    def clients_named(self, at: str) -> tuple[tuple[str, str], ...]:
        """See ``Params``."""
        return self.auditor.clients_named(f"{at}.auditor") if self.audit_share > 0.0 else ()

    def asking(self, at: str) -> tuple[tuple[str, Params], ...]:
        """See ``Params``."""
        return self.auditor.asking(f"{at}.auditor") if self.audit_share > 0.0 else ()


class FairnessParams(Params):
    """The fairness KPIs take no parameters."""
