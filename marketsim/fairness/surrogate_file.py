"""A frozen surrogate: its weights and where they come from, in a file that holds numbers and text only.

The file is numpy's ``.npz``, read with ``allow_pickle=False``: no code can come with it, and using one needs no torch.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError, Problem
from marketsim.fairness.surrogate_features import NAMES
from marketsim.fairness.surrogate_kernel import network_scores

FORMAT: Final = "marketsim surrogate 1"
DRIFT_FACTOR: Final = 1.5
DRIFT_SLACK: Final = 0.02
LEAST_AUDITS: Final = 20
_SCORES: Final = 3
_MOST_UNITS: Final = 4096


class Network(NamedTuple):
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

    network: Network
    about: Mapping[str, Any]
    """``model``, ``samples``, ``held_out``, ``held_out_error`` and ``mean_error`` [mean absolute, a score each],
    ``seed``."""

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
    temporary = path.with_name(f"{path.name}.{os.getpid()}.partial")
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)


def read_surrogate(path: Path) -> Surrogate:
    """A surrogate from its file; InputError where there is none that this version can use."""
    hint = "make one with 'marketsim critic train-surrogate critic.jsonl --out FILE'"
    if not os.path.isfile(path):
        raise InputError([Problem("there is no such surrogate", file=str(path), hint=hint)])
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            network = Network(*(np.ascontiguousarray(stored[name], dtype=np.float64) for name in Network._fields))
        fault = _fault(network, about)
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile, RecursionError) as error:
        raise InputError([Problem(f"this is no surrogate: {error}", file=str(path), hint=hint)]) from error
    if fault:
        raise InputError([Problem(fault, file=str(path), hint=hint)])
    return Surrogate(network, about)


def _fault(network: Network, about: Mapping[str, Any]) -> str:
    if about["format"] != FORMAT or tuple(about["features"]) != NAMES:
        return "this surrogate was made for other features than this version has"
    units = len(network.b1), len(network.b2)
    shapes = ((len(NAMES), units[0]), units[:1], units, units[1:], (units[1], _SCORES), (_SCORES,))
    if tuple(each.shape for each in network) != shapes or max(units) > _MOST_UNITS:
        return "the weights of this surrogate do not fit together"
    if not all(np.isfinite(each).all() for each in network):
        return "the weights of this surrogate are not finite"
    if not np.isfinite(np.array(about["held_out_error"], dtype=np.float64)).all():
        return "this surrogate does not say how well it predicts"
    return ""
