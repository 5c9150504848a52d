"""The language models that a scenario asks: whether each is there, before a run finds out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

from marketsim.app.parts import model_maker
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.blame import told
from marketsim.core.build import Choice
from marketsim.core.language_model import Failure, Identity, LanguageModel
from marketsim.core.params import Params
from marketsim.llm.ollama_host import demand_own
from marketsim.llm.params import AskingParams


class AskedModel(NamedTuple):
    """A model that a scenario asks, and what it says of itself."""

    path: str
    """Where it stands in the scenario."""
    url: str
    model: str
    digest: str | None
    """None where it did not answer; see ``error``."""
    server: str | None
    error: str


def asked_models(ready: ReadyScenario, deadline_s: float = 5.0) -> list[AskedModel]:
    """Every model that a part of the scenario asks, each looked at within the deadline; no question is asked.

    InputError for a host on another machine without trust, or a client that there is not; MissingDependency without the
    library that a client needs.
    """
    makes = model_maker(ready)
    found = []
    for path, params in asking(ready.model):
        demand_own(params.host, f"{path}.host", trusted=ready.fence.says(params.host))
        model = makes(params.client, params.settings())
        who, error = asyncio.run(_identity(model, deadline_s))
        digest, server = (None, None) if who is None else (who.digest, who.server)
        found.append(AskedModel(path, model.url, params.model, digest, server, error))
    return found


async def _identity(model: LanguageModel, deadline_s: float) -> tuple[Identity | None, str]:
    try:
        async with asyncio.timeout(deadline_s):
            return await model.identify(deadline_s), ""
    except Failure as failure:
        return None, str(failure)
    except TimeoutError:
        return None, f"timeout: no answer within {deadline_s:g} s"
    except Exception as error:  # of a plugin's model
        return None, f"client_failed: {told(error)}"
    finally:
        await model.close()


def asking(model: Params) -> Iterator[tuple[str, AskingParams]]:
    """Path and parameters of everything in a scenario that asks a language model as the scenario stands.

    A part says so itself (``Params.asking``): an auditor that audits nothing asks nobody.
    """
    for path, params in _parts(model, ""):
        yield from ((place, own) for place, own in params.asking(path) if isinstance(own, AskingParams))


def _parts(value: object, at: str) -> Iterator[tuple[str, Params]]:
    """Parameters of all chosen parts, each where it stands."""
    if isinstance(value, Choice):
        yield at, value.params
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from _parts(each, f"{at}.{place}")
    elif isinstance(value, Params):
        for name, own in value:
            yield from _parts(own, f"{at}.{name}" if at else name)
