"""The rest of the Python face."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from marketsim.app.ready import ScenarioLike, load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.errors import MissingDependency, NetworkError

if TYPE_CHECKING:
    from marketsim.core.game import Game
    from marketsim.envs.game_env import GameEnv
    from marketsim.envs.market_env import MarketEnv


def feeder(name: str, folder: str | Path | None = None) -> Any:
    """A pandapower net by name: ``feeder141``, ``pandapower:<network>``, ``simbench:<code>`` or ``file:<net.json>``.

    Relative paths start from ``folder``. A net whose buses have no places gets those of a single-line diagram, for
    pandapower's plots. Raises NetworkError for a feeder that does not exist or cannot be used.
    """
    if not isinstance(name, str):
        raise NetworkError(f"a feeder is named, such as 'feeder141', not {type(name).__name__}")
    from marketsim.grid.net import pandapower_nets

    return pandapower_nets.placed(pandapower_nets.feeder(name, None if folder is None else Path(folder)))


def parallel_env(scenario: ReadyScenario | ScenarioLike, *, trust: bool = False) -> MarketEnv | GameEnv[Game]:
    """A scenario's game as a PettingZoo ``ParallelEnv``: the one that ``learning`` describes, with one market.

    ``scenario`` is loaded, or what ``load_scenario`` takes, with ``trust``. The environment of the market game also has the
    ``record`` of the last slot; its shaping has its full weight from the beginning, since an environment does not know how
    long it will be trained. Raises MissingDependency without the extra ``learn``, ScenarioError for agents that cannot learn,
    and PluginFault for what the game of a plugin does wrong.
    """
    try:
        from marketsim.envs.game_env import GameEnv
        from marketsim.envs.market_env import MarketEnv
    except ModuleNotFoundError as error:
        if error.name not in ("pettingzoo", "gymnasium"):
            raise
        raise MissingDependency("pettingzoo", "learn", "An environment") from error
    from marketsim.app.game import build_game
    from marketsim.games.market.game import MarketGame

    ready = scenario if isinstance(scenario, ReadyScenario) else load_scenario(scenario, trust=trust)
    at_once = with_ramp(ready, (0.0, 0.0))

    def make(seed: int) -> Game:
        return build_game(at_once, seeds=(seed,), rounds=1)

    first = make(ready.seed)
    kept = [first]  # the environment makes its game itself, and this is the one
    if not isinstance(first, MarketGame):
        return GameEnv(lambda seed: kept.pop() if kept else make(seed), ready.seed)
    return MarketEnv(lambda seed: cast("MarketGame", kept.pop() if kept else make(seed)), ready.seed)


def with_ramp(scenario: ReadyScenario, ramp: tuple[float, float]) -> ReadyScenario:
    """The scenario with another ``learning.reward.ramp``."""
    learning = scenario.model.learning
    reward = learning.reward.model_copy(update={"ramp": ramp})
    learning = learning.model_copy(update={"reward": reward})
    return replace(scenario, model=scenario.model.model_copy(update={"learning": learning}))
