"""How many questions go at once: against servers that queue, that answer side by side, and that grow slow. Time is virtual."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.llm.lanes import Lanes

DEADLINE_S = 10.0


class VirtualTime(asyncio.SelectorEventLoop):
    """Goes to the next appointment at once, instead of waiting for it."""

    now = 0.0

    def time(self):
        return self.now

    def _run_once(self):
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0]._when)
        super()._run_once()


class Server:
    """Answers ``parallel`` questions side by side, each in ``service_s(n)`` seconds, n the questions before it."""

    def __init__(self, parallel, service_s):
        self.places, self.service_s = asyncio.Semaphore(parallel), service_s
        self.asked = 0
        self.here = self.most = 0

    async def answer(self):
        self.asked += 1
        number = self.asked - 1
        self.here += 1
        self.most = max(self.most, self.here)
        try:
            async with self.places:
                await asyncio.sleep(self.service_s(number))
        finally:
            self.here -= 1


def crowd(parallel, service_s, questions=60, most=8):
    """Questions begun as the lanes allow: how many were answered in time, the server, the lanes, the seconds."""
    loop = VirtualTime()
    server, lanes = Server(parallel, service_s), Lanes(most, DEADLINE_S, loop.time)

    async def one():
        try:
            async with asyncio.timeout(DEADLINE_S), lanes.taken():
                await server.answer()
        except TimeoutError:
            return 0
        return 1

    async def every():
        under_way, good = set(), 0
        for _ in range(questions):
            while len(under_way) >= lanes.width:
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                good += sum(task.result() for task in done)
            under_way.add(asyncio.ensure_future(one()))
        return good + sum(await asyncio.gather(*under_way))

    try:
        good = loop.run_until_complete(every())
        return good, server, lanes, loop.now
    finally:
        loop.close()


def test_a_server_that_queues_is_never_starved():
    """Service of 0.6 deadlines: two at once would time out one by one; all twelve are answered."""
    good, server, lanes, _ = crowd(1, lambda n: 6.0, questions=12)
    assert (good, server.most, lanes.width) == (12, 1, 1)


@pytest.mark.parametrize("service_s", [0.1, 1.0, 2.5, 3.9])
def test_a_quick_server_that_queues_is_found_out_and_left_with_one(service_s):
    """A second lane is tried, brings nothing, and is given up; nobody is late for it."""
    good, server, lanes, seconds = crowd(1, lambda n: service_s, questions=50)
    assert (good, lanes.width, lanes.widest) == (50, 1, 1)
    assert server.most == 2
    assert seconds == pytest.approx(50 * service_s)


def test_a_server_that_answers_side_by_side_gets_more():
    """As many lanes as it has places, and one at a time on the way there."""
    good, server, lanes, seconds = crowd(4, lambda n: 1.0, questions=100)
    assert good == 100
    assert lanes.widest == 4
    assert server.most == 5
    assert seconds < 50.0


def test_no_more_than_allowed():
    _, server, lanes, _ = crowd(16, lambda n: 0.5, most=3, questions=100)
    assert (server.most, lanes.width) == (3, 3)


def test_a_deadline_that_ran_out_takes_them_back_to_one():
    slow = 40

    def service_s(number):
        return 60.0 if number == slow else 1.0

    good, _, lanes, _ = crowd(4, service_s, questions=slow + 20)
    assert good == slow + 19
    assert (lanes.width, lanes.widest) == (1, 4)


def test_whoever_waited_for_a_lane_until_the_deadline_says_nothing_of_the_server():
    """Many at once from somebody who has one deadline for all of them: what was begun late is no sign of slowness."""
    loop = VirtualTime()
    lanes = Lanes(4, DEADLINE_S, loop.time)
    server = Server(4, lambda n: 1.0)

    async def one():
        async with asyncio.timeout(DEADLINE_S - 0.5), lanes.taken():
            await server.answer()

    async def every():
        return await asyncio.gather(*(one() for _ in range(200)), return_exceptions=True)

    outcomes = loop.run_until_complete(every())
    loop.close()
    assert sum(outcome is None for outcome in outcomes) >= 15
    assert lanes.width >= 3


@settings(max_examples=60)
@given(
    parallel=st.integers(1, 5),
    most=st.integers(1, 6),
    times=st.lists(st.floats(0.01, 30.0), min_size=1, max_size=30),
)
def test_every_question_ends_and_lanes_keep_their_bounds(parallel, most, times):
    """Whatever the server does, also past the deadline: nobody is left waiting, and never more go than allowed."""
    good, server, lanes, _ = crowd(parallel, lambda n: times[n % len(times)], questions=40, most=most)
    assert 0 <= good <= 40
    assert server.most <= most
    assert 1 <= lanes.width <= lanes.widest or lanes._trial
    assert lanes._busy == 0
