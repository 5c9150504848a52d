"""The circuit breaker."""

from marketsim.llm.breaker import Breaker


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def tripped(failures=3, pause_s=10.0):
    clock = Clock()
    breaker = Breaker(failures, pause_s, clock)
    for _ in range(failures):
        assert breaker.admits()
        breaker.record(good=False)
    return breaker, clock


def test_it_opens_after_failures_in_a_row():
    breaker, _ = tripped()
    assert breaker.state == "open"
    assert not breaker.admits()


def test_a_success_in_between_starts_the_count_anew():
    breaker = Breaker(2, 10.0, Clock())
    for good in (False, True, False):
        breaker.record(good=good)
    assert breaker.state == "closed"
    assert breaker.admits()


def test_after_the_pause_one_question_tries():
    breaker, clock = tripped()
    clock.now = 9.9
    assert not breaker.admits()
    clock.now = 10.0
    assert breaker.state == "half_open"
    assert [breaker.admits() for _ in range(3)] == [True, False, False]


def test_the_trial_decides():
    """A good one closes it, a bad one opens it for another pause."""
    breaker, clock = tripped()
    clock.now = 10.0
    assert breaker.admits()
    breaker.record(good=False)
    clock.now = 19.0
    assert not breaker.admits()
    clock.now = 20.0
    assert breaker.admits()
    breaker.record(good=True)
    assert breaker.state == "closed"
    assert all(breaker.admits() for _ in range(3))


def test_after_it_closed_failures_count_from_zero():
    breaker, clock = tripped(failures=2)
    clock.now = 10.0
    breaker.admits()
    breaker.record(good=True)
    breaker.record(good=False)
    assert breaker.state == "closed"


def test_a_trial_that_says_nothing_leaves_it_half_open():
    """The next question tries again; failures before are not forgotten."""
    breaker, clock = tripped()
    clock.now = 10.0
    assert breaker.admits()
    breaker.forget()
    assert breaker.state == "half_open"
    assert [breaker.admits() for _ in range(2)] == [True, False]
