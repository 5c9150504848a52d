"""The learners of numbers by name: what reads their checkpoints, and what makes them for a game."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from marketsim.core import game
from marketsim.learning.adjoint import algorithm as adjoint
from marketsim.learning.adjoint.params import AdjointParams
from marketsim.learning.cloning import algorithm as cloning
from marketsim.learning.cloning.fit import ACTOR, FLOOR
from marketsim.learning.envelope import refusal
from marketsim.learning.mappo import algorithm as mappo
from marketsim.learning.mappo.params import MappoParams
from marketsim.learning.numbers.actors import make_actors
from marketsim.learning.numbers.algorithm import Algorithm, Start
from marketsim.learning.numbers.checkpoint import Kinds, LearnerKind, NumberCheckpoint, demand_playable, load
from marketsim.learning.numbers.params import CloningParams, NumberLearnerParams, StartedParams
from marketsim.learning.numbers.policy import GaussianPolicy
from marketsim.learning.numbers.shape import NumberShape, sloped
from marketsim.learning.offpolicy import algorithm as offpolicy
from marketsim.learning.offpolicy.params import MaddpgParams, Matd3Params, OffPolicyParams, SacParams

KINDS: Final[Kinds] = {
    "adjoint": LearnerKind(AdjointParams, adjoint.sizes_of),
    "cloning": LearnerKind(CloningParams, cloning.sizes_of),
    "mappo": LearnerKind(MappoParams, mappo.sizes_of),
    "sac": LearnerKind(SacParams, offpolicy.sizes_of),
    "matd3": LearnerKind(Matd3Params, offpolicy.sizes_of),
    "maddpg": LearnerKind(MaddpgParams, offpolicy.sizes_of),
}


def algorithm_of(name: str, params: NumberLearnerParams, shape: NumberShape, played: game.Game) -> Algorithm:
    """What learns a game; ScenarioError where the parameters do not fit it."""
    if isinstance(params, CloningParams):
        return cloning.make_cloning(params, shape)
    if isinstance(params, AdjointParams):
        return adjoint.make_adjoint(params, shape, sloped(played, name).carried)
    if isinstance(params, MappoParams):
        return mappo.make_mappo(params, shape)
    if isinstance(params, OffPolicyParams):
        return offpolicy.make_off_policy(name, params, shape, played.shape)
    raise AssertionError(f"there is no learner of numbers with {type(params).__name__}")


def policy_of(checkpoint: NumberCheckpoint) -> GaussianPolicy:
    """The policies of a checkpoint, frozen."""
    actors = make_actors(checkpoint.shape, checkpoint.params.hidden, checkpoint.params.deviation)
    return actors.policy(checkpoint.state[f"{ACTOR}.weights"])


def start_of(path: Path, shape: NumberShape, params: StartedParams) -> Start:
    """Policies to begin with; CheckpointError where they do not fit the game or the parameters of who begins with them."""
    found = load(path, KINDS)
    demand_playable(path, found.shape, shape)
    if found.params.hidden != params.hidden:
        hint = f"begin with hidden: {list(found.params.hidden)}, or train the start anew"
        raise refusal(path, f"its policies have other hidden layers, here {list(params.hidden)}", hint)
    floor = found.state[FLOOR]
    if (
        isinstance(params, OffPolicyParams | AdjointParams)
        and params.imitation is not None
        and not bool((floor > 0.0).all())
    ):
        hint = "name a checkpoint of the learner cloning, or of one that began with it"
        raise refusal(path, "this checkpoint does not say how far its policies are from an expert", hint)
    return Start(found.state[f"{ACTOR}.weights"], floor)
