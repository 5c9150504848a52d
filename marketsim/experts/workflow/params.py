"""Parameters of whoever asks a language model about a prosumer."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from marketsim.llm.params import AskingParams


class ReadingParams(AskingParams):
    """Which model reads descriptions and writes code, and how long it is waited for."""

    answers: ClassVar[str] = "experts"

    deadline_s: float = Field(default=300.0, gt=0.0, le=3600.0)
    """Longest wait for an answer, the second attempt included [s]."""
    in_flight: int = Field(default=1, ge=1, le=256)
    """Most questions at once; one question follows from another."""
    num_predict: int = Field(default=2048, ge=32, le=4096)
    """Most tokens of an answer: code is long."""
