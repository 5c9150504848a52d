"""``marketsim.coordinate``, ``weigh`` and ``post_prices``: the comparisons from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from marketsim.analysis.coordination import prices
from marketsim.analysis.coordination.benefits import NamedWeights, benefits
from marketsim.analysis.coordination.days import ComparedDay, days_in_a_row, days_of_a_year
from marketsim.analysis.coordination.study import (
    By,
    Coordination,
    Plans,
    compare_ways,
    demand_agreeable,
    objectives_of,
    rows_of,
)
from marketsim.app.ready import ScenarioLike, load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd


def asked_days(ready: ReadyScenario, *, days: int | None, every: int | None, year: bool) -> tuple[ComparedDay, ...]:
    """The days that were asked for; InputError where they are asked for in two ways, or are none."""
    if not year:
        return days_in_a_row(ready, 1 if days is None else days, 1 if every is None else every)
    if days is not None or every is not None:
        hint = "--year chooses the days: leave out --days and --every"
        raise InputError([Problem("days are asked for in two ways", "--year", hint=hint)])
    return days_of_a_year(ready)


def demand_days_in_a_row(*, every: int | None, year: bool) -> None:
    """InputError where weights of members are asked for on days apart: they follow from the bills of the days before."""
    if year or every not in (None, 1):
        seen, hint = ("--year", "--year") if year else (f"--every {every}", "--every")
        message = "weights follow from the bills of the days before, so days are in a row"
        raise InputError([Problem(message, "--weights", seen, f"leave out {hint}, and choose --days")])


def compared(
    ready: ReadyScenario, days: Sequence[ComparedDay], plans: Plans, tell: Callable[[str], None] | None = None
) -> Coordination:
    """All ways on these days; InputError for slots of which noon is no border."""
    _demand_noon(ready)
    return compare_ways(ready, days, plans, tell)


def posted(
    ready: ReadyScenario, days: Sequence[ComparedDay], peak_price: float, tell: Callable[[str], None] | None = None
) -> prices.PostedStudy:
    """Prices posted on these days; InputError for slots of which noon is no border."""
    _demand_noon(ready)
    return prices.post_prices(ready, days, peak_price, tell)


def _demand_noon(ready: ReadyScenario) -> None:
    if 12 * 60 % ready.model.clock.slot_minutes:
        hint = "choose slots of which twelve hours hold a whole number"
        seen = str(ready.model.clock.slot_minutes)
        raise InputError([Problem("days are compared from noon to noon", "clock.slot_minutes", seen, hint)])


def coordinate(
    scenario: ReadyScenario | ScenarioLike,
    *,
    objectives: Sequence[str] = ("cost_then_peak", "peak_then_cost"),
    days: int | None = None,
    every: int | None = None,
    year: bool = False,
    forecasts: Literal["perfect", "own"] = "perfect",
    slack: float = 0.001,
    peak_price: float = 0.0,
    by: By = "programme",
    target: float = 0.726,
    trust: bool = False,
) -> pd.DataFrame:
    """Plan the days of all agents together, and compare them with the market and with the utility alone.

    Parameters
    ----------
    scenario
        What ``load_scenario`` returned, or takes.
    objectives
        What the pool plans for: ``cost``, ``peak``, ``cost_then_peak``, ``peak_then_cost``.
    days, every, year
        So many days from the scenario's start, so many days apart; or every fourteenth day of the year and its day of the
        highest load.
    forecasts
        ``perfect``: the pool knows the actual series; ``own``: what the scenario says, planned anew every hour.
    slack, peak_price
        Share of the least cost that ``cost_then_peak`` may spend on a lower peak; price of a day's largest import
        [currency/kW].
    by
        ``programme``: one that knows all devices; ``consensus``: the members by agreement, for the objective ``cost`` alone.
    target
        Reduction of a day's peak that the column ``reaches_target`` tells.
    trust
        Whether the scenario is your own; as for ``load_scenario``.

    A row for each way to run the community and each day, from noon to noon; energies in kWh, powers in kW, cost in the
    scenario's currency. Raises InputError for what is asked for and cannot be.
    """
    import pandas as pd

    asked = Plans(objectives_of(objectives), forecasts, slack, peak_price, by)
    demand_agreeable(asked)
    ready = scenario if isinstance(scenario, ReadyScenario) else load_scenario(scenario, trust=trust)
    chosen = asked_days(ready, days=days, every=every, year=year)
    return pd.DataFrame(rows_of(compared(ready, chosen, asked), target))


def weigh(
    scenario: ReadyScenario | ScenarioLike,
    *,
    weights: str | Sequence[str | Mapping[str, Mapping[str, Any]]] = ("equal", "feedback"),
    days: int = 28,
    objective: str = "cost_then_peak",
    forecasts: Literal["perfect", "own"] = "perfect",
    trust: bool = False,
) -> pd.DataFrame:
    """Say who benefits from planning together where local energy and what shared assets earn go by weights of members.

    Parameters
    ----------
    scenario
        What ``load_scenario`` returned, or takes.
    weights
        Rules of weights, by name (``equal``, ``income``, ``rank``, ``feedback``) or one with its parameters
        (``{"feedback": {"burden_gain": 4}}``).
    days
        From the scenario's start, in one run for each rule: weights follow from the bills of the days before.
    objective, forecasts
        As of ``coordinate``.
    trust
        Whether the scenario is your own; as for ``load_scenario``.

    A row for the utility alone and one for each rule: Gini coefficients of burdens and access, the worst burden, burden and
    access of each income class [-], what all pay together [currency], peak [kW]. Raises InputError for what is asked for and
    cannot be.
    """
    import pandas as pd

    plans = Plans(objectives_of([objective]), forecasts)
    ready = scenario if isinstance(scenario, ReadyScenario) else load_scenario(scenario, trust=trust)
    named = [_named_weights(each) for each in ([weights] if isinstance(weights, str) else weights)]
    return pd.DataFrame([each.row() for each in benefits(ready, days, plans, named)])


def _named_weights(given: str | Mapping[str, Mapping[str, Any]]) -> NamedWeights:
    if isinstance(given, str):
        return NamedWeights(given, {})
    if isinstance(given, Mapping) and len(given) == 1:
        ((name, parameters),) = given.items()
        if isinstance(name, str) and isinstance(parameters, Mapping):
            return NamedWeights(name, parameters)
    raise InputError([Problem("must be a name, or one name with its parameters", "weights", repr(given)[:80])])


def post_prices(
    scenario: ReadyScenario | ScenarioLike,
    *,
    days: int | None = None,
    every: int | None = None,
    year: bool = False,
    peak_price: float = 0.0,
    trust: bool = False,
) -> pd.DataFrame:
    """Post the prices of a common plan to agents who plan for themselves; favour low incomes by prices, and by money.

    Parameters
    ----------
    scenario
        What ``load_scenario`` returned, or takes. Its series are known to all.
    days, every, year
        As for ``coordinate``.
    peak_price
        Price of a day's largest import of all together [currency/kW].
    trust
        Whether the scenario is your own; as for ``load_scenario``.

    A row for each way: what all pay (``cost`` [currency], ``dearer`` than the common plan as a share of it), the Gini coefficient
    of burdens and the heaviest burden, how many pay more than alone, what is ``left`` to the operator, and the ``regret`` of the
    member that could do better than what was proposed to it, both in currency. Raises InputError for what has no prices: devices
    with a yes or no, tariffs below zero.
    """
    import pandas as pd

    ready = scenario if isinstance(scenario, ReadyScenario) else load_scenario(scenario, trust=trust)
    return pd.DataFrame(prices.rows_of(posted(ready, asked_days(ready, days=days, every=every, year=year), peak_price)))
