"""Names of feeders: ``feeder141``, ``pandapower:<network>``, ``simbench:<code>``, ``file:<net.json>``."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from marketsim.core.errors import NetworkError, Problem
from marketsim.core.fence import Fence

FEEDER141: Final = "feeder141"
SOURCES: Final = ("pandapower", "simbench", "file")
PANDAPOWER_NETWORKS: Final = (
    "GBnetwork", "GBreducednetwork", "case118", "case11_iwamoto", "case1354pegase", "case14", "case145",
    "case1888rte", "case24_ieee_rts", "case2848rte", "case2869pegase", "case30", "case300", "case3120sp",
    "case33bw", "case39", "case4gs", "case5", "case57", "case6470rte", "case6495rte", "case6515rte", "case6ww",
    "case89pegase", "case9", "case9241pegase", "case_ieee30", "case_illinois200", "create_cigre_network_hv",
    "create_cigre_network_lv", "create_cigre_network_mv", "create_dickert_lv_network", "create_kerber_dorfnetz",
    "create_kerber_landnetz_freileitung_1", "create_kerber_landnetz_freileitung_2",
    "create_kerber_landnetz_kabel_1", "create_kerber_landnetz_kabel_2", "create_kerber_vorstadtnetz_kabel_1",
    "create_kerber_vorstadtnetz_kabel_2", "create_synthetic_voltage_control_lv_network", "example_multivoltage",
    "example_simple", "four_loads_with_branches_out", "iceland", "ieee_european_lv_asymmetric",
    "kb_extrem_dorfnetz", "kb_extrem_dorfnetz_trafo", "kb_extrem_landnetz_freileitung",
    "kb_extrem_landnetz_freileitung_trafo", "kb_extrem_landnetz_kabel", "kb_extrem_landnetz_kabel_trafo",
    "kb_extrem_vorstadtnetz_1", "kb_extrem_vorstadtnetz_2", "kb_extrem_vorstadtnetz_trafo_1",
    "kb_extrem_vorstadtnetz_trafo_2", "lv_schutterwald", "mv_oberrhein", "panda_four_load_branch",
    "simple_four_bus_system", "simple_mv_open_ring_net",
)  # fmt: skip
"""Functions of ``pandapower.networks`` that make a net without arguments; nothing else is ever called by name."""

_MOST_COPIES: Final = 1_000


class FeederName(NamedTuple):
    """A feeder's name, taken apart."""

    source: str
    """``feeder141``, ``pandapower``, ``simbench`` or ``file``."""
    item: str
    """Function, code or path; empty for ``feeder141``."""


def unknown(name: str, choices: tuple[str, ...], what: str, prefix: str = "") -> NetworkError:
    """An error that says ``what`` is wrong with ``prefix`` + ``name`` and names similar ``choices``."""
    close = get_close_matches(name, choices, n=3)
    hint = (
        f"did you mean {', '.join(prefix + c for c in close)}?" if close else f"there is {', '.join(choices[:6])} ..."
    )
    return NetworkError([Problem(what, value=prefix + name, hint=hint)])


def parse(name: str) -> FeederName:
    """Take a feeder's name apart; NetworkError with a suggestion if there can be no such feeder."""
    source, colon, item = name.partition(":")
    source, item = source.strip(), item.strip()
    if name.strip() == FEEDER141:
        return FeederName(FEEDER141, "")
    if not colon or source not in SOURCES:
        if name in PANDAPOWER_NETWORKS:
            raise NetworkError([Problem("unknown feeder", value=name, hint=f"did you mean pandapower:{name}?")])
        known = (FEEDER141, "pandapower:<network>", "simbench:<code>", "file:<net.json>")
        raise unknown(source if colon else name, known, "unknown feeder")
    if not item:
        raise NetworkError([Problem(f"nothing follows {source}:", value=name, hint=f"write {source}:NAME")])
    if source == "pandapower" and item not in PANDAPOWER_NETWORKS:
        raise unknown(item, PANDAPOWER_NETWORKS, "pandapower has no such network", "pandapower:")
    return FeederName(source, item)


def copies(name: str) -> tuple[str, int]:
    """Name of the feeder and how many times it stands behind one source, from ``NAME*COPIES``."""
    base, star, count = name.rpartition("*")
    if not star:
        return name, 1
    if not count.strip().isdecimal() or not 1 <= int(count) <= _MOST_COPIES:
        hint = f"write for example {base}*72; at most {_MOST_COPIES} copies"
        raise NetworkError([Problem("the number of copies is no whole number above 0", value=name, hint=hint)])
    return base.strip(), int(count)


def net_file(item: str, folder: Fence | Path | None) -> Path:
    """Path of a ``file:`` feeder, which lies in the scenario's ``folder`` or below; anywhere if that is None."""
    fence = Fence.of(folder)
    path = fence.file(item, NetworkError, "the file of a feeder")
    if not os.path.isfile(path):  # False also for a name that no system takes
        seen, hint = str(fence.folder / item), "file:NET.json, relative to the scenario"
        raise NetworkError([Problem("there is no such file", value=seen, hint=hint)])
    return path
