"""Parameters of the built-in critics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator

from marketsim.core.errors import InputError, Problem
from marketsim.core.fence import Fence
from marketsim.core.files import demand_regular
from marketsim.core.language_model import ModelSettings
from marketsim.core.named_file import MOST_BYTES, NamedFile, demand_archive
from marketsim.core.params import Params


class MeasureChoice(Params):
    """Which measures stand for the three scores; the defaults are those of the KPIs."""

    ftg: Literal["tradable", "demand"] = "tradable"
    """Traded energy over what could have been traded (`tradable`), or over the demand (`demand`) [-]."""
    fbs: Literal["deviation", "range", "share_range"] = "deviation"
    """Mean deviation of the sellers' fill rates, their range, or the range of the sellers' shares of trade [-]."""
    fpp: Literal["deviation", "range"] = "deviation"
    """Standard deviation of the prices, or their range [-]."""


class RuleCriticParams(MeasureChoice):
    """Which measures the rule critic scores with; the defaults are those of the KPIs."""

    log: bool = True
    """Keep a row for each slot and market for `critic.jsonl`."""

    def without_rows(self) -> Self:
        """The same, keeping none."""
        return self.model_copy(update={"log": False})


class OllamaCriticParams(Params):
    """A language model on an Ollama server scores the slot; where it fails, the rule does and the reason is kept."""

    client: str = Field(default="ollama", min_length=1, max_length=100)
    """What speaks with the model: `ollama`, or a part of the kind `model` that a plugin brings."""
    host: str | None = Field(default=None, min_length=1)
    """Where the server listens, such as `127.0.0.1:11434`; null: the variable `OLLAMA_HOST`, or that address."""
    model: str = Field(default="gemma3:4b", min_length=1, max_length=200)
    """Name of the model as `ollama list` prints it; `qwen2.5:7b-instruct` and `llama3.2:3b` are alternatives."""
    weight: float = Field(default=1.0, ge=0.0, le=1.0)
    """w: the score used is w x model + (1 - w) x rule [-]."""
    every: int = Field(default=1, ge=1)
    """Ask about each N-th slot, counted from the first; the others are scored by the rule."""
    deadline_s: float = Field(default=20.0, gt=0.0, le=3600.0)
    """Longest wait for the scores of a slot, its second attempt included [s]."""
    load_deadline_s: float = Field(default=60.0, ge=0.0, le=3600.0)
    """Longest wait, once, until the server has loaded the model; 0: the first question pays for it [s]."""
    in_flight: int = Field(default=2, ge=1, le=256)
    """Most questions at once; a server answers `OLLAMA_NUM_PARALLEL` of them (1 by default) at a time."""
    wording: Literal["formulas", "plain"] = "formulas"
    """Definitions as formulas with a rubric, or the same in plain words."""
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    """Of the model's choices; 0: always the likeliest [-]."""
    seed: int = Field(default=1, ge=0, le=2**31 - 2)
    """Seed of the model; the second attempt takes the next one."""
    num_ctx: int = Field(default=8192, ge=512, le=1_000_000)
    """Tokens that the model can read and write for a question: roughly 60 a participant and 1000 beside them."""
    num_predict: int = Field(default=256, ge=32, le=4096)
    """Most tokens of an answer."""
    failures: int = Field(default=5, ge=1)
    """After so many failed questions in a row the server is left alone for a while: the rule answers at once."""
    pause_s: float = Field(default=30.0, ge=0.0)
    """How long it is left alone; then one question tries it [s]."""
    cache: bool = True
    """Keep answers on disk, so that the same question is never asked twice of the same model."""
    cache_folder: str | None = Field(default=None, min_length=1)
    """Folder of the answers, relative to the scenario's; null: `MARKETSIM_CACHE_DIR`, or the user's cache folder."""
    rule: MeasureChoice = MeasureChoice()
    """Measures of the rule that is blended in, compared with and fallen back to."""

    def clients_named(self, at: str) -> tuple[tuple[str, str], ...]:
        """See ``Params``."""
        return ((f"{at}.client", self.client),)

    def settings(self) -> ModelSettings:
        """Which model, and how it chooses its words."""
        return ModelSettings(self.host, self.model, self.temperature, self.num_ctx, self.num_predict)

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, host: str | None) -> str | None:
        if host is not None:
            from marketsim.fairness.ollama_host import ollama_url

            ollama_url(host)
        return host


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


class FairnessParams(Params):
    """The fairness KPIs take no parameters."""
