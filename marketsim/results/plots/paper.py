"""The look of figures for papers, and files of them that are the same bytes each time."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from marketsim.core.errors import MissingDependency

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_INCHES: Final = 3.5
"""Width of a column of a two-column page."""
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    *("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8b97a3"),
)
"""Okabe and Ito's palette, which the colour-blind can tell apart."""
_STYLE: Final[Any] = {
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "legend.fontsize": 7.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.1,
    "legend.frameon": False,
    "svg.hashsalt": "marketsim",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "date.autoformatter.hour": "%H:%M",
}
_METADATA: Final[dict[str, dict[str, None]]] = {
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None, "ModDate": None},
    ".png": {"Software": None},
}


def figure(
    width: float, height: float, rows: int = 1, columns: int = 1, what: str = "run.plot"
) -> tuple[Figure, list[Axes]]:
    """A figure of ``width`` x ``height`` [inch] with ``rows`` axes that share time, or ``columns`` of their own.

    MissingDependency without matplotlib, by the name of ``what`` needs it.

    Its ``savefig`` leaves out dates and draws names from a fixed salt: the same figure gives the same file.
    """
    if find_spec("matplotlib") is None:
        raise MissingDependency("matplotlib", "plots", what)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    class PaperFigure(Figure):
        """A figure whose files depend on what it shows alone."""

        def savefig(self, fname: Any, **options: Any) -> None:
            """As matplotlib's; ``metadata`` without dates, and type 42 fonts."""
            ending = f".{options.get('format') or Path(str(fname)).suffix.lstrip('.')}".lower()
            options.setdefault("metadata", _METADATA.get(ending))
            with mpl.rc_context(_STYLE):
                super().savefig(fname, **options)

    with mpl.rc_context(_STYLE):
        made = PaperFigure(figsize=(width, height), layout="constrained", dpi=200)
        return made, list(made.subplots(rows, columns, sharex="col", squeeze=False).flat)


def style() -> Any:
    """The look, as a context in which axes are filled."""
    import matplotlib as mpl

    return mpl.rc_context(_STYLE)
