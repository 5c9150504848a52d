"""Writes experts from words: who reads, who writes, where code runs, and the folder that tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.app.new_folder import arriving, demand_new_folder
from marketsim.app.parts import made
from marketsim.app.ready import full_registry
from marketsim.core.build import FileContext
from marketsim.core.errors import InputError, Problem
from marketsim.core.files import MIB, create, read_text
from marketsim.experts.preferences import Preference
from marketsim.experts.sandbox import client
from marketsim.experts.sandbox.reviewed import ReviewedSolver
from marketsim.experts.workflow.acceptance import CaseSolver, LibraryReference, OperatorCheck
from marketsim.experts.workflow.asking import ModelReader
from marketsim.experts.workflow.form import FilledForm
from marketsim.experts.workflow.params import ReadingParams
from marketsim.experts.workflow.pipeline import FullReader, Transcript, Workshop, WrittenExpert, write_expert
from marketsim.experts.workflow.programme import ProgrammeReference
from marketsim.experts.workflow.wishes import ModelWishes, WordWishes
from marketsim.experts.workflow.words import WordReader
from marketsim.experts.workflow.writers import CodeWriter, LibraryWriter, ModelWriter
from marketsim.experts.written.files import ABOUT, CODE, TRANSCRIPT
from marketsim.extension.registry import Registry
from marketsim.llm.interviewer import Interviewer

_MOST_BYTES: Final = MIB
RULES: Final = "the rules"
"""Who reads where no model is named."""
LIBRARY: Final = "the library"
"""Who writes there."""


class RuleReader(WordReader, WordWishes):
    """Reads descriptions and wishes by rules."""


class AskingReader(ModelReader, ModelWishes):
    """Asks a language model about descriptions and wishes."""


class Asked(NamedTuple):
    """Who is asked to read and to write."""

    params: ReadingParams | None
    """None: the rules and the library."""
    writes_code: bool = False
    """Whether the model writes the code, too."""


class WritingDone(NamedTuple):
    """How a description ended as an expert."""

    written: WrittenExpert
    transcript: Transcript
    folder: Path | None


def write_from_words(
    path: str | Path,
    asked: Asked,
    confirm: Callable[[FilledForm, tuple[Preference, ...]], bool],
    *,
    out: str | Path | None = None,
    operator: OperatorCheck | None = None,
    registry: Registry | None = None,
    seed: int = 1,
) -> WritingDone:
    """The expert of the prosumer that a text file describes, and the folder ``out`` with model, code and transcript.

    The folder is written whole, whether the expert is accepted or not. InputError where the file is none, where code of a model
    cannot be run on this machine, and where the folder cannot be made.
    """
    text = read_text(Path(path), _MOST_BYTES, InputError)
    folder = None if out is None else Path(out)
    if folder is not None:
        demand_new_folder(folder, InputError)
    transcript = Transcript()
    with workshop(asked, confirm, operator, registry) as shop:
        written = write_expert(text, shop, transcript, seed=seed)
    if folder is not None:
        _put_folder(folder, written, transcript)
    return WritingDone(written, transcript, folder)


@contextmanager
def workshop(
    asked: Asked,
    confirm: Callable[[FilledForm, tuple[Preference, ...]], bool],
    operator: OperatorCheck | None,
    registry: Registry | None = None,
) -> Iterator[Workshop]:
    """Everybody who takes part in the workflow; connections and processes end with it."""
    with ExitStack() as stack:
        reader: FullReader = RuleReader()
        writer: CodeWriter = LibraryWriter()
        if asked.params is not None:
            interviewer = stack.enter_context(asked_interviewer(asked.params, registry))
            reader = AskingReader(interviewer)
            writer = ModelWriter(interviewer) if asked.writes_code else writer
        solver = stack.enter_context(_solver(reviewed=not asked.writes_code))
        reference = ProgrammeReference(LibraryReference(solver))
        yield Workshop(reader, writer, solver, reference, operator, confirm)


@contextmanager
def asked_interviewer(params: ReadingParams, registry: Registry | None = None) -> Iterator[Interviewer]:
    """Asks the model of these parameters; InputError for a client that there is not."""
    known = registry if registry is not None else full_registry()
    if params.client not in known.names("model"):
        raise InputError([Problem("there is no client of models of this name", value=repr(params.client))])
    model: Any = made(known, "model", params.client, params.settings(), FileContext())
    interviewer = Interviewer(params, model)
    try:
        yield interviewer
    finally:
        interviewer.close()


@contextmanager
def _solver(*, reviewed: bool) -> Iterator[CaseSolver]:
    """A sandbox; where there is none, this process for reviewed code, and for a model's the reason why it is not run."""
    if reviewed and client.refusal() is not None:
        yield ReviewedSolver()
        return
    with client.Sandbox() as sandbox:
        if not reviewed:
            sandbox.start()
        yield sandbox


def _put_folder(folder: Path, written: WrittenExpert, transcript: Transcript) -> None:
    model = written.form.model
    about = {
        "accepted": written.accepted,
        "refusals": list(written.refusals),
        "model": None if model is None else model.model_dump(mode="json"),
        "preferences": [each._asdict() for each in written.preferences],
        "entries": [each._asdict() for each in written.form.entries],
    }
    texts = {ABOUT: json.dumps(about, indent=2) + "\n", TRANSCRIPT: transcript.text()}
    if written.code:
        texts[CODE] = written.code
    with arriving(folder, InputError) as temporary:
        for name, text in texts.items():
            with create(temporary / name) as file:
                file.write(text.encode())
