"""Small games with known answers, and one that costs nothing: what a learner must solve before it may play a market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.game import Actions, ActionSpace, Box, Categorical, Features, Layout, Shape, Slopes, Step


class SmallGame:
    """Base of games whose slots depend on a context drawn for each slot, market and agent, and on the last actions.

    A subclass says what is ``seen``, what a market's ``state`` is, and what actions ``earn``.
    """

    def __init__(
        self,
        n_agents: int,
        actions: ActionSpace | Sequence[int],
        *,
        n_markets: int = 8,
        slots: int = 8,
        n_features: int = 1,
        n_state: int = 1,
        scores: tuple[str, ...] = (),
    ) -> None:
        """``actions`` is a space, or the heads of choices that all agents use."""
        if not isinstance(actions, Categorical | Box):
            actions = Categorical(tuple(actions), np.ones((n_agents, len(actions)), dtype=np.bool_))
        self._shape = Shape(n_markets, n_agents, n_features, n_state, actions, slots, ("economic", "shaping"), scores)
        self.slot = 0
        self.rng = np.random.default_rng(0)
        size, kind = (
            (len(actions.heads), np.int64) if isinstance(actions, Categorical) else (actions.low.shape[1], np.float64)
        )
        self.last: Actions = np.zeros((n_markets, n_agents, size), dtype=kind)
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

    def close(self, *, wait: bool = True) -> Mapping[str, object]:  # noqa: ARG002 - part of the port
        """There is nothing to release."""
        return {}

    def step(self, actions: Actions) -> Step:
        """Play a slot."""
        self._demand_legal(actions)
        economic, shaping = self.earned(actions)
        parts = {"economic": economic, "shaping": shaping, **self.told(actions)}
        self.last = actions.copy()
        self.slot += 1
        self.draw()
        seen, state = self._look()
        return Step(seen, state, economic + shaping, parts, self.slot == self.shape.slots)

    def _demand_legal(self, actions: Actions) -> None:
        if actions.shape != self.last.shape or actions.dtype != self.last.dtype:
            raise AssertionError(f"actions {actions.shape} of {actions.dtype}, {self.last.shape} expected")
        match self.shape.actions:
            case Categorical(heads, _) if np.any(actions < 0) or np.any(actions >= np.array(heads)):
                raise AssertionError("an action outside its head")
            case Box(low, high) if not np.all((actions >= low) & (actions <= high)):
                raise AssertionError("an action outside its bounds")

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

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002 - for subclasses
        """Economic and shaping reward [M, A] each of ``actions`` [M, A, H or D]."""
        raise TypeError(f"{type(self).__name__} pays nothing")

    def told(self, actions: Actions) -> Mapping[str, FloatArray]:  # noqa: ARG002 - for subclasses
        """The scores of a slot [M]; none by default."""
        return {}

    def nothing(self) -> FloatArray:
        """No reward [M, A]."""
        return np.zeros((self.shape.n_markets, self.shape.n_agents))


class Bandit(SmallGame):
    """Each agent has an arm of its own that pays 1; all others pay 0. Optimum: 1 a slot."""

    def __init__(self, best: Sequence[int], n_arms: int) -> None:
        super().__init__(len(best), (n_arms,))
        self.best = np.array(best)

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:
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
        super().__init__(n_agents, Categorical((n_arms, n_arms), used), n_features=n_arms)
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

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:
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
        super().__init__(2, Categorical((self.PRICES, self.SHARES), used), scores=("traded",))
        self.ask = 0.5

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:
        """Gains of both; the fairness of a slot is how much of the unit is traded."""
        bid = actions[:, 1, 0] / (self.PRICES - 1)
        traded = actions[:, :, 1].min(axis=1) / (self.SHARES - 1) * (bid >= self.ask)
        price = (bid + self.ask) / 2.0
        gains = np.stack([price * traded, (1.0 - price) * traded], axis=1)
        return gains, self.nothing() + 0.1 * traded[:, np.newaxis]

    def told(self, actions: Actions) -> Mapping[str, FloatArray]:
        """How much of the unit is traded; undefined where the bid does not reach the ask."""
        bid = actions[:, 1, 0] / (self.PRICES - 1)
        share = actions[:, :, 1].min(axis=1) / (self.SHARES - 1)
        return {"traded": np.where(bid >= self.ask, share, np.nan)}


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

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:
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

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002 - they do not matter
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

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:
        """As a bandit, and the mean."""
        economic, _ = super().earned(actions)
        shaping = self.nothing() + self.mean
        self.seen_slots += 1.0
        self.mean = self.mean + (economic.mean(axis=0) - self.mean) / self.seen_slots
        return economic, shaping


class Aiming(SmallGame):
    """Actions are numbers: each agent sees a mark and is paid 1 less its squared distance from it. Optimum: 1 a slot.

    Agent a aims on a line of its own within [-1 - a, 1 + a]; the mark lies in the inner half. A second number means
    something to agent 0 alone, whose bounds [0, 0.1] are another's 0.
    """

    def __init__(self, n_agents: int = 2, *, n_markets: int = 8) -> None:
        reach = 1.0 + np.arange(n_agents)
        second = np.where(np.arange(n_agents) == 0, 0.1, 0.0)
        space = Box(np.stack([-reach, 0.0 * reach], axis=1), np.stack([reach, second], axis=1))
        super().__init__(n_agents, space, n_markets=n_markets, scores=("hits",))
        self.reach = reach
        self.mark: FloatArray = np.zeros((n_markets, n_agents))

    def draw(self) -> None:
        """A mark for each agent."""
        self.mark = self.rng.uniform(-0.5, 0.5, self.mark.shape) * self.reach

    def seen(self) -> FloatArray:
        """The mark."""
        return self.mark[:, :, np.newaxis]

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:
        """1 less the squared distance; the second number is shaping."""
        return 1.0 - (actions[:, :, 0] - self.mark) ** 2, actions[:, :, 1]

    def told(self, actions: Actions) -> Mapping[str, FloatArray]:
        """Share of the agents within 0.1 of their marks."""
        return {"hits": (np.abs(actions[:, :, 0] - self.mark) <= 0.1).mean(axis=1)}


class GuidedAiming(Aiming):
    """The same with an expert, who hits the mark; what it does is linear in what is seen. The game knows its slopes.

    Nothing is carried from slot to slot.
    """

    carried: tuple[int, ...] = ()

    def __init__(self, n_agents: int = 2, *, n_markets: int = 8) -> None:
        super().__init__(n_agents, n_markets=n_markets)
        self._slopes = np.zeros((n_markets, n_agents, 2))

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:
        """As without an expert."""
        self._slopes = np.stack([2.0 * (self.mark - actions[:, :, 0]), np.ones_like(self.mark)], axis=2)
        return super().earned(actions)

    def slopes(self) -> Slopes:
        """Twice the distance to the mark, and 1 of the second number."""
        none = np.zeros((*self.mark.shape, 0))
        return Slopes(self._slopes, none, none[..., np.newaxis].repeat(2, axis=3), none)

    def labels(self) -> FloatArray:
        """The mark, and all of the second number."""
        wanted = np.stack([self.mark, np.broadcast_to(self.reach * 0.0, self.mark.shape)], axis=2)
        space = self.shape.actions
        if isinstance(space, Box):
            wanted[:, :, 1] = space.high[:, 1]
        return wanted


class Favour(SmallGame):
    """Each of two agents sets a number in [-1, 1] that costs itself and pays the other. Optimum of both together: 0.5.

    Agent a pays u_a^2 and gets u_b of the other: alone it would set 0, together they get the most from u = 0.5 each, 0.25 an
    agent and slot.
    """

    def __init__(self, *, n_markets: int = 8) -> None:
        super().__init__(2, Box(np.full((2, 1), -1.0), np.full((2, 1), 1.0)), n_markets=n_markets)

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:
        """The other's number less the square of one's own."""
        own = actions[:, :, 0]
        return own[:, ::-1] - own**2, self.nothing()


class Saving(SmallGame):
    """What is put by in the first of two slots, a number in [0, 1], costs as much and pays twice in the second. One agent.

    With a discount above one half the best is to put by all, 1 an episode; with 0 nothing. The second number does not matter.
    """

    def __init__(self, *, n_markets: int = 8) -> None:
        super().__init__(
            1, Box(np.zeros((1, 1)), np.ones((1, 1))), n_markets=n_markets, slots=2, n_features=2, scores=("saved",)
        )

    def seen(self) -> FloatArray:
        """Which slot it is, and what was put by."""
        look = np.zeros((self.shape.n_markets, 1, 2))
        look[:, :, 0] = min(self.slot, 1)
        look[:, :, 1] = self.last[:, :, 0] if self.slot == 1 else 0.0
        return look

    def earned(self, actions: Actions) -> tuple[FloatArray, FloatArray]:
        """The cost of putting by, then twice of it."""
        return (-actions[:, :, 0] if self.slot == 0 else 2.0 * self.last[:, :, 0]), self.nothing()

    def told(self, actions: Actions) -> Mapping[str, FloatArray]:
        """What was put by in the first slot; undefined in the second."""
        return {"saved": actions[:, 0, 0] if self.slot == 0 else np.full(len(actions), np.nan)}
