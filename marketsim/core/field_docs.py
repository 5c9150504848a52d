"""What stands below the fields of a class: read from its source when somebody asks, since reading it takes its time."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise


@cache
def field_docs(cls: type) -> Mapping[str, str]:
    """Docstring of each annotated field of a class and of those that it derives from, by name; none without their source.

    What pydantic says of its own model is left out.
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if "__annotations__" in vars(base) and base.__module__.partition(".")[0] != "pydantic":
            found.update(_own(base))
    return found


def _own(cls: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, SyntaxError, TypeError):  # made without a file, as in a console
        return {}
    (made,) = tree.body
    found = {}
    for field, after in pairwise(made.body if isinstance(made, ast.ClassDef) else ()):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found
