"""Small games with known answers, and one that costs nothing: what a learner must solve before it may play a market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.learning.game import Features, Layout, Shape, Step


class SmallGame:
    """Base of games whose slots depend on a context drawn for each slot, market and agent, and on the last actions.

    A subclass says what is ``seen``, what a market's ``state`` is, and what actions ``earn``.
    """

    def __init__(
        self,
        n_agents: int,
        heads: Sequence[int],
        *,
        n_markets: int = 8,
        slots: int = 8,
        n_features: int = 1,
        n_state: int = 1,
        used: BoolArray | None = None,
    ) -> None:
        everything = np.ones((n_agents, len(heads)), dtype=np.bool_)
        self._shape = Shape(
            n_markets, n_agents, n_features, n_state, tuple(heads), everything if used is None else used, slots
        )
        self.slot = 0
        self.rng = np.random.default_rng(0)
        self.last = np.zeros((n_markets, n_agents, len(heads)), dtype=np.int64)
        """Actions of the slot before; zeros in the first."""

    @property
    def shape(self) -> Shape:
        """Sizes of the game."""
        return self._shape

    @property
    def layout(self) -> Layout:
        """Agents and features by number; nothing is scaled."""
        n, f = self.shape.n_agents, self.shape.n_features
        agents, features = (tuple(f"{what} {i}" for i in range(size)) for what, size in (("agent", n), ("feature", f)))
        return Layout(agents, features, np.zeros((n, f)), np.ones((n, f)), 10.0)

    def memory(self) -> Mapping[str, FloatArray]:
        """Nothing by default."""
        return {}

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """Go on from a memory; nothing by default."""

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin an episode."""
        self.slot = 0
        self.rng = np.random.default_rng([episode, 7])
        self.last[:] = 0
        self.draw()
        return self._look()

    def step(self, actions: IntArray) -> Step:
        """Play a slot."""
        if actions.shape != self.last.shape:
            raise AssertionError(f"actions {actions.shape}, {self.last.shape} expected")
        if np.any(actions < 0) or np.any(actions >= np.array(self.shape.heads)):
            raise AssertionError("an action outside its head")
        economic, shaping = self.earned(actions)
        self.last = actions.copy()
        self.slot += 1
        self.draw()
        seen, state = self._look()
        scores = np.full((self.shape.n_markets, 3), np.nan)
        return Step(seen, state, economic, shaping, scores, self.slot == self.shape.slots)

    def _look(self) -> tuple[Features, Features]:
        return self.seen().astype(np.float32), self.state().astype(np.float32)

    def draw(self) -> None:
        """Draw the context of the next slot from ``rng``; nothing by default."""

    def seen(self) -> FloatArray:
        """What every agent sees [M, A, F]; ones by default."""
        return np.ones((self.shape.n_markets, self.shape.n_agents, self.shape.n_features))

    def state(self) -> FloatArray:
        """State of every market [M, G]; ones by default."""
        return np.ones((self.shape.n_markets, self.shape.n_state))

    def earned(self, actions: IntArray) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002 - for subclasses
        """Economic and shaping reward [M, A] each of ``actions`` [M, A, H]."""
        raise TypeError(f"{type(self).__name__} pays nothing")

    def nothing(self) -> FloatArray:
        """No reward [M, A]."""
        return np.zeros((self.shape.n_markets, self.shape.n_agents))


class Bandit(SmallGame):
    """Each agent has an arm of its own that pays 1; all others pay 0. Optimum: 1 a slot."""

    def __init__(self, best: Sequence[int], n_arms: int) -> None:
        super().__init__(len(best), (n_arms,))
        self.best = np.array(best)

    def earned(self, actions: IntArray) -> tuple[FloatArray, FloatArray]:
        """1 for the best arm."""
        return (actions[:, :, 0] == self.best).astype(np.float64), self.nothing()


class ContextualBandit(SmallGame):
    """Sees one of ``n_arms`` contexts; agent a's best arm is (context + a) mod n_arms in both heads. Optimum: 1 a slot.

    Only the right choice in both heads pays 1, in one head 0.25; agent 0 has no use for the second head, and is
    paid for the first alone.
    """

    def __init__(self, n_agents: int, n_arms: int) -> None:
        used = np.ones((n_agents, 2), dtype=np.bool_)
        used[0, 1] = False
        super().__init__(n_agents, (n_arms, n_arms), n_features=n_arms, used=used)
        self.n_arms = n_arms
        self.context = np.zeros((self.shape.n_markets, n_agents), dtype=np.int64)

    def draw(self) -> None:
        """A context for each agent."""
        self.context = self.rng.integers(0, self.n_arms, self.context.shape)

    def seen(self) -> FloatArray:
        """The context, one of n."""
        return np.eye(self.n_arms)[self.context]

    def best(self) -> IntArray:
        """The best arm [M, A]."""
        return (self.context + np.arange(self.shape.n_agents)) % self.n_arms

    def earned(self, actions: IntArray) -> tuple[FloatArray, FloatArray]:
        """1 for both, 0.25 for one."""
        right = (actions == self.best()[:, :, np.newaxis]).astype(np.float64)
        right[:, 0, 1] = right[:, 0, 0]
        hits = right.sum(axis=2)
        return np.where(hits == 2.0, 1.0, 0.25 * hits), self.nothing()


class TwoTraders(SmallGame):
    """A seller asks 0.5 for a share of one unit, a buyer bids for a share; the smaller share trades at the middle price.

    Cost of the seller 0, value of the buyer 1; bids a / 4, shares b / 2. The optimum of both: the lowest bid that
    trades, 0.5, and everything offered and wanted; each then earns 0.5 a slot. The seller has no use for a price.
    """

    PRICES, SHARES = 5, 3

    def __init__(self) -> None:
        used = np.array([[False, True], [True, True]])
        super().__init__(2, (self.PRICES, self.SHARES), used=used)
        self.ask = 0.5

    def earned(self, actions: IntArray) -> tuple[FloatArray, FloatArray]:
        """Gains of both; the fairness of a slot is how much of the unit is traded."""
        bid = actions[:, 1, 0] / (self.PRICES - 1)
        traded = actions[:, :, 1].min(axis=1) / (self.SHARES - 1) * (bid >= self.ask)
        price = (bid + self.ask) / 2.0
        gains = np.stack([price * traded, (1.0 - price) * traded], axis=1)
        return gains, self.nothing() + 0.1 * traded[:, np.newaxis]


class TwoSteps(SmallGame):
    """Taking now pays 0.5 and ends what there is; waiting pays nothing now and 1 in the next slot. One agent.

    With a discount of 0 the best is to take, with 0.99 to wait.
    """

    def __init__(self) -> None:
        super().__init__(1, (2,), slots=2, n_features=2)

    def seen(self) -> FloatArray:
        """Which slot it is."""
        look = np.zeros((self.shape.n_markets, 1, 2))
        look[:, :, min(self.slot, 1)] = 1.0
        return look

    def earned(self, actions: IntArray) -> tuple[FloatArray, FloatArray]:
        """0.5 for taking at once (choice 1), 1 after waiting (choice 0)."""
        if self.slot == 0:
            return 0.5 * (actions[:, :, 0] == 1), self.nothing()
        return 1.0 * (self.last[:, :, 0] == 0), self.nothing()


class HiddenState(SmallGame):
    """The reward is +1 or -1 by a coin that only the state of the market shows; actions do not matter. One agent."""

    def __init__(self) -> None:
        super().__init__(1, (2,), n_markets=16)
        self.coin: FloatArray = np.zeros(self.shape.n_markets)

    def draw(self) -> None:
        """Toss the coin of each market."""
        self.coin = self.rng.choice([-1.0, 1.0], self.shape.n_markets)

    def state(self) -> FloatArray:
        """The coin."""
        return self.coin[:, np.newaxis]

    def earned(self, actions: IntArray) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002 - they do not matter
        """The coin."""
        return self.nothing() + self.coin[:, np.newaxis], self.nothing()


class Remembering(Bandit):
    """A bandit whose shaping is the running mean of what each agent earned before, over all episodes played."""

    def __init__(self, best: Sequence[int], n_arms: int) -> None:
        super().__init__(best, n_arms)
        self.mean = np.zeros(len(best))
        self.seen_slots = np.zeros(1)

    def memory(self) -> Mapping[str, FloatArray]:
        """Mean and number of slots."""
        return {"mean": self.mean, "slots": self.seen_slots}

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """Go on from them."""
        self.mean, self.seen_slots = memory["mean"].copy(), memory["slots"].copy()

    def earned(self, actions: IntArray) -> tuple[FloatArray, FloatArray]:
        """As a bandit, and the mean."""
        economic, _ = super().earned(actions)
        shaping = self.nothing() + self.mean
        self.seen_slots += 1.0
        self.mean = self.mean + (economic.mean(axis=0) - self.mean) / self.seen_slots
        return economic, shaping
