"""A small server on this machine that speaks Ollama's REST protocol and fails on demand.

For tests of critics, of plugins that ask models, and of one's own scenarios where no model is installed::

    with OllamaServer(faults=["500", None, "hang"]) as server:
        scenario = ms.load_scenario("scenarios/pilot.yaml", {"critic": {"kind": "ollama", "host": server.url}})

It answers ``GET /api/version``, ``GET /api/tags``, ``POST /api/show`` and ``POST /api/chat`` (whole or streamed). The
n-th question (a chat with a message of the user) meets the n-th fault of the script; afterwards all goes well.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

import numpy as np

Judge = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From what a slot's text says to the content of the answer."""
Script = Callable[[int], str | None]
"""Fault of the n-th question, from 0; None: none."""

CONTENTS: Final[Mapping[str, str]] = {
    "prose": "The slot looks quite fair to me, I would say about eighty.",
    "cut_json": '{"ftg": 80, "fbs": 7',
    "empty": "",
    "nan": '{"ftg": NaN, "fbs": Infinity, "fpp": 50}',
    "out_of_range": '{"ftg": 180, "fbs": -20, "fpp": 50}',
    "floats": '{"ftg": 0.83, "fbs": 41.7, "fpp": 50}',
    "booleans": '{"ftg": true, "fbs": false, "fpp": true}',
    "huge": '{"ftg": 1' + "0" * 400 + ', "fbs": 1e308, "fpp": 50}',
    "deep": "[" * 5_000,
    "incomplete": '{"ftg": 80, "fbs": 70}',
    "list": "[80, 70, 60]",
    "twice": '{"ftg": 80, "fbs": 70, "fpp": 60} or {"ftg": 10, "fbs": 20, "fpp": 30}',
}
"""Faults that come as a successful answer of this content."""
BODIES: Final[Mapping[str, bytes]] = {
    "html": b"<html><body><h1>It works!</h1></body></html>",
    "not_json": b"\xff\xfe model says hello",
    "json_list": b'["chat", "reply"]',
    "json_other": b'{"status": "success"}',
    "error_body": b'{"error": "an error was encountered while running the model: unexpected EOF"}',
    "two_lines": b'{"message": {"role": "assistant", "content": "{"}, "done": false}\n{"error": "model runner stopped"}\n',
}
"""Faults that come with status 200 and this body."""
STATUSES: Final[Mapping[str, tuple[int, str]]] = {
    "400": (400, '{"error": "invalid options"}'),
    "404": (404, '{"error": "model \'gemma3:4b\' not found"}'),
    "500": (500, '{"error": "llama runner process has terminated"}'),
    "500_list": (500, '["oops"]'),
    "502_html": (502, "<html>Bad gateway</html>"),
    "503": (503, '{"error": "server busy, please try again. maximum pending requests exceeded"}'),
}
"""Faults that come with another status."""
METADATA: Final[Mapping[str, Mapping[str, Any]]] = {
    "truncated": {"done_reason": "length"},
    "unfinished": {"done": False, "done_reason": None},
    "full_context": {"prompt_eval_count": 1_000_000},
    "half_context": {"prompt_eval_count": "half"},
    "negative_count": {"prompt_eval_count": -7},
    "text_count": {"prompt_eval_count": "many"},
}
"""Faults in what stands beside a good answer."""
WIRE: Final = ("hang", "drip", "reset", "cut_body", "no_reply", "endless")
"""Faults of the connection."""
FENCED: Final = "fenced"
"""A good answer in a fence, which a critic should read."""
FAULTS: Final = (*STATUSES, *BODIES, *CONTENTS, *METADATA, *WIRE)
"""Every fault that an answer can have, but a refused connection: see ``unused_address``."""

_DRIP_S: Final = 0.02


def by_volume(view: Mapping[str, Any]) -> Mapping[str, Any]:
    """The usual judge: FTG by its definition, the others by the spread between the best and the worst off."""
    rates = [row["sold"] for row in view["sellers"] if row["sold"] is not None]
    prices = [row["price"] for row in view["sellers"] if row["price"] is not None]
    scores = {
        "ftg": round(view["traded"]),
        "fbs": round(max(0.0, 100 - (max(rates, default=0) - min(rates, default=0)))),
        "fpp": round(max(0.0, 100 - (max(prices, default=0) - min(prices, default=0)))),
    }
    return {name: scores[name] for name in view["score"]}


def by_definition(view: Mapping[str, Any]) -> Mapping[str, Any]:
    """The perfect judge: every score as the system text defines it."""
    scores = {"ftg": view["traded"], "fbs": 100 - view.get("shortfall", 0), "fpp": 100 - (view["price_spread"] or 0)}
    return {name: round(scores[name]) for name in view["score"]}


def at_random(share: float, seed: int, faults: Iterable[str] = FAULTS) -> Script:
    """A script in which each question meets one of the faults with probability ``share``."""
    names = tuple(faults)

    def fault(number: int) -> str | None:
        rng = np.random.default_rng((seed, number))
        return str(rng.choice(names)) if rng.random() < share else None

    return fault


def unused_address() -> str:
    """An address of this machine where nothing listens: connections are refused."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def _is_question(path: str, body: Mapping[str, Any]) -> bool:
    said = body.get("messages") or []
    return path == "/api/chat" and any(isinstance(each, Mapping) and each.get("role") == "user" for each in said)


class OllamaServer:
    """The server, in a thread of its own; a context manager.

    Parameters
    ----------
    faults
        Script: a fault for each question in turn, or a function of the question's number.
    models
        Digests by full name.
    judge
        Writes the answers.
    thinking
        Whether the models say that they think.
    version
        What ``/api/version`` says.
    faulty_paths
        Fault of every call to these other paths, such as ``{"/api/tags": "hang"}``.
    """

    def __init__(
        self,
        faults: Iterable[str | None] | Script = (),
        *,
        models: Mapping[str, str] | None = None,
        judge: Judge = by_volume,
        thinking: bool = False,
        version: str = "0.12.3",
        faulty_paths: Mapping[str, str] | None = None,
    ) -> None:
        script = faults if callable(faults) else list(faults)
        self._script = script if callable(script) else lambda n: script[n] if n < len(script) else None
        self.models = {"gemma3:4b": "a2af6cc3eb7f"} if models is None else dict(models)
        self.judge, self.thinking, self.version = judge, thinking, version
        self.faulty_paths = dict(faulty_paths or {})
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Path and body of every call, in order of arrival."""
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._asked = 0
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def questions(self) -> list[dict[str, Any]]:
        """Bodies of the questions so far; a call without a user's message is none, and warms the model up."""
        return [body for path, body in self.calls if _is_question(path, body)]

    def note(self, path: str, body: dict[str, Any]) -> str | None:
        """Take a call down; returns its fault."""
        with self._lock:
            self.calls.append((path, body))
            if not _is_question(path, body):
                return self.faulty_paths.get(path)
            self._asked += 1
            return self._script(self._asked - 1)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    owner: OllamaServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Version and models."""
        self._answer({})

    def do_POST(self) -> None:
        """Details of a model, and chats."""
        length = int(self.headers.get("Content-Length") or 0)
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError:
            body = {}
        self._answer(body)

    def _answer(self, body: dict[str, Any]) -> None:
        fault = self.owner.note(self.path, body)
        try:
            self._respond(body, fault)
        except OSError:  # the client has gone
            self.close_connection = True

    def _respond(self, body: dict[str, Any], fault: str | None) -> None:
        if fault is not None and fault in WIRE:
            getattr(self, f"_{fault}")()
        elif fault is not None and fault in STATUSES:
            status, text = STATUSES[fault]
            self._send(text.encode(), status)
        elif fault is not None and fault in BODIES:
            self._send(BODIES[fault])
        else:
            self._send_reply(*self._reply(body, fault), streamed=bool(body.get("stream")))

    def _reply(self, body: dict[str, Any], fault: str | None) -> tuple[int, dict[str, Any]]:
        owner, name = self.owner, str(body.get("model") or body.get("name") or "")
        if self.path == "/api/version":
            return 200, {"version": owner.version}
        if self.path == "/api/tags":
            models = [{"name": each, "model": each, "digest": digest} for each, digest in owner.models.items()]
            return 200, {"models": models}
        if self.path not in ("/api/show", "/api/chat"):
            return 404, {"error": "404 page not found"}
        if name not in owner.models:
            return 404, {"error": f"model '{name}' not found"}
        if self.path == "/api/show":
            capabilities = ["completion", *(["thinking"] if owner.thinking else [])]
            return 200, {"details": {"family": "test"}, "model_info": {}, "capabilities": capabilities}
        return 200, self._chat(body, name, fault)

    def _chat(self, body: dict[str, Any], name: str, fault: str | None) -> dict[str, Any]:
        said = list(body.get("messages") or [])
        reply = {"model": name, "created_at": "2026-01-01T00:00:00Z", "done": True}
        if not _is_question(self.path, body):
            return {**reply, "message": {"role": "assistant", "content": ""}, "done_reason": "load"}
        room = int(body.get("options", {}).get("num_ctx", 4096))
        read = sum(len(str(part.get("content"))) for part in said) // 3
        good = json.dumps(self.owner.judge(json.loads(said[-1]["content"])))
        content = CONTENTS.get(fault or "", f"```json\n{good}\n```" if fault == FENCED else good)
        beside = {"done_reason": "stop", "prompt_eval_count": read if read < room else room // 2, "eval_count": 20}
        beside |= METADATA.get(fault or "", {})
        if beside["prompt_eval_count"] == "half":
            beside["prompt_eval_count"] = room // 2 + 2
        return {**reply, "message": {"role": "assistant", "content": content}, **beside}

    def _send_reply(self, status: int, reply: dict[str, Any], *, streamed: bool) -> None:
        if not streamed or "message" not in reply:
            self._send(json.dumps(reply).encode(), status)
            return
        letters = [{**reply, "done": False, "message": {"role": "assistant", "content": reply["message"]["content"]}}]
        lines = [*letters, {**reply, "message": {"role": "assistant", "content": ""}}]
        self._send("".join(json.dumps(line) + "\n" for line in lines).encode(), kind="application/x-ndjson")

    def _head(self, length: int, status: int = 200, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, body: bytes, status: int = 200, kind: str = "application/json") -> None:
        self._head(len(body), status, kind)
        self.wfile.write(body)

    def _hang(self) -> None:
        """Never answer."""
        self.owner.stopped.wait()
        self.close_connection = True

    def _drip(self) -> None:
        """A byte now and then, never the end: no read time-out fires."""
        self._head(1_000_000)
        while not self.owner.stopped.wait(_DRIP_S):
            self.wfile.write(b" ")
        self.close_connection = True

    def _reset(self) -> None:
        """Drop the connection without a farewell."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _cut_body(self) -> None:
        """Promise more than comes."""
        self._head(5_000)
        self.wfile.write(b'{"model": "gemma3:4b", "message": {"role": "ass')
        self.close_connection = True

    def _no_reply(self) -> None:
        """Close without a word."""
        self.close_connection = True

    def _endless(self) -> None:
        """More than anybody should read."""
        self._head(1_000_000_000)
        while not self.owner.stopped.is_set():
            self.wfile.write(b" " * 65_536)
        self.close_connection = True
