"""Agent-based simulator of peer-to-peer electricity markets on a physical feeder.

>>> import marketsim as ms
>>> scenario = ms.load_scenario("scenarios/ieee141.yaml", {"seed": 3})  # doctest: +SKIP
>>> run = ms.simulate(scenario)  # doctest: +SKIP

Names are imported when they are used: ``import marketsim`` loads no heavy library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marketsim.agents.members import Consumer as Consumer
    from marketsim.agents.members import Prosumer as Prosumer
    from marketsim.agents.view import AgentView as AgentView
    from marketsim.agents.view import Order as Order
    from marketsim.analysis.coordination.public import coordinate as coordinate
    from marketsim.analysis.coordination.public import post_prices as post_prices
    from marketsim.analysis.coordination.public import weigh as weigh
    from marketsim.analysis.studies.folder import open_study as open_study
    from marketsim.analysis.studies.public import whatif as whatif
    from marketsim.app.data_check import check_data as check_data
    from marketsim.app.explain import explain as explain
    from marketsim.app.importing import import_scenario as import_scenario
    from marketsim.app.match import match as match
    from marketsim.app.public import feeder as feeder
    from marketsim.app.public import parallel_env as parallel_env
    from marketsim.app.ready import load_scenario as load_scenario
    from marketsim.app.ready_scenario import ReadyScenario as ReadyScenario
    from marketsim.app.running import open_run as open_run
    from marketsim.app.running import simulate as simulate
    from marketsim.app.share import share as share
    from marketsim.app.slot_scores import fairness_scores as fairness_scores
    from marketsim.core.params import Params as Params
    from marketsim.extension.entry import Entry as Entry
    from marketsim.extension.hookspecs import hookimpl as hookimpl
    from marketsim.results.reader import Run as Run

_HOMES = {
    "load_scenario": "marketsim.app.ready",
    "ReadyScenario": "marketsim.app.ready_scenario",
    "simulate": "marketsim.app.running",
    "open_run": "marketsim.app.running",
    "open_study": "marketsim.analysis.studies.folder",
    "check_data": "marketsim.app.data_check",
    "import_scenario": "marketsim.app.importing",
    "Run": "marketsim.results.reader",
    "feeder": "marketsim.app.public",
    "parallel_env": "marketsim.app.public",
    "match": "marketsim.app.match",
    "fairness_scores": "marketsim.app.slot_scores",
    "share": "marketsim.app.share",
    "explain": "marketsim.app.explain",
    "whatif": "marketsim.analysis.studies.public",
    "coordinate": "marketsim.analysis.coordination.public",
    "weigh": "marketsim.analysis.coordination.public",
    "post_prices": "marketsim.analysis.coordination.public",
    "Prosumer": "marketsim.agents.members",
    "Consumer": "marketsim.agents.members",
    "AgentView": "marketsim.agents.view",
    "Order": "marketsim.agents.view",
    "Params": "marketsim.core.params",
    "Entry": "marketsim.extension.entry",
    "hookimpl": "marketsim.extension.hookspecs",
}

__all__ = [
    "AgentView",
    "Consumer",
    "Entry",
    "Order",
    "Params",
    "Prosumer",
    "ReadyScenario",
    "Run",
    "check_data",
    "coordinate",
    "explain",
    "fairness_scores",
    "feeder",
    "hookimpl",
    "import_scenario",
    "load_scenario",
    "match",
    "open_run",
    "open_study",
    "parallel_env",
    "post_prices",
    "share",
    "simulate",
    "weigh",
    "whatif",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
