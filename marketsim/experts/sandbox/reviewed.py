"""Solves reviewed code in this process, without a lock: for the library alone, where there is no sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from marketsim.core.errors import InputError, MissingDependency
from marketsim.experts.sandbox.check import problems_of
from marketsim.experts.sandbox.client import CodeMember, Coupling, Expected, SolvedJob, outcome_of, payload_of


class ReviewedSolver:
    """Port ``CaseSolver`` for code of the library; its author is this program."""

    def solve(self, members: Sequence[CodeMember], *, coupling: Coupling | None = None) -> SolvedJob:
        """See the port; InputError for code that even the allow-list does not have, MissingDependency without CVXPY."""
        for member in members:
            if problems := problems_of(member.code):
                raise InputError(f"this is no code of the library: {problems[0]}")
        try:
            from marketsim.experts.sandbox import solving
        except ImportError as error:
            raise MissingDependency("cvxpy", "experts-code", "code of experts") from error
        answer = solving.answer(payload_of(members, coupling))
        return outcome_of(answer, Expected.of(members, coupling), 0.0)
