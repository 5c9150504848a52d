"""A page as one self-contained file: templates, styles, scripts and plotly.js put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from marketsim.core.errors import RunError
from marketsim.report.embed import script_json, shown

_ASSETS: Final = "marketsim.report"
_END_OF_SCRIPT: Final = re.compile(r"</(?=script)", re.IGNORECASE)


@cache
def _asset(name: str) -> str:
    return (resources.files(_ASSETS) / "assets" / name).read_text(encoding="utf-8")


def _plotly() -> str:
    """The library that draws the charts, from the installed package; reading the file imports none of its Python."""
    spec = find_spec("plotly")
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    for place in places:
        path = Path(place) / "package_data" / "plotly.min.js"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise RunError("the report needs plotly.min.js of the package plotly, which is not there: pip install plotly")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, scripts: tuple[str, ...], data: Any, context: Mapping[str, Any]) -> str:
    """The page: ``data`` goes to the scripts as JSON, ``context`` to the template, where every text is escaped."""
    made = _environment().get_template(template)
    return made.render(
        css=_script(_asset("page.css")),
        plotly=_script(_plotly()),
        script=_script("\n".join(_asset(name) for name in scripts)),
        data=script_json(data),
        version=version("marketsim"),
        **context,
    )


def _script(text: str) -> Markup:
    """A file of ours or of plotly for inside its element."""
    return Markup(_END_OF_SCRIPT.sub(r"<\\/", text))
