"""Talks to an Ollama server through its official client; the one place that knows that library.

Every call has a deadline of its own, which ends it wherever it waits: the client's read time-out starts anew with each
byte and never fires on a slow drip. Whatever goes wrong becomes a ``Failure`` with a reason out of a closed list.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from marketsim.core.build import FileContext
from marketsim.core.errors import InputError, MissingDependency, Problem
from marketsim.core.language_model import Failure, Identity, ModelSettings
from marketsim.core.plain_text import plain
from marketsim.llm.ollama_host import full_name, is_local, ollama_url

if TYPE_CHECKING:
    import httpx

_MOST_BYTES: Final = 4_000_000
_SILENCES_THINKING: Final = "thinking"
_KEEP_ALIVE: Final = "30m"
"""How long the server keeps the model and what it has read after a call."""


def as_failure(error: BaseException) -> Failure:
    """Any exception of the client as a reason. The client lets those of httpx, json and pydantic through as they are."""
    import httpx
    import ollama

    text = f"{type(error).__name__}: {error}"
    if isinstance(error, Failure):
        return error
    if isinstance(error, ollama.ResponseError):
        return Failure(_status_reason(error.status_code), f"{error.error} (status {error.status_code})")
    if isinstance(error, httpx.HTTPStatusError):
        return Failure(_status_reason(error.response.status_code), text)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return Failure("timeout", text)
    if isinstance(error, httpx.ConnectError) or type(error) in (ConnectionError, ConnectionRefusedError):
        return Failure("refused", str(error))
    if isinstance(error, httpx.TransportError | OSError):
        return Failure("connection_lost", text)
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError | httpx.DecodingError):
        return Failure("not_json", text)
    if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
        return Failure("http_error", text)
    return Failure("bad_reply", text)  # pydantic's, and TypeErrors where JSON of another shape meets the client


@asynccontextmanager
async def _within(deadline_s: float) -> AsyncIterator[None]:
    """Failure where what is awaited fails, or takes longer."""
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except Exception as error:
        raise as_failure(error) from error


def _status_reason(status: int) -> str:
    if status in (404, 503):
        return "missing_model" if status == 404 else "busy"
    return "server_error" if status >= 500 or status < 0 else "http_error"


class ModelServer:
    """Port ``LanguageModel``: one model on one server. To be used within one event loop."""

    def __init__(self, settings: ModelSettings) -> None:
        try:
            import ollama
        except ImportError as error:
            raise MissingDependency("ollama", "learn", "asking a language model") from error
        self._ollama: Any = ollama
        self._settings = settings
        self.url = ollama_url(settings.host)
        self._client: Any = None
        self._thinks = False

    def options(self, seed: int) -> dict[str, float | int]:
        """Options of a call; ``num_ctx`` never changes, since the server would load the model anew."""
        own = self._settings
        return {
            "temperature": own.temperature,
            "seed": seed,
            "num_ctx": own.num_ctx,
            "num_predict": own.num_predict,
        }

    def _connected(self) -> Any:
        if self._client is None:
            client = self._ollama.AsyncClient(
                host=self.url, follow_redirects=False, headers=_PLAIN, **_manner(self.url)
            )
            if self._settings.host is not None:  # the key in OLLAMA_API_KEY is for the server in OLLAMA_HOST
                client._client.headers.pop("authorization", None)
            self._client = client
        return self._client

    async def close(self) -> None:
        """Close its connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def identify(self, deadline_s: float) -> Identity:
        """Digest of the model, version of the server, and whether the model thinks aloud; Failure where it fails."""
        client, model = self._connected(), full_name(self._settings.model)
        async with _within(deadline_s):
            version = await _version(self.url)
            listed = {full_name(each.model or ""): each.digest or "" for each in (await client.list()).models}
            if model not in listed:
                raise Failure("missing_model", f"no {self._settings.model} at {self.url}: ollama pull {model}")
            shown = await client.show(model)
        self._thinks = _SILENCES_THINKING in (shown.capabilities or ())
        return Identity(self._settings.model, plain(listed[model]), version, self._thinks)

    async def load(self, messages: Sequence[Mapping[str, str]], seed: int, deadline_s: float) -> None:
        """Have the server load the model and read these messages, with the options of all later calls; Failure where it fails.

        A single token is answered, for a server keeps what it read for an answer.
        """
        client = self._connected()
        async with _within(deadline_s):
            await client.chat(
                model=self._settings.model,
                messages=list(messages),
                options={**self.options(seed), "num_predict": 1},
                keep_alive=_KEEP_ALIVE,
                think=False if self._thinks else None,
            )

    async def ask(
        self, messages: Sequence[Mapping[str, str]], form: Mapping[str, Any], seed: int, deadline_s: float
    ) -> str | None:
        """The text that the model answers, which may be none; Failure where it does not answer, or was cut."""
        client = self._connected()
        async with _within(deadline_s):
            reply = await client.chat(
                model=self._settings.model,
                messages=list(messages),
                stream=False,
                format=dict(form),
                options=self.options(seed),
                keep_alive=_KEEP_ALIVE,
                think=False if self._thinks else None,
            )
        self._demand_whole(reply, sum(len(part["content"]) for part in messages))
        text: str | None = reply.message.content
        return text

    def _demand_whole(self, reply: Any, characters: int) -> None:
        """Failure where the question or the answer was cut.

        A question that does not fit is cut without a word: older servers then report ``num_ctx`` tokens read, newer
        ones half of it. A token is one character at least, so a text shorter than the room was read as a whole.
        """
        read, room = reply.prompt_eval_count, self._settings.num_ctx
        if read is not None and (read < 0 or read + self._settings.num_predict > room):
            raise Failure("prompt_cut", f"{read} tokens read, num_ctx is {room}: raise num_ctx")
        if read is not None and characters > room and 0 <= read - room // 2 <= _HALF_SLACK:
            raise Failure("prompt_cut", f"{read} tokens read, half of num_ctx {room}: raise num_ctx")
        if reply.done is False or reply.done_reason not in (None, "stop"):
            raise Failure("truncated", f"done_reason is {reply.done_reason!r}")


_HALF_SLACK: Final = 4


async def _version(url: str) -> str:
    """Of the server; the official client has no call for it."""
    import httpx

    tls = url.startswith("https://")  # without it there is no certificate to check, nor a store of them to load
    async with httpx.AsyncClient(verify=tls, follow_redirects=False, headers=_PLAIN, **_manner(url)) as http:
        reply = await http.get(f"{url}/api/version")
        reply.raise_for_status()
        version = reply.json()["version"]
    if not isinstance(version, str):
        raise Failure("bad_reply", f"the server's version is no text but {type(version).__name__}")
    return plain(version)


_PLAIN: Final = {"Accept-Encoding": "identity"}
"""What is packed may be a thousand times as large when it is unpacked."""


def _manner(url: str) -> dict[str, Any]:
    """Options of any client: no proxy before this machine, bodies that end, deadlines from outside alone."""
    return {"trust_env": not is_local(url), "timeout": None, "event_hooks": {"response": [_bound_body]}}


async def _bound_body(response: httpx.Response) -> None:
    """A body without end, or one that grows as it is unpacked, must not fill the memory before the deadline."""
    import httpx

    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing != "identity":
        raise Failure("bad_reply", f"the body is packed ({packing}), which was not asked for")

    class Bounded(httpx.AsyncByteStream):
        """A stream that ends with an error beyond ``_MOST_BYTES``."""

        def __init__(self, inner: httpx.AsyncByteStream) -> None:
            self._inner = inner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in self._inner:
                size += len(chunk)
                if size > _MOST_BYTES:
                    raise Failure("bad_reply", f"the body is longer than {_MOST_BYTES} bytes")
                yield chunk

        async def aclose(self) -> None:
            """Close what is bounded."""
            await self._inner.aclose()

    assert isinstance(response.stream, httpx.AsyncByteStream)
    response.stream = Bounded(response.stream)


def build(settings: ModelSettings, context: FileContext) -> ModelServer:  # noqa: ARG001 - no files
    """Model ``ollama``; MissingDependency without the client library, InputError for what is no address."""
    try:
        return ModelServer(settings)
    except ValueError as error:
        raise InputError([Problem(str(error), path="host", hint="such as 127.0.0.1:11434")]) from error
