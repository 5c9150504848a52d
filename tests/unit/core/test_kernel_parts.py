"""Parts of kernels: compiled with the kernels that call them, and not callable from Python."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.compiled import cache_folder, kernel


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A part that makes an array, a helper that writes into one, an inlined one, and two kernels that share them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARKETSIM_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        cache_folder.cache_clear()

        @kernel(part=True)
        def squares(n):
            made = np.zeros(n)
            for i in range(n):
                made[i] = i * i
            return made

        @kernel(helper=True)
        def double(values):
            for i in range(len(values)):
                values[i] *= 2.0

        @kernel(borrowing=True)
        def last(values):
            return values[len(values) - 1]

        @kernel()
        def doubled_squares(n):
            values = squares(n)
            double(values)
            return values

        @kernel()
        def last_square(n):
            return last(squares(n))

        yield squares, double, last, doubled_squares, last_square
    cache_folder.cache_clear()


def test_kernels_give_what_their_parts_give_in_python(made):
    """Compiled or not, the same numbers; a part serves several kernels."""
    squares, double, _, doubled_squares, last_square = made
    plain = squares.py_func(5)
    assert last_square(5) == plain[-1] == 16.0
    double.py_func(plain)
    assert doubled_squares(5).tolist() == plain.tolist() == [0.0, 2.0, 8.0, 18.0, 32.0]


def test_a_part_is_compiled_once_for_all_its_kernels(made):
    squares, *_, doubled_squares, last_square = made
    doubled_squares(2)
    last_square(2)
    assert len(squares.overloads) == 1


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_part_called_from_python_says_so(made, which):
    """Before and after it was compiled: there is no machine code that Python could call."""
    part = made[which]
    made[3](3)
    with pytest.raises(TypeError, match=f"{part.py_func.__name__} is part of other kernels; call its py_func"):
        part(np.zeros(3))
