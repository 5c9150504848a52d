"""Numbers drawn for each agent of a group.

Every law is the quantile function of one uniform number, so an agent's draw of one key depends on the seed, the
group, the key and the agent's position in the group, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, sqrt
from statistics import NormalDist
from typing import Any, Final, NamedTuple

from marketsim.scenario.problems import Detail, InvalidValue, did_you_mean
from marketsim.scenario.switches import LAWS
from marketsim.scenario.tree import Loc, Scalar

LINK: Final = "marketsim-definition"
"""Key in a field's JSON Schema that ``schema`` turns into a reference to a definition of its own."""
DIGITS: Final = 6
"""Significant digits of a drawn number: enough for any rating, and readable in the written scenario."""


class Draw(NamedTuple):
    """A distribution of scenario values.

    ========================  =====================================================================
    ``uniform: [a, b]``       uniform between a and b
    ``normal: [m, s]``        normal with mean m and standard deviation s, truncated below at 0
    ``normal: [m, s, a, b]``  the same, truncated to a..b
    ``triangular: [a, m, b]`` triangular between a and b with mode m
    ``integers: [a, b]``      a whole number from a to b, both included
    ``choice: [x, y, ...]``   one of the values, all equally likely; repeat one to weigh it
    ========================  =====================================================================
    """

    law: str
    arguments: tuple[Any, ...]

    def at(self, u: float) -> Scalar:
        """The value at quantile ``u``, 0 <= u < 1."""
        value: Scalar = _QUANTILES[self.law](u, *self.arguments)
        if not isinstance(value, float) or self.law == "choice":
            return value
        low, high = self.support()
        return min(max(float(f"{value:.{DIGITS}g}"), low), high)

    def support(self) -> tuple[float, float]:
        """Smallest and largest possible value of a distribution of numbers."""
        if self.law == "normal":
            return self.arguments[2:] or (0.0, float("inf"))
        return float(min(self.arguments)), float(max(self.arguments))


def _normal(u: float, mean: float, deviation: float, low: float = 0.0, high: float = float("inf")) -> float:
    if deviation == 0.0:
        return min(max(mean, low), high)
    law = NormalDist(mean, deviation)
    below = law.cdf(low)
    share = below + (law.cdf(high) - below) * u
    return law.inv_cdf(share) if 0.0 < share < 1.0 else min(max(mean, low), high)


def _triangular(u: float, low: float, mode: float, high: float) -> float:
    if high == low:
        return low
    if u * (high - low) < mode - low:
        return low + sqrt(u * (high - low) * (mode - low))
    return max(mode, high - sqrt((1.0 - u) * (high - low) * (high - mode)))  # float noise may fall short of it


_QUANTILES: Final[dict[str, Callable[..., Scalar]]] = {
    "uniform": lambda u, low, high: low + (high - low) * u,
    "normal": _normal,
    "triangular": _triangular,
    "integers": lambda u, low, high: low + int(u * (high - low + 1)),
    "choice": lambda u, *values: values[int(u * len(values))],
}
_SHAPES: Final = {
    "uniform": "[lowest, highest]",
    "normal": "[mean, deviation] or [mean, deviation, lowest, highest]",
    "triangular": "[lowest, mode, highest]",
    "integers": "[lowest, highest], whole numbers",
    "choice": "a list of values",
}


def is_draw(value: object) -> bool:
    """Whether a mapping stands for a distribution: a law's name is its only key."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in LAWS


def read_draw(value: dict[str, Any], loc: Loc = ()) -> Draw:
    """The distribution that a mapping stands for; ``InvalidValue`` where its arguments make no sense."""
    law, arguments = next(iter(value.items()))
    fault = _fault(law, arguments)
    if fault:
        raise InvalidValue([Detail((*loc, law), fault, arguments, f"write {law}: {_SHAPES[law]}")])
    return Draw(law, tuple(arguments) if law in ("choice", "integers") else tuple(float(each) for each in arguments))


def _fault(law: str, arguments: object) -> str:
    if not isinstance(arguments, list) or not arguments:
        return "must be a list"
    if law == "choice":
        return "must hold plain values" if any(isinstance(each, list | dict) for each in arguments) else ""
    whole = law == "integers"
    if any(isinstance(each, bool) or not isinstance(each, int if whole else int | float) for each in arguments):
        return "must hold whole numbers" if whole else "must hold numbers"
    lengths = {"normal": (2, 4), "triangular": (3,)}.get(law, (2,))
    if len(arguments) not in lengths:
        return f"must hold {' or '.join(str(length) for length in lengths)} numbers"
    if not all(isfinite(each) for each in arguments):
        return "must hold finite numbers"
    if law == "normal":
        return _normal_fault(*arguments)
    return "" if arguments == sorted(arguments) else "must hold its numbers in ascending order"


def _normal_fault(mean: float, deviation: float, low: float = 0.0, high: float = float("inf")) -> str:
    if deviation < 0.0:
        return "the deviation must not be negative"
    return "" if low <= mean <= high else "the mean must lie within the bounds (0 and above, if none are given)"


def not_a_draw(value: dict[str, Any]) -> Detail:
    """What to say of a mapping where a number or a distribution is expected."""
    key = next(iter(value), "")
    hint = did_you_mean(key, LAWS, "distributions") if len(value) == 1 else f"distributions: {', '.join(LAWS)}"
    return Detail((), "must be a number or one distribution", value, hint)


def read_template(value: Any, loc: Loc = ()) -> Any:
    """Parameters with every distribution in them read; all that are malformed at once."""
    wrong: list[Detail] = []
    template = _read(value, loc, wrong)
    if wrong:
        raise InvalidValue(wrong)
    return template


def _read(value: Any, loc: Loc, wrong: list[Detail]) -> Any:
    if is_draw(value):
        try:
            return read_draw(value, loc)
        except InvalidValue as error:
            wrong += error.details
            return None
    if isinstance(value, dict):
        return {key: _read(item, (*loc, key), wrong) for key, item in value.items()}
    if isinstance(value, list):
        return [_read(item, (*loc, position), wrong) for position, item in enumerate(value)]
    return value


def varies(template: object) -> bool:
    """Whether a template holds a distribution."""
    if isinstance(template, Draw):
        return True
    if isinstance(template, dict):
        return any(varies(item) for item in template.values())
    return isinstance(template, list) and any(varies(item) for item in template)


def fill(template: Any, uniform: Callable[[Loc], float], loc: Loc = ()) -> Any:
    """A template with each distribution replaced by its value at ``uniform(path)``."""
    if isinstance(template, Draw):
        return template.at(uniform(loc))
    if isinstance(template, dict):
        return {key: fill(item, uniform, (*loc, key)) for key, item in template.items()}
    if isinstance(template, list):
        return [fill(item, uniform, (*loc, position)) for position, item in enumerate(template)]
    return template
