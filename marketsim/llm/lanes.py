"""How many questions are under way at once: one, and more only while the server shows that it answers them side by side.

A server that answers one question at a time, as Ollama's does unless told otherwise, makes the second one wait for the first;
with a deadline, more at once then means fewer answers. So there is one lane at first. What is measured is the rate of answers, in
time in which a question is under way. A further lane is tried only where a server whose rate stays what it is would answer within
``_SAFE`` of the deadline, so that a trial costs no answer. It is kept if the rate has grown by ``_GAIN`` of what a lane should
add, else given up, and none is tried for ``_REST`` answers. A question that ends by its deadline takes all lanes back to one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

_SAFE: Final = 0.8
_GAIN: Final = 0.5
_REST: Final = 50
_LEAST: Final = 3
"""Answers that a rate is taken of, at least, and ``_ROUNDS`` a lane."""
_ROUNDS: Final = 2


class Lanes:
    """Lets so many questions through at once.

    Parameters
    ----------
    most
        Lanes that there may be.
    deadline_s
        Longest time that a question may take [s].
    clock
        Seconds that only go forward.
    """

    def __init__(self, most: int, deadline_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._deadline_s, self._clock = most, deadline_s, clock
        self.width = 1
        """Lanes now."""
        self.widest = 1
        """Lanes that stood their trial, at most."""
        self._alone_s = 0.0
        """Time of an answer with one lane [s]."""
        self._before = 0.0
        """Rate before the lane that is on trial was opened [1/s]."""
        self._trial = False
        self._rest = 0
        self._busy = 0
        self._answers = 0
        """Since the number of lanes changed, as ``_busy_s``."""
        self._busy_s = 0.0
        self._seen_s = clock()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """One lane, once there is a free one; how the question ends in it decides how many there are from then on."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._busy < self.width)
            began = self._count(1)
        try:
            yield
        except asyncio.CancelledError:
            self._late(self._count(-1) - began)
            raise
        except BaseException:  # however a question ends, an interrupt, too: its lane is free again
            self._count(-1)
            raise
        else:
            self._count(-1)
            self._answered()
        finally:
            await asyncio.shield(self._tell())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _count(self, change: int) -> float:
        """A question begins or ends now."""
        now = self._clock()
        if self._busy:
            self._busy_s += now - self._seen_s
        self._seen_s = now
        self._busy += change
        return now

    def _late(self, took_s: float) -> None:
        """A question was ended from outside; one that had waited for its lane for long says nothing of the server."""
        if took_s >= self._deadline_s / 2.0:
            self._trial, self._rest = False, _REST
            self._set(1)

    def _answered(self) -> None:
        self._answers += 1
        self._rest = max(self._rest - 1, 0)
        if self._answers < max(_ROUNDS * self.width, _LEAST):
            return
        rate = self._answers / max(self._busy_s, 1e-9)
        if self._trial:
            self._judge(rate)
            return
        if self.width == 1:
            self._alone_s = 1.0 / rate
        longest_s = max((self.width + 1) / rate, 2.0 * self._alone_s)
        if not self._rest and self.width < self._most and longest_s <= _SAFE * self._deadline_s:
            self._before, self._trial = rate, True
            self._set(self.width + 1)
        else:
            self._set(self.width)

    def _judge(self, rate: float) -> None:
        """Keep the lane on trial if more is answered with it."""
        self._trial = False
        if rate >= self._before * (1.0 + _GAIN / (self.width - 1)):
            self.widest = max(self.widest, self.width)
            self._set(self.width)
        else:
            self._rest = _REST
            self._set(self.width - 1)

    def _set(self, width: int) -> None:
        self.width, self._answers, self._busy_s = width, 0, 0.0
