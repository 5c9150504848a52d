"""Parts that users name in Python, with parameters as in a scenario."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from marketsim.app.ready import full_registry
from marketsim.core.errors import InputError, Problem
from marketsim.core.params import Params
from marketsim.extension.registry import Registry


@cache
def user_registry() -> Registry:
    """Built-in parts and installed plugins, looked up once."""
    return full_registry()


def asked_params(
    registry: Registry, kind: str, name: str, parameters: Mapping[str, Any], fault: type[InputError]
) -> Params:
    """The checked parameters of a part; ``fault`` with everything that is wrong with its name or with them."""
    if name not in registry.names(kind):
        hint = near(name, registry.names(kind))
        raise fault([Problem(f"there is no such {kind}", kind, repr(name), hint)])
    return checked_params(registry.params(kind, name), f"{kind} {name}", parameters, fault)


def checked_params(params: type[Params], part: str, parameters: Mapping[str, Any], fault: type[InputError]) -> Params:
    """Parameters of a ``part``, which its name is for messages; ``fault`` with everything that is wrong with them."""
    try:
        return params(**parameters)
    except ValueError as error:  # pydantic's error is one
        raise fault(list(_parameter_problems(part, error, params.model_fields))) from error


def near(name: str, known: Iterable[str]) -> str:
    """A hint at the name that was meant, or at all that there are."""
    from difflib import get_close_matches

    near = get_close_matches(name, known := list(known), 1)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(known) or 'none'}"


def _parameter_problems(part: str, error: Any, known: Iterable[str]) -> Iterator[Problem]:
    """What is wrong with a part's parameters, one problem each."""
    for found in error.errors():
        name = ".".join(str(step) for step in found["loc"])
        if found["type"] == "extra_forbidden":
            yield Problem(f"{part} has no such parameter", name, hint=near(name, known))
        elif found["type"] == "missing":
            yield Problem(f"{part}: is missing", name)
        else:
            message = found["msg"].removeprefix("Input ").removeprefix("Value error, ")
            yield Problem(f"{part}: {message}", name, repr(found["input"]))
