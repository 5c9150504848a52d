"""Functions of CVXPY are found by words: twenty queries whose answers are known."""

from importlib.util import find_spec

import pytest

from marketsim.experts import retrieval
from marketsim.experts.retrieval import Bm25
from marketsim.experts.sandbox.allowed import CVXPY_NAMES, SHORT_LIST

if find_spec("cvxpy") is None:
    pytest.skip("cvxpy is not installed: pip install 'marketsim[experts-code]'", allow_module_level=True)

QUERIES = {
    "sum of the entries": "sum",
    "sum of the squares of the entries": "sum_squares",
    "cumulative sum along an axis": "cumsum",
    "difference of consecutive elements": "diff",
    "elementwise maximum of several expressions": "maximum",
    "elementwise minimum of several expressions": "minimum",
    "elementwise multiplication": "multiply",
    "absolute value": "abs",
    "square of each entry": "square",
    "quadratic form with a matrix": "quad_form",
    "horizontal concatenation": "hstack",
    "Huber loss": "huber",
    "total variation of a vector": "tv",
    "sum of the k largest values": "sum_largest",
    "log of the sum of exponentials": "log_sum_exp",
    "geometric mean": "geo_mean",
    "Kronecker product": "kron",
    "matrix trace": "trace",
    "maximum of all entries": "max",
    "natural logarithm": "log",
}


def test_most_queries_find_their_function():
    """Among the first five by words alone at least 16 of 20, first at least 10."""
    ranks = []
    for query, name in QUERIES.items():
        found = retrieval._index().top(query, 5)
        ranks.append(found.index(name) if name in found else None)
    assert sum(rank is not None for rank in ranks) >= 16, dict(zip(QUERIES, ranks, strict=True))
    assert sum(rank == 0 for rank in ranks) >= 10, dict(zip(QUERIES, ranks, strict=True))


def test_the_short_list_is_in_every_answer():
    """So that no model's code hangs on a word: thirty functions, and five more."""
    assert len(SHORT_LIST) == 30
    for query in QUERIES:
        found = retrieval.retrieved(query)
        assert found[:30] == list(SHORT_LIST)
        assert len(found) <= 35
        assert len(set(found)) == len(found)


def test_with_the_short_list_nearly_every_query_has_its_function():
    found = [name in retrieval.retrieved(query) for query, name in QUERIES.items()]
    assert sum(found) >= 19


def test_what_may_be_named_is_there():
    """Of the list of functions, each is one of the installed version's."""
    assert set(retrieval.atoms()) == set(CVXPY_NAMES)
    assert set(SHORT_LIST) <= CVXPY_NAMES


def test_a_function_is_told_in_a_line():
    assert retrieval.first_line("pos") == "Alias for maximum{x,0}."
    assert all(len(retrieval.first_line(name)) <= 110 for name in CVXPY_NAMES)


def test_the_words_of_a_name_count_three_times():
    index = Bm25({"total_cost": "what it is", "other": "total of everything", "third": "nothing of it"})
    assert index.top("total", 2) == ["total_cost", "other"]
    assert index.top("unheard", 2) == []


def test_scores_are_those_of_the_formula():
    """Two documents of one word each: idf = ln(1 + 1.5 / 1.5), f = 4 and the length is the mean."""
    import math

    index = Bm25({"aa": "aa", "bb": "bb"})
    assert index._score(["aa"], 0) == pytest.approx(math.log(2.0) * 4 * 2.2 / (4 + 1.2))
    assert index._score(["aa"], 1) == 0.0
