"""Fits the small network of a surrogate critic: features of a slot to three scores in [0, 1].

What is learned is handed over as plain arrays; using it needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from marketsim.core.arrays import BoolArray, FloatArray, IntArray

HIDDEN: Final = 32
_EPOCHS: Final = 1_000
_PATIENCE: Final = 100
"""Epochs without a better validation error after which the fit ends."""
_LEARNING_RATE: Final = 3e-3
_WEIGHT_DECAY: Final = 1e-3
_HELD_OUT: Final = 0.2
_VALIDATION: Final = 0.15
"""Of what is not held out; decides when to stop."""


class Fit(NamedTuple):
    """A fitted network and how well it predicts what it has not seen."""

    weights: tuple[FloatArray, ...]
    """Weights [inputs, outputs] and biases of three layers, inputs as they are: scaling is part of the first."""
    held_out: IntArray
    """Rows that were not used for fitting."""
    held_out_error: FloatArray
    """Mean absolute error there [3]."""
    mean_error: FloatArray
    """The same of predicting each score's mean over the other rows [3]."""


def fit(features: FloatArray, scores: FloatArray, rng: np.random.Generator) -> Fit:
    """Fit ``scores`` [n, 3], NaN where undefined, by ``features`` [n, n_features]; a fifth of the rows is held out.

    Adam on the Huber loss of all defined scores, ended by a validation part (early stopping); full batches, one thread's
    worth of work. ValueError for fewer than 20 rows.
    """
    if len(features) < 20:
        raise ValueError(f"{len(features)} answers are too few to learn from: 20 at least, better 500")
    order = rng.permutation(len(features))
    n_held = max(4, round(_HELD_OUT * len(order)))
    held, rest = order[:n_held], order[n_held:]
    n_validation = max(3, round(_VALIDATION * len(rest)))
    centre = features[rest].mean(axis=0)
    width = features[rest].std(axis=0)
    width = np.where(width > 1e-9, width, 1.0)
    scaled = torch.tensor((features - centre) / width, dtype=torch.float64)
    wanted = torch.tensor(scores, dtype=torch.float64)
    net = _network(features.shape[1], torch.Generator().manual_seed(int(rng.integers(2**62))))
    with _one_thread():
        _train(net, scaled, wanted, torch.tensor(rest[n_validation:]), torch.tensor(rest[:n_validation]))
    with torch.no_grad():
        predicted = torch.sigmoid(net(scaled)).numpy()
    known = ~np.isnan(scores)
    means = np.array([scores[rest, k][known[rest, k]].mean() if known[rest, k].any() else 0.5 for k in range(3)])
    return Fit(
        weights=_unscaled(net, centre, width),
        held_out=held,
        held_out_error=_errors(predicted[held], scores[held], known[held]),
        mean_error=_errors(np.broadcast_to(means, (n_held, 3)), scores[held], known[held]),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Matrices this small only lose by threads, and their sums depend on how many there are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _errors(predicted: FloatArray, scores: FloatArray, known: BoolArray) -> FloatArray:
    """Mean absolute error of each score over the rows where it is defined; 0 where it never is [3]."""
    distance = np.where(known, np.abs(predicted - np.nan_to_num(scores)), 0.0)
    return np.asarray(distance.sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def _network(n_features: int, generator: torch.Generator) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):  # layers draw first weights of their own, which are replaced below
        layers = [nn.Linear(n_features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 3)]
    net = nn.Sequential(*layers).double()
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
    return net


def _loss(net: nn.Sequential, features: Tensor, scores: Tensor) -> Tensor:
    known = ~torch.isnan(scores)
    predicted = torch.sigmoid(net(features))
    return nn.functional.huber_loss(predicted[known], scores[known], delta=0.1)


def _train(net: nn.Sequential, features: Tensor, scores: Tensor, training: Tensor, validation: Tensor) -> None:
    """Leaves the weights with the lowest validation loss in ``net``."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    best, since, kept = float("inf"), 0, {name: value.clone() for name, value in net.state_dict().items()}
    for _ in range(_EPOCHS):
        optimiser.zero_grad()
        _loss(net, features[training], scores[training]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():
            error = float(_loss(net, features[validation], scores[validation]))
        since += 1
        if error < best:
            best, since, kept = error, 0, {name: value.clone() for name, value in net.state_dict().items()}
        if since >= _PATIENCE:
            break
    net.load_state_dict(kept)


def _unscaled(net: nn.Sequential, centre: FloatArray, width: FloatArray) -> tuple[FloatArray, ...]:
    """Weights for features as they are."""
    arrays = []
    for layer in net:
        if isinstance(layer, nn.Linear):
            arrays += [layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy()]
    first = arrays[0] / width[:, None]
    return (first, arrays[1] - centre @ first, *arrays[2:])
