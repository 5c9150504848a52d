"""The extra that learning needs, and what to say where it is missing."""

from __future__ import annotations

from importlib.util import find_spec

from marketsim.core.errors import MissingDependency


def need_torch(purpose: str) -> None:
    """MissingDependency unless torch is installed; loads nothing."""
    if find_spec("torch") is None:
        raise MissingDependency("torch", "learn", purpose)


def need_tensorboard(learner: str) -> None:
    """MissingDependency unless TensorBoard is installed; loads nothing."""
    if find_spec("tensorboard") is None:
        raise MissingDependency("tensorboard", "tensorboard", f"learning.learner: {{{learner}: {{tensorboard: true}}}}")
