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
from typing import Any, Final

import numpy as np
import pandapower  # type: ignore[import-untyped]
import pandapower.networks  # type: ignore[import-untyped]

from marketsim.core.errors import MissingDependency, NetworkError, Problem
from marketsim.core.fence import Fence
from marketsim.grid import feeder141, names
from marketsim.grid.quiet import quiet_pandapower

PandapowerNet = Any
"""``pandapower.pandapowerNet``; pandapower ships no usable types."""
TRUSTED: Final = frozenset({"pandapower", "pandas", "numpy", "networkx", "builtins", "shapely", "geopandas", "geojson"})
"""Packages whose objects a net file may contain: pandapower imports whatever module a file names."""
_LARGEST_FILE: Final = 256 * 1024 * 1024
_DEEPEST: Final = 12


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
    return copy.deepcopy(_parsed(path, _text(path)))


@lru_cache(maxsize=4)  # parsing takes far longer than copying, and a study reads its net for every run
def _parsed(path: Path, text: str) -> PandapowerNet:
    try:
        untrusted = sorted(_modules(json.loads(text)) - TRUSTED)
        if untrusted:
            hint = "save it again with pandapower.to_json after removing these objects"
            raise NetworkError([Problem(f"the net contains objects of {', '.join(untrusted)}", str(path), hint=hint)])
        with quiet_pandapower():
            net = pandapower.from_json_string(text)
    except NetworkError:
        raise
    except Exception as error:  # pandapower raises whatever its parsers meet; to the user all of it means the same
        raise _not_a_net(path, str(error)) from error
    if not isinstance(net, pandapower.pandapowerNet):
        raise _not_a_net(path, f"it holds a {type(net).__name__}")
    if not net.name:
        net.name = path.stem
    return net


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise _not_a_net(path, f"{size} bytes are more than the {_LARGEST_FILE} that a net may have")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NetworkError([Problem(f"the file cannot be read: {error}", str(path))]) from error


def _not_a_net(path: Path, why: str) -> NetworkError:
    hint = "write the file with pandapower.to_json(net, path)"
    return NetworkError([Problem("this is no pandapower net", str(path), why[:200], hint)])


def _modules(value: object, depth: int = 0) -> set[str]:
    """Top-level packages that a parsed net file names, also inside the JSON texts that it nests."""
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        if not value.lstrip().startswith(("{", "[")):
            return set()
        try:
            inner = json.loads(value)
        except ValueError:
            return set()
        return _modules(inner, depth + 1)
    if isinstance(value, dict):
        own = {str(value["_module"]).partition(".")[0]} if "_module" in value else set()
        return own.union(*(_modules(item, depth + 1) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_modules(item, depth + 1) for item in value if isinstance(item, str | dict | list)))
    return set()
