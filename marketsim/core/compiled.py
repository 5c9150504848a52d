"""Compilation of kernels: one decorator, one cache folder a version of the sources.

numba keys its cache by the file of a kernel alone and does not notice a changed kernel in another file. So
the folder carries a hash of every kernel module's text, of the records that kernels name, and of the versions that matter.
Without a writable folder of the user's own kernels compile uncached, with a warning; how they are kept says
``kernel_cache``. No kernel uses ``fastmath``: results must not depend on the compiler's mood.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite  # type: ignore[import-untyped]
import numba
import numpy as np
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.extending import typeof_impl

from marketsim.core.kernel_cache import ENDING, KernelCache, private_folder

F = TypeVar("F", bound=Callable[..., Any])

ADMIT = types.UniTuple(types.int64, 3)(  # type: ignore[no-untyped-call]
    types.int64[:, ::1], types.float64[:, ::1], types.int64, types.int64, types.int64
)
"""Signature of a gate's check: (ints, floats, source, sink, wh) -> (admitted wh, code, element)."""
ADMIT_POINTER = types.FunctionType(ADMIT)


def record_type(cls: type, *fields: types.Type) -> Any:
    """Type of a NamedTuple for a kernel's signature, from the types of its fields in their order."""
    if len(fields) != len(cls._fields):  # type: ignore[attr-defined]
        raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, not {len(fields)}")  # type: ignore[attr-defined]
    return types.BaseTuple.from_types(fields, cls)  # type: ignore[no-untyped-call]


class AdmitPointer(types.WrapperAddressProtocol):
    """A compiled gate check as a function pointer whose address is looked up once, not in each call."""

    def __init__(self, check: Any) -> None:
        self._check = check
        compiled = check.get_compile_result(ADMIT)
        self._address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)

    def __wrapper_address__(self) -> int:
        return int(self._address)

    def signature(self) -> Any:
        """ADMIT; part of numba's protocol."""
        return ADMIT

    def __call__(self, *arguments: Any) -> tuple[int, int, int]:
        """Call the check from Python."""
        answer: tuple[int, int, int] = self._check(*arguments)
        return answer


@typeof_impl.register(AdmitPointer)
def _type_of_pointer(value: AdmitPointer, context: Any) -> Any:  # noqa: ARG001 - numba's signature
    """One constant type: numba would build it anew in each call."""
    return ADMIT_POINTER


class _LinkedOnly(JITCodeLibrary):
    """Code of a part: kept as it was generated, since each kernel that links it optimises and translates it anyway.

    numba would do both for each part, too, and use neither: a fifth of the time of a first run.
    """

    def _optimize_functions(self, ll_module: Any) -> None:
        pass

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call]
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002 - numba's signature
        self._ensure_finalized()  # type: ignore[no-untyped-call]
        return 0

    @property
    def codegen(self) -> Any:
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing to tell an environment to: there is no machine code."""


class _PartCompiler(Compiler):
    """numba's compiler, but for the library that the code goes to."""

    def define_pipelines(self) -> Any:
        codegen, name = self.state.targetctx.codegen(), self.state.func_id.func_qualname
        self.state.library = _LinkedOnly(codegen, name)  # type: ignore[no-untyped-call]
        return super().define_pipelines()  # type: ignore[no-untyped-call]


_PACKAGE = Path(__file__).resolve().parent.parent


@cache
def cache_folder() -> Path | None:
    """Folder of compiled kernels for exactly these sources and versions; None if none can be used."""
    digest = hashlib.sha256()
    for version in (sys.version, numba.__version__, llvmlite.__version__, np.__version__, platform.machine()):
        digest.update(version.encode())
    for source in sorted((*_PACKAGE.rglob("*kernel*.py"), *_PACKAGE.rglob("core/records.py"))):
        digest.update(f"{source.name}:{source.stat().st_size}:".encode())
        digest.update(source.read_bytes())
    digest.update(Path(__file__).read_bytes())
    root = os.environ.get("MARKETSIM_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        folder = Path(root).expanduser() / "marketsim" / digest.hexdigest()[:16]
        private_folder(folder)
    except (OSError, RuntimeError) as error:  # a RuntimeError where nobody knows a home
        warnings.warn(
            f"no writable folder for compiled kernels ({error}); they are compiled anew in each process. "
            "Set MARKETSIM_CACHE_DIR to a writable folder of your own.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return folder


def in_cache(module: str) -> bool:
    """Whether kernels of a module have been compiled and kept; true also where none can be kept."""
    folder = cache_folder()
    return folder is None or any(folder.glob(f"{module.rpartition('.')[2]}.*{ENDING}"))


def _keep_compiled(compiled: Any, folder: Path) -> None:
    """Keep what is compiled from now on; a function without a file whose changes could be seen is not kept."""
    try:
        compiled._cache = KernelCache(compiled.py_func, folder)
    except OSError as error:
        warnings.warn(f"compiled kernels cannot be kept: {error}", RuntimeWarning, stacklevel=3)


def _keep_from_python(part: Any) -> None:
    """Let Python's calls of a part fail with a message: there is no machine code that they could run."""

    def add_overload(compiled: Any) -> None:
        part.overloads[tuple(compiled.signature.args)] = compiled

    def refuse(*_: Any, **__: Any) -> None:
        raise TypeError(f"{part.py_func.__name__} is part of other kernels; call its py_func from Python")

    part.add_overload, part._compile_for_args = add_overload, refuse


def kernel(
    signature: Any = None, *, part: bool = False, helper: bool = False, borrowing: bool = False
) -> Callable[[F], F]:
    """Compile a function without Python objects, cached; with a signature it is compiled on import.

    ``part`` is for what only other kernels call, never Python: it is optimised and kept with them alone. A ``helper``
    is a part without reference counts, which cost more than a small function's work: it neither makes, keeps nor
    returns an array, and reads and writes elements or slices of those given to it. ``borrowing`` is a helper that is
    always inlined.

    Modules that use this have ``kernel`` in their file name, so that the cache notices their changes.
    """

    def wrap(function: F) -> F:
        folder = cache_folder()
        options: dict[str, Any] = {"nogil": True}
        is_part = part or helper or borrowing
        if is_part:
            options = {"pipeline_class": _PartCompiler, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        if helper or borrowing:
            options["_nrt"] = False
        if borrowing:
            options["forceinline"] = True
        compiled: Any = numba.njit(**options)(function)
        if is_part:
            _keep_from_python(compiled)
        elif folder is not None:
            _keep_compiled(compiled, folder)
        if signature:
            compiled.compile(signature)
            compiled.disable_compile()
        return cast("F", compiled)

    return wrap
