"""The plane of trade (FTG) and fairness between sellers (FBS): constants as a line, learned arms beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.analysis.evaluation.arms import TRANCHES
from marketsim.analysis.evaluation.frontier import CONSTANTS, CONSTANTS_IN_TRANCHES
from marketsim.analysis.evaluation.results import Evaluation
from marketsim.results.folder import save_figures


class _Look(NamedTuple):
    color: str
    marker: str


_ARMS: Final = {
    "truthful": _Look("#999999", "s"),
    "truthful_tranches": _Look("#999999", "D"),
    "pro_rata": _Look("#999999", "*"),
    "none": _Look("#0072B2", "o"),
    "none_tranches": _Look("#0072B2", "D"),
    "rule": _Look("#009E73", "o"),
    "rule_tranches": _Look("#009E73", "D"),
    "rule_shared": _Look("#009E73", "v"),
    "critic": _Look("#CC79A7", "o"),
    "withholding": _Look("#E69F00", "P"),
    "older": _Look("#D55E00", "o"),
    "older_slow": _Look("#D55E00", "^"),
    "older_tranches": _Look("#D55E00", "D"),
}
"""Arms that are drawn where they were evaluated."""
_PANELS: Final = (
    ("fbs", "FBS, where sellers are rationed"),
    ("fbs_deviation", "older form of FBS, which can be levelled down"),
)


def plane(found: Evaluation, paths: Sequence[Path]) -> None:
    """Both forms of FBS over FTG: means over seeds with their intervals."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(9.6, 4.8), layout="constrained")
    panels = drawn.subplots(1, len(_PANELS), sharex=True, sharey=True)
    for panel, (measure, title) in zip(panels, _PANELS, strict=True):
        _constants(panel, found, measure, CONSTANTS, _Look("black", "."))
        _constants(panel, found, measure, CONSTANTS_IN_TRANCHES, _Look("#999999", "."))
        for arm, look in _ARMS.items():
            if arm in found.estimates:
                _arm(panel, found, arm, measure, look)
        panel.set(xlabel="FTG: traded over what could have been traded", ylabel="FBS", ylim=(-0.02, 1.02))
        panel.set_title(title, fontsize=9)
        panel.grid(color="#e5e5e5", linewidth=0.5)
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside right center", fontsize=8, frameon=False)
    save_figures(drawn, paths)


def _constants(panel: Any, found: Evaluation, measure: str, names: Sequence[str], look: _Look) -> None:
    own = [(name, found.estimates[name]) for name in names if name in found.estimates]
    points = [(name, each["ftg"].mean, each[measure].mean) for name, each in own if math.isfinite(each[measure].mean)]
    if not points:
        return
    label = "constant share offered" + (f", in {TRANCHES} parts" if names is CONSTANTS_IN_TRANCHES else "")
    panel.plot([x for _, x, _ in points], [y for *_, y in points], ".-", color=look.color, label=label)
    for name, x, y in points:
        share = name.removeprefix("share_").removesuffix("_tranches")
        panel.annotate(share, (x, y), textcoords="offset points", xytext=(-4, -10), fontsize=7, ha="right")


def _arm(panel: Any, found: Evaluation, arm: str, measure: str, look: _Look) -> None:
    x, y = found.estimates[arm]["ftg"], found.estimates[arm][measure]
    if math.isfinite(x.mean) and math.isfinite(y.mean):
        panel.errorbar(
            x.mean,
            y.mean,
            xerr=[[max(x.mean - x.low, 0.0)], [max(x.high - x.mean, 0.0)]],
            yerr=[[max(y.mean - y.low, 0.0)], [max(y.high - y.mean, 0.0)]],
            fmt=look.marker,
            color=look.color,
            markersize=7,
            elinewidth=1.0,
            label=arm,
        )
