"""Parameters of whoever asks a language model."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from marketsim.core.language_model import ModelSettings
from marketsim.core.params import Params


class AskingParams(Params):
    """Which language model is asked, and how long it is waited for."""

    answers: ClassVar[str] = "answers"
    """Name of the folder in the user's cache in which answers are kept."""

    client: str = Field(default="ollama", min_length=1, max_length=100)
    """What speaks with the model: `ollama`, or a part of the kind `model` that a plugin brings."""
    host: str | None = Field(default=None, min_length=1)
    """Where the server listens, such as `127.0.0.1:11434`; null: the variable `OLLAMA_HOST`, or that address."""
    model: str = Field(default="gemma3:4b", min_length=1, max_length=200)
    """Name of the model as `ollama list` prints it; `qwen2.5:7b-instruct` and `llama3.2:3b` are alternatives."""
    deadline_s: float = Field(default=20.0, gt=0.0, le=3600.0)
    """Longest wait for an answer, the second attempt included [s]."""
    load_deadline_s: float = Field(default=120.0, ge=0.0, le=3600.0)
    """Longest wait, once, until the model is loaded and has read the system text; 0: the first question pays for it [s]."""
    in_flight: int = Field(default=4, ge=1, le=256)
    """Most questions at once: one at first, more only while the server answers them side by side and in time."""
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    """Of the model's choices; 0: always the likeliest [-]."""
    seed: int = Field(default=1, ge=0, le=2**31 - 2)
    """Seed of the model; the second attempt takes the next one."""
    num_ctx: int = Field(default=8192, ge=512, le=1_000_000)
    """Tokens that the model can read and write for a question."""
    num_predict: int = Field(default=256, ge=32, le=4096)
    """Most tokens of an answer."""
    failures: int = Field(default=5, ge=1)
    """After so many failed questions in a row the server is left alone for a while."""
    pause_s: float = Field(default=30.0, ge=0.0)
    """How long it is left alone; then one question tries it [s]."""
    cache: bool = True
    """Keep answers on disk, so that the same question is never asked twice of the same model."""
    cache_folder: str | None = Field(default=None, min_length=1)
    """Folder of the answers, relative to the scenario's; null: `MARKETSIM_CACHE_DIR`, or the user's cache folder."""

    def clients_named(self, at: str) -> tuple[tuple[str, str], ...]:
        """See ``Params``."""
        return ((f"{at}.client", self.client),)

    def asking(self, at: str) -> tuple[tuple[str, Params], ...]:
        """See ``Params``."""
        return ((at, self),)

    def settings(self) -> ModelSettings:
        """Which model, and how it chooses its words."""
        return ModelSettings(self.host, self.model, self.temperature, self.num_ctx, self.num_predict)

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, host: str | None) -> str | None:
        if host is not None:
            from marketsim.llm.ollama_host import ollama_url

            ollama_url(host)
        return host
