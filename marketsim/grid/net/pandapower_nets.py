"""pandapower nets by name; what ``ms.feeder`` returns. Every name gives the same net in every process."""

from __future__ import annotations

import copy
import importlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandapower  # type: ignore[import-untyped]
import pandapower.networks  # type: ignore[import-untyped]

from marketsim.core.errors import MissingDependency, NetworkError, Problem
from marketsim.core.fence import Fence
from marketsim.grid.net import feeder141, names, net_file
from marketsim.grid.net.layout import lanes
from marketsim.grid.net.quiet import quiet_pandapower
from marketsim.grid.net.topology import graph_from, walk_in_breadth

PandapowerNet = Any
"""``pandapower.pandapowerNet``; pandapower ships no usable types."""


def feeder(name: str, folder: Fence | Path | None = None) -> PandapowerNet:
    """A pandapower net by its name, as its authors made it, loads included.

    ``name``: ``feeder141``, ``pandapower:<network>``, ``simbench:<code>`` or ``file:<net.json>`` (relative to
    ``folder``, and inside it unless that is None). NetworkError if there is none; MissingDependency without SimBench.
    """
    if names.copies(name)[1] > 1:
        raise NetworkError([Problem("a feeder in several copies has no pandapower net", value=name)])
    source, item = names.parse(name)
    if source == "file":
        return _from_file(names.net_file(item, folder))
    return copy.deepcopy(_known(source, item))


def placed(net: PandapowerNet) -> PandapowerNet:
    """The net, its buses where a single-line diagram has them (steps from the source, lanes) if none has a place of its own.

    Buses that no closed switch and no element joins to the source stand below the diagram.
    """
    from pandapower.topology import create_nxgraph  # type: ignore[import-untyped]

    if len(net.ext_grid) == 0 or ("geo" in net.bus and net.bus.geo.notna().any()):
        return net
    buses = net.bus.index.tolist()
    ends = np.array(list(create_nxgraph(net).edges()), dtype=np.int64).reshape(-1, 2)
    x, y = lanes(walk_in_breadth(graph_from(buses, ends), int(net.ext_grid.bus.iat[0])), buses)
    places = np.column_stack((x, y)).tolist()
    net.bus["geo"] = [json.dumps({"coordinates": place, "type": "Point"}) for place in places]
    return net


def is_net(value: object) -> bool:
    """Whether it is a net of pandapower."""
    return isinstance(value, pandapower.pandapowerNet)


@cache
def _known(source: str, item: str) -> PandapowerNet:
    made = {names.FEEDER141: _feeder141, "pandapower": _from_pandapower, "simbench": _from_simbench}
    builder: Callable[[str], PandapowerNet] = made[source]
    return builder(item)


@contextmanager
def _fixed_draws() -> Iterator[None]:
    """Fix what pandapower draws: the cables of some Kerber nets, from the global generators."""
    kept, kept_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - theirs, not ours
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(kept)
        np.random.set_state(kept_numpy)  # noqa: NPY002


def _feeder141(_: str) -> PandapowerNet:
    of, rating_a = feeder141.tables(), feeder141.line_rating_a()
    net = pandapower.create_empty_network(name=feeder141.NAME, sn_mva=feeder141.BASE_MVA, add_stdtypes=False)
    buses = np.arange(1, len(of.load_kw) + 1)
    low, high = feeder141.BAND_PU
    pandapower.create_buses(
        net,
        len(buses),
        vn_kv=feeder141.BASE_KV,
        index=buses,
        name=[str(bus) for bus in buses],
        min_vm_pu=low,
        max_vm_pu=high,
    )
    pandapower.create_ext_grid(net, 1, vm_pu=feeder141.SOURCE_PU, name="substation")
    pandapower.create_lines_from_parameters(
        net,
        of.from_bus,
        of.to_bus,
        length_km=1.0,
        r_ohm_per_km=of.r_ohm,
        x_ohm_per_km=of.x_ohm,
        c_nf_per_km=0.0,
        max_i_ka=rating_a / 1e3,
        name=[f"line {a}-{b}" for a, b in zip(of.from_bus, of.to_bus, strict=True)],
    )
    loaded = np.flatnonzero(of.load_kw)
    pandapower.create_loads(
        net,
        loaded + 1,
        p_mw=of.load_kw[loaded] / 1e3,
        q_mvar=of.load_kvar[loaded] / 1e3,
        name=[f"load {bus}" for bus in loaded + 1],
    )
    return net


def _from_pandapower(function: str) -> PandapowerNet:
    with _fixed_draws(), quiet_pandapower():
        net = getattr(pandapower.networks, function)()
    if not net.name:
        net.name = function
    return net


def _from_simbench(code: str) -> PandapowerNet:
    try:
        simbench = importlib.import_module("simbench")
    except ImportError as error:
        raise MissingDependency("simbench", "simbench", f"feeder simbench:{code}") from error
    codes = tuple(simbench.collect_all_simbench_codes())
    if code not in codes:
        raise names.unknown(code, codes, "SimBench has no such code", "simbench:")
    with _fixed_draws(), quiet_pandapower():
        net = simbench.get_simbench_net(code)
    if not net.name:
        net.name = code
    return net


def _from_file(path: Path) -> PandapowerNet:
    return copy.deepcopy(_parsed(path, net_file.text_of_net(path)))


@lru_cache(maxsize=4)  # parsing takes far longer than copying, and a study reads its net for every run
def _parsed(path: Path, text: str) -> PandapowerNet:
    net = net_file.parse(text, path)
    if not net.name:
        net.name = path.stem
    return net
