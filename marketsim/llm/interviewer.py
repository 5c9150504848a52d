"""Asks a model: cache first, then the server, twice at most, never longer than the deadline, and as many at once as it takes.

Runs beside the simulation in one thread. Whatever happens, every question ends with a ``Reply``: a value, or the reason
why there is none.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from marketsim.core.blame import told
from marketsim.core.build import Basics
from marketsim.core.errors import InputError
from marketsim.core.fence import Fence
from marketsim.core.language_model import Failure, Identity, LanguageModel
from marketsim.core.plain_text import plain
from marketsim.llm.answer_cache import AnswerCache, default_folder, question_key
from marketsim.llm.breaker import Breaker
from marketsim.llm.event_thread import EventThread
from marketsim.llm.lanes import Lanes
from marketsim.llm.ollama_host import demand_own
from marketsim.llm.params import AskingParams
from marketsim.llm.question import Question, Reply
from marketsim.llm.room import Room

T = TypeVar("T")
V = TypeVar("V")

_LOG: Final = logging.getLogger("marketsim.llm")
_GRACE_S: Final = 0.5
"""How much later than its deadline a reply may reach the simulation's thread."""


@functools.cache
def _tell(model: str, url: str) -> None:
    _LOG.warning("asks the model %s at %s", model, url)


@dataclass
class _Attempts:
    """Calls made for a question, and how the last one failed."""

    made: int = 0
    last: Failure | None = None


def demand_cache_inside(params: AskingParams, fence: Fence) -> None:
    """InputError where the scenario's answers would be kept outside of its fence."""
    if params.cache and params.cache_folder is not None:
        fence.file(params.cache_folder, InputError, "the folder of the answers")


def asked_model(params: AskingParams, context: Basics, path: str) -> LanguageModel:
    """The model that a scenario asks, by what stands at ``path``.

    InputError where it may not be asked or there is none of the kind, and where answers would be kept outside of the
    scenario's fence; MissingDependency without the library that the client needs.
    """
    demand_own(params.host, f"{path}.host", trusted=context.fence.says(params.host))
    demand_cache_inside(params, context.fence)
    if context.models is None:
        raise LookupError("nobody here makes language models")
    try:
        return context.models(params.client, params.settings())
    except InputError as error:
        placed = [
            problem._replace(path=f"{path}.{problem.path}" if problem.path else path) for problem in error.problems
        ]
        raise type(error)(placed) from error


class Interviewer:
    """Questions to one model.

    Parameters
    ----------
    params
        Options and deadlines.
    model
        Who is asked.
    folder
        Folder that a relative cache folder starts from.
    clock
        Seconds that only go forward, for the circuit breaker.
    """

    def __init__(
        self,
        params: AskingParams,
        model: LanguageModel,
        folder: Path = Path(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.params, self.model = params, model
        own = default_folder(params.answers) if params.cache_folder is None else folder / params.cache_folder
        self.cache = AnswerCache(own if params.cache else None)
        self.identity: Identity | None = None
        """Known after the first question that reached the server."""
        self._breaker = Breaker(params.failures, params.pause_s, clock)
        self._thread = EventThread("marketsim-llm")
        self._loading = self._loaded = params.load_deadline_s == 0.0
        self._warmed: dict[str, object] = {}
        self._room = Room(params.num_ctx, params.num_predict)
        self._renew()

    def _renew(self) -> None:
        """What belongs to the thread's event loop."""
        self._lanes = Lanes(self.params.in_flight, self.params.deadline_s)
        self._knowing = asyncio.Lock()
        self._asked: dict[str, asyncio.Future[Any]] = {}

    @property
    def width(self) -> int:
        """Questions that may be under way at once now: no more should be begun where nobody needs their answers at once."""
        return self._lanes.width

    @property
    def patience_s(self) -> float:
        """The longest that a question takes, on top of what loading the model takes at first."""
        return self.params.deadline_s + _GRACE_S + (0.0 if self._loaded else self.params.load_deadline_s)

    def begin(self, question: Question[V]) -> Future[Reply[V]]:
        """Ask beside the simulation; who is asked is said once, on standard error unless logging goes elsewhere."""
        _tell(plain(self.params.model), self.model.url)
        return self._thread.submit(self._reply(question))

    def facts(self) -> dict[str, object]:
        """Who answers, for the manifest: the model that was asked for until one has said what it is, and how it was warmed up."""
        model, digest, server, _ = self.identity or (self.params.model, None, None, None)
        fault = {} if self.cache.fault is None else {"cache_fault": self.cache.fault}
        lanes = {"questions_at_once": self._lanes.widest} if self._warmed else {}
        return {
            "host": self.model.url,
            "model": model,
            "digest": digest,
            "server": server,
            **self._warmed,
            **lanes,
            **fault,
        }

    def close(self) -> None:
        """Drop what is still being asked, and the connections."""
        self._thread.close(self.model.close())
        self._renew()

    async def _reply(self, question: Question[V]) -> Reply[V]:
        await self._load(question)
        began = time.perf_counter()
        attempts = _Attempts()
        value, failure = None, None
        try:
            async with asyncio.timeout(self.params.deadline_s):
                value = await self._value(question, attempts)
        except TimeoutError:
            before = f", after {attempts.last}" if attempts.last else ""
            failure = Failure("timeout", f"no answer within {self.params.deadline_s:g} s{before}")
        except Exception as error:
            failure = _as_failure(error)
        latency = time.perf_counter() - began
        return Reply(value, None if failure is None else str(failure), attempts.made, latency, self.identity)

    async def _load(self, question: Question[Any]) -> None:
        """Let the server load the model and read the system text before the first deadline begins.

        Servers keep what they have read: on a small machine the first question would take several times as long as the
        others. Where it fails the question will tell; ``facts`` has how long it took.
        """
        async with self._knowing:
            if self._loading:
                return
            self._loading = True
            first = [each for each in question.messages if each["role"] == "system"]
            began, said = time.perf_counter(), "done"
            try:
                async with asyncio.timeout(self.params.load_deadline_s):
                    self.identity = await self._identity()
                    await _held_to(
                        object, lambda: self.model.load(first, self.params.seed, self.params.load_deadline_s)
                    )
            except TimeoutError:
                said = f"timeout: not ready within {self.params.load_deadline_s:g} s"
            except Failure as failure:
                said = str(failure)
            finally:
                self._loaded = True
                self._warmed = {"warm_up": said, "warm_up_s": round(time.perf_counter() - began, 3)}

    async def _known(self) -> Identity:
        async with self._knowing:
            if self.identity is None:
                self.identity = await self._identity()
            return self.identity

    async def _identity(self) -> Identity:
        return await _held_to(Identity, lambda: self.model.identify(self.params.deadline_s))

    async def _value(self, question: Question[V], attempts: _Attempts) -> V:
        if self.identity is None:
            await self._guarded(self._known)
        assert self.identity is not None
        options = {**self.model.options(self.params.seed), "think": not self.identity.thinks}
        key = question_key(question, self.identity.digest, options)
        kept = self.cache.get(key, question)
        if kept is not None:
            return kept
        self._room.demand(question.messages)
        if key in self._asked:  # an equal question is on its way: wait for its answer
            attempts.made = 1
            shared: V = await asyncio.shield(self._asked[key])
            return shared
        own = self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            async with self._lanes.taken():
                value = await self._guarded(partial(self._twice, question, attempts))
            own.set_result(value)
        except BaseException as error:  # a cancelled question, too: whoever waits for its answer is told
            own.set_exception(_as_failure(error) if isinstance(error, Exception) else Failure("timeout", "cancelled"))
            own.exception()  # seen: nobody may be waiting
            raise
        finally:
            del self._asked[key]
        self.cache.put(key, question, value, self.identity)
        return value

    async def _twice(self, question: Question[V], attempts: _Attempts) -> V:
        """A failed answer is asked for once more with another seed; a model that is missing is not."""
        for seed in (self.params.seed, self.params.seed + 1):
            attempts.made += 1
            try:
                return await self._answered(question, seed)
            except Failure as failure:
                attempts.last = failure
                if failure.reason in ("missing_model", "client_failed"):
                    break
        assert attempts.last is not None
        raise attempts.last

    async def _answered(self, question: Question[V], seed: int) -> V:
        deadline_s, messages, form = self.params.deadline_s, question.messages, question.form
        text = await _held_to((str, type(None)), lambda: self.model.ask(messages, form, seed, deadline_s))
        return question.read(text)

    async def _guarded(self, call: Callable[[], Awaitable[T]]) -> T:
        """A call to the server unless it is left alone for now; whatever ends it counts against the server.

        But for a deadline of which most was spent waiting for others.
        """
        if not self._breaker.admits():
            raise Failure("circuit_open", f"{self.params.failures} questions in a row had failed")
        began = time.perf_counter()
        try:
            result = await call()
        except asyncio.CancelledError:  # a deadline ends a call by cancelling it
            if time.perf_counter() - began < self.params.deadline_s / 2.0:
                self._breaker.forget()
            else:
                self._breaker.record(good=False)
            raise
        except BaseException:  # whatever else ends a call, an interrupt, too: it brought no answer
            self._breaker.record(good=False)
            raise
        self._breaker.record(good=True)
        return result


async def _held_to(kind: Any, call: Callable[[], Awaitable[T]]) -> T:
    """What a client of a model returns, if it is of its kind; Failure for whatever else comes of it."""
    try:
        answer = await call()
    except Exception as error:
        raise _as_failure(error) from error
    if not isinstance(answer, kind):
        raise Failure("client_failed", f"it returned {type(answer).__name__}")
    return answer


def _as_failure(error: Exception) -> Failure:
    """An error on the way to an answer; one that is no ``Failure`` is the client's own."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, TimeoutError):
        return Failure("timeout", str(error))
    return Failure("client_failed", told(error))
