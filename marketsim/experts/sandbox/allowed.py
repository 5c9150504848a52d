"""What code of an expert may name: a closed list, since a list of what is forbidden is never complete."""

from __future__ import annotations

from typing import Final

SHORT_LIST: Final = (
    *("abs", "bmat", "cumsum", "diag", "diff", "dotsort", "hstack", "huber", "inv_pos", "max"),
    *("maximum", "mean", "min", "minimum", "multiply", "neg", "norm", "norm1", "norm_inf", "outer"),
    *("pos", "power", "quad_form", "quad_over_lin", "reshape", "scalene", "square", "sum", "sum_squares", "vstack"),
)
"""Atoms of CVXPY that every prompt names: those that models of prosumers are written with, whatever a search finds."""
CVXPY_NAMES: Final = frozenset(
    (
        *("Constant", "Maximize", "Minimize", "Parameter", "Variable", *SHORT_LIST),
        *("concatenate", "conv", "convolve", "cummax", "cumprod", "cvar", "entr", "exp", "geo_mean"),
        *("harmonic_mean", "inv_prod", "kl_div", "kron", "log", "log1p", "log_sum_exp", "logistic", "matrix_frac"),
        *("mixed_norm", "norm2", "permute_dims", "pnorm", "prod", "ptp", "rel_entr"),
        *("scalar_product", "sqrt", "stack", "std", "sum_largest", "sum_smallest", "swapaxes", "trace", "transpose"),
        *("tv", "upper_tri", "var", "vdot", "vec"),
    )
)
"""What code may take from ``cvxpy``; pure functions and the making of variables."""
NUMPY_NAMES: Final = frozenset(
    (
        *("abs", "all", "any", "arange", "arccos", "argmax", "argmin", "array", "asarray", "atleast_1d", "bool_"),
        *("clip", "concatenate", "cos", "cumprod", "cumsum", "diag", "diff", "dot", "exp", "eye", "flip", "float64"),
        *("full", "full_like", "hstack", "inf", "int64", "isfinite", "linspace", "log", "logical_and", "logical_not"),
        *("logical_or", "matmul", "max", "maximum", "mean", "min", "minimum", "newaxis", "ones", "ones_like", "outer"),
        *("pi", "ravel", "repeat", "reshape", "roll", "round", "sin", "sqrt", "square", "sum", "tan", "tile"),
        *("tril", "triu", "vstack", "where", "zeros", "zeros_like"),
    )
)
"""What code may take from ``numpy``; nothing of it opens a file."""
ATTRIBUTES: Final = frozenset(
    (
        *("T", "append", "astype", "copy", "cumsum", "extend", "flatten", "get", "index", "items", "keys", "max"),
        *("mean", "min", "ndim", "ravel", "reshape", "shape", "size", "sum", "tolist", "update", "value", "values"),
    )
)
"""Attributes and methods of anything else; ``format`` is none, for a format reaches attributes that no tree shows."""
BUILTINS: Final = (
    *("abs", "all", "any", "bool", "dict", "enumerate", "float", "int", "isinstance", "len", "list", "max", "min"),
    *("range", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "zip"),
)
"""Built-in functions that code finds."""
MODULES: Final = {"cvxpy": "cp", "numpy": "np"}
"""What may be imported, and its usual name."""
ENTRY: Final = "prosumer"
"""The function that code defines."""
