"""What an object shows as the last line of a notebook's cell: a few facts and a table, in HTML that carries no style of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from marketsim.core.plain_text import harmless

if TYPE_CHECKING:
    import pandas as pd


def html(title: str, facts: Iterable[tuple[str, object]], *more: str) -> str:
    """A title, facts by name, and further pieces of HTML below; texts may be a stranger's."""
    rows = "".join(f"<tr><th style='text-align:left'>{_text(name)}</th>{_cell(value)}</tr>" for name, value in facts)
    return f"<div><strong>{_text(title)}</strong><table>{rows}</table>{''.join(more)}</div>"


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers or units."""
    heads = "".join(f"<th>{_text(each)}</th>" for each in head)
    lines = "".join(f"<tr>{_cell(first)}{''.join(map(_number, rest))}</tr>" for first, *rest in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def frame_of(rows: Iterable[Mapping[str, object]], columns: Sequence[str], index: str | None = None) -> pd.DataFrame:
    """Plain rows as a DataFrame with these columns, one of which may be its index."""
    import pandas as pd

    table = pd.DataFrame(list(rows), columns=list(columns))
    return table if index is None else table.set_index(index)


def _cell(value: object) -> str:
    return f"<td style='text-align:left'>{_text(value)}</td>"


def _number(value: object) -> str:
    return f"<td style='text-align:right'>{_text(value)}</td>"


def _text(value: object) -> str:
    return escape(harmless(str(value)))
