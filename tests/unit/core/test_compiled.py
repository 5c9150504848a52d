"""Kernels are cached in a folder of their own for each version of the sources."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from numba import typeof, types
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompileResult
from numba.core.funcdesc import FunctionDescriptor
from numba.core.options import DefaultOptions
from numba.core.registry import CPUDispatcher

from marketsim.core import compiled
from marketsim.core.compiled import ADMIT, AdmitPointer, cache_folder, kernel, record_type
from marketsim.core.free_gate_kernel import admit_all

ROOT = Path(__file__).resolve().parents[3]
REVIEWED = (0, 68)
"""The minor of numba whose internals were read against ``core/compiled.py`` and ``core/kernel_cache.py``."""
WHAT_TO_READ = """numba's cap moved. Before REVIEWED does, read in the new version's sources what no public interface promises:
- codegen.JITCodeLibrary: _LinkedOnly replaces what optimises and translates; finalize() has to call nothing else that does
- compiler.Compiler: define_pipelines runs when state.library is set and before anything is written into it
- caching.FunctionCache: KernelCache replaces _load_overload and save_overload, and leaves out __init__ and the index
- dispatcher: _cache is asked in compile(); add_overload and _compile_for_args are called as attributes of the instance
- types.WrapperAddressProtocol: what AdmitPointer has is all that it asks for; typeof gives a NamedTuple what from_types gives
and measure the first run: a fifth of its time depends on _LinkedOnly."""
INTERNALS = {
    JITCodeLibrary: (
        "_optimize_functions",
        "_optimize_final_module",
        "_finalize_final_module",
        "_finalize_dynamic_globals",
        "_ensure_finalized",
        "_finalized",
        "get_pointer_to_function",
    ),
    Compiler: ("define_pipelines",),
    CompileResult: ("library", "fndesc", "signature"),
    FunctionDescriptor: ("llvm_cfunc_wrapper_name",),
    FunctionCache: ("_index_key", "_load_overload", "save_overload", "enable", "cache_path", "flush"),
    CompileResultCacheImpl: ("check_cachable", "reduce", "rebuild"),
    CPUDispatcher: ("add_overload", "_compile_for_args", "get_compile_result", "disable_compile"),
    DefaultOptions: ("nogil", "_nrt", "forceinline", "no_cpython_wrapper", "no_cfunc_wrapper"),
    types.BaseTuple: ("from_types",),
    types.WrapperAddressProtocol: ("__wrapper_address__", "signature"),
}
"""What the two modules rely on, by class."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A cache folder that is looked up anew, below the test's own folder."""
    monkeypatch.setenv("MARKETSIM_CACHE_DIR", str(tmp_path / "cache"))
    cache_folder.cache_clear()
    yield
    cache_folder.cache_clear()


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package of one kernel module in place of the real one."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "sum_kernel.py").write_text("one = 1\n")
    monkeypatch.setattr(compiled, "_PACKAGE", folder)
    return folder


def looked_up():
    cache_folder.cache_clear()
    return cache_folder()


def test_the_folder_lies_where_it_was_asked_for(tmp_path):
    """MARKETSIM_CACHE_DIR goes first; the folder exists and no probe is left in it."""
    folder = cache_folder()
    assert folder.parent == tmp_path / "cache" / "marketsim"
    assert list(folder.iterdir()) == []


def test_without_it_the_users_cache_folder_is_used(monkeypatch, tmp_path):
    """XDG_CACHE_HOME is next."""
    monkeypatch.delenv("MARKETSIM_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert looked_up().parent == tmp_path / "xdg" / "marketsim"


def test_without_a_writable_folder_there_is_a_warning_and_no_cache(monkeypatch, tmp_path):
    """A file in the way, which stops root as well, makes kernels compile uncached."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MARKETSIM_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(RuntimeWarning, match=r"no writable folder for compiled kernels.*MARKETSIM_CACHE_DIR"):
        assert cache_folder() is None


def test_a_kernel_without_a_folder_still_runs(monkeypatch, tmp_path):
    """What cannot be cached is compiled all the same."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MARKETSIM_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(RuntimeWarning, match="no writable folder"):
        doubled = kernel()(lambda x: 2 * x)
    assert doubled(21) == 42


def test_each_version_of_the_sources_has_its_own_folder(package):
    """A changed, a new or a removed kernel module changes the folder, and undoing it brings the old one back."""
    before = looked_up()
    (package / "sum_kernel.py").write_text("one = 2\n")
    changed = looked_up()
    (package / "sum_kernel.py").write_text("one = 1\n")
    assert looked_up() == before
    (package / "deep").mkdir()
    (package / "deep" / "other_kernel.py").write_text("two = 2\n")
    assert len({before, changed, looked_up()}) == 3


def test_the_records_that_kernels_name_matter(package):
    """The order of their fields is compiled into kernels."""
    (package / "core").mkdir()
    (package / "core" / "records.py").write_text("fields = 1\n")
    before = looked_up()
    (package / "core" / "records.py").write_text("fields = 2\n")
    assert looked_up() != before


def test_other_modules_do_not_matter(package):
    """Code that compiles nothing leaves compiled kernels valid."""
    before = looked_up()
    (package / "plain.py").write_text("three = 3\n")
    assert looked_up() == before


def test_only_modules_named_kernel_compile():
    """Every module of the package that uses the decorator has ``kernel`` in its name, so that the hash sees it."""
    home = Path(compiled.__file__).parent.parent
    uses = re.compile(r"from marketsim\.core\.compiled import [^\n]*\bkernel\b")
    users = {path.name for path in home.rglob("*.py") if uses.search(path.read_text("utf-8"))}
    assert users
    assert all("kernel" in name for name in users)


def test_a_pointer_is_the_check_itself():
    """Called from Python it answers as the compiled check, and it has an address for numba."""
    pointer = AdmitPointer(admit_all)
    ints, floats = np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1))
    assert pointer(ints, floats, 0, -1, 7) == (7, 0, -1)
    assert ints[0, 0] == 7
    assert pointer.signature() is ADMIT
    assert pointer.__wrapper_address__() != 0


def test_a_pointer_goes_into_a_kernel():
    """A compiled function calls the check that it is given."""

    @kernel()
    def twice(admit, ints, floats):
        first, _, _ = admit(ints, floats, 0, -1, 3)
        second, _, _ = admit(ints, floats, -1, 0, 1)
        return first + second

    ints, floats = np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1))
    assert twice(AdmitPointer(admit_all), ints, floats) == 4
    assert ints[0, 0] == 2


class Pair(NamedTuple):
    """A record of two arrays."""

    one: Any
    other: Any


@pytest.mark.parametrize("dtype", [np.int64, np.float64], ids=["of one type", "of two"])
def test_a_record_has_the_type_that_numba_gives_it(dtype):
    """Whether its fields are of one type or not, a signature that is built from them takes the record itself."""
    pair = Pair(np.zeros(2), np.ones(2, dtype=dtype))
    assert record_type(Pair, typeof(pair.one), typeof(pair.other)) == typeof(pair)

    @kernel(types.float64(typeof(pair)))
    def last(pair):
        return pair.one[-1] + pair.other[-1]

    assert last(pair) == 1.0


def test_a_type_for_each_field():
    """A record with a field too few is told when its module is imported."""
    with pytest.raises(TypeError, match="Pair has 2 fields, not 1"):
        record_type(Pair, types.float64[::1])


def test_numba_is_capped_where_its_internals_were_read():
    """A newer minor may change what is subclassed here; setup.cfg, constraints.txt and this file move together."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    capped = re.search(r"^numba>=[\d.]+,<(\d+)\.(\d+)$", setup["options"]["install_requires"], re.MULTILINE)
    tested = re.search(r"^numba==(\d+)\.(\d+)\.", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    assert capped is not None
    assert tested is not None
    assert (int(capped[1]), int(capped[2]) - 1) == tuple(map(int, tested.groups())) == REVIEWED, WHAT_TO_READ


@pytest.mark.parametrize("owner", INTERNALS, ids=lambda owner: owner.__name__)
def test_numba_has_what_is_relied_on(owner):
    """Names that a version of numba may take away without a word."""
    gone = [name for name in INTERNALS[owner] if not hasattr(owner, name)]
    assert gone == [], f"numba {numba.__version__} has no {', '.join(gone)}; {WHAT_TO_READ}"
