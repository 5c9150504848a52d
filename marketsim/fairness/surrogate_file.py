"""A frozen surrogate: its weights and where they come from, in a file that holds numbers and text only.

The file is numpy's ``.npz``, read with ``allow_pickle=False``: no code can come with it, and using one needs no torch.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core import files
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError, Problem
from marketsim.core.files import strict_json
from marketsim.core.npz import read_npz
from marketsim.fairness.surrogate_features import NAMES
from marketsim.fairness.surrogate_kernel import network_scores

FORMAT: Final = "marketsim surrogate 1"
DRIFT_FACTOR: Final = 1.5
DRIFT_SLACK: Final = 0.02
LEAST_AUDITS: Final = 20
_SCORES: Final = 3
_MOST_UNITS: Final = 4096
_LARGEST_WEIGHT: Final = 1e60
"""Three layers of such weights stay far from what a float can hold, so that every score is a number."""
_LONGEST_NAME: Final = 200
_HINT: Final = "make one with 'marketsim critic train-surrogate critic.jsonl --out FILE'"


class SurrogateNetwork(NamedTuple):
    """Weights of two hidden layers, [inputs, outputs] and [outputs]."""

    w1: FloatArray
    b1: FloatArray
    w2: FloatArray
    b2: FloatArray
    w3: FloatArray
    b3: FloatArray

    def scores(self, seen: FloatArray) -> FloatArray:
        """FTG, FBS, FPP in [0, 1] [n, 3] of features [n, n_features]."""
        out = np.empty((len(seen), _SCORES))
        network_scores(np.ascontiguousarray(seen), *self, out)
        return out


class Surrogate(NamedTuple):
    """A network with its history."""

    network: SurrogateNetwork
    about: Mapping[str, Any]
    """``model``, ``digest`` and ``wording`` that it learned from, ``samples``, ``held_out``, ``held_out_error`` and
    ``mean_error`` [mean absolute, a score each], ``seed``."""

    @property
    def drift_limit(self) -> float:
        """Mean |model - surrogate| of audits above which it has to be trained again."""
        return DRIFT_FACTOR * float(np.mean(self.about["held_out_error"])) + DRIFT_SLACK

    def has_drifted(self, mean_gap: float | None, audits: int) -> bool:
        """Whether so many audits with this mean |model - surrogate| say that it no longer does."""
        return mean_gap is not None and audits >= LEAST_AUDITS and mean_gap > self.drift_limit


def write_surrogate(path: Path, surrogate: Surrogate) -> None:
    """Write a surrogate in one step; OSError where that is not possible."""
    about = json.dumps({"format": FORMAT, "features": NAMES, **surrogate.about}, allow_nan=False)
    buffer = io.BytesIO()
    np.savez(buffer, about=np.array(about), **surrogate.network._asdict())
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, buffer.getvalue())


def read_surrogate(path: Path) -> Surrogate:
    """A surrogate from its file; InputError where there is none that this version can use."""
    if not os.path.exists(path):
        raise InputError([Problem("there is no such surrogate", file=str(path), hint=_HINT)])
    stored = read_npz(path, ("about", *SurrogateNetwork._fields), InputError, "surrogate", _HINT)
    texts = [name for name, value in stored.items() if isinstance(value, str) != (name == "about")]
    if texts:
        raise _refused(path, f"this is no surrogate: {', '.join(texts)} of the wrong type")
    try:
        about = strict_json(stored.pop("about"))
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"this is no surrogate: what it says about itself is no JSON: {error}") from error
    network = SurrogateNetwork(**stored)
    fault = _fault_of_about(about) or _fault_of_weights(network)
    if fault:
        raise _refused(path, fault)
    return Surrogate(network, about)


def _refused(path: Path, message: str) -> InputError:
    return InputError([Problem(message, file=str(path), hint=_HINT)])


def _fault_of_about(about: object) -> str:
    if not isinstance(about, dict):
        return "this is no surrogate: it says nothing about itself"
    if about.get("format") != FORMAT:
        return "this is no surrogate that this version can read"
    if about.get("features") != list(NAMES):
        return "this surrogate was made for other features than this version has"
    wrong = [name for name, fits in _TOLD.items() if not fits(about.get(name))]
    if wrong:
        return f"this surrogate does not say what is due about itself: {', '.join(wrong)}"
    return ""


def _fault_of_weights(network: SurrogateNetwork) -> str:
    units = network.b1.size, network.b2.size
    shapes = ((len(NAMES), units[0]), units[:1], units, units[1:], (units[1], _SCORES), (_SCORES,))
    if tuple(each.shape for each in network) != shapes or not 0 < min(units) <= max(units) <= _MOST_UNITS:
        return "the weights of this surrogate do not fit together"
    if not all(np.isfinite(each).all() for each in network):
        return "the weights of this surrogate are not finite"
    if not all((np.abs(each) <= _LARGEST_WEIGHT).all() for each in network):
        return f"the weights of this surrogate are larger than {_LARGEST_WEIGHT:g}"
    return ""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_NAME and (not value or value.isprintable())


def _are_errors(value: object) -> bool:
    if not isinstance(value, list) or len(value) != _SCORES:
        return False
    return all(isinstance(each, int | float) and not isinstance(each, bool) and 0.0 <= each <= 1.0 for each in value)


_TOLD: Final[Mapping[str, Callable[[object], bool]]] = {
    "model": _is_name,
    **dict.fromkeys(("digest", "wording"), lambda value: value is None or _is_name(value)),
    "samples": _is_count,
    "held_out": _is_count,
    "held_out_error": _are_errors,
    "mean_error": _are_errors,
    "seed": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
"""What a surrogate says about itself, and what that has to be."""
