"""What the manifests of runs, studies and trainings have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketsim.results.folder import (
    COMPLETE,
    FAILED,
    INTERRUPTED,
    RUNNING,
    begun,
    ended,
    ending_of,
    identity,
    now_text,
    refusal,
    status,
)


def test_what_begins_names_its_process():
    """So that it counts as interrupted when that process is gone, and as running until then."""
    manifest = begun("marketsim thing 1")
    assert manifest["format"] == "marketsim thing 1"
    assert manifest.items() >= identity().items()
    assert status(manifest) == RUNNING
    assert status({**manifest, "pid": 2**22 + 1}) == INTERRUPTED


def test_what_has_ended_names_no_process():
    """It keeps everything else, the time of its beginning included, and changes no manifest in place."""
    manifest = {**begun("f"), "seed": 3}
    found = ended(manifest, COMPLETE)
    assert status(found) == COMPLETE
    assert not set(identity()) & set(found)
    assert (found["seed"], found["started"], found["format"]) == (3, manifest["started"], "f")
    assert set(identity()) < set(manifest)
    assert found["finished"] >= found["started"]


@pytest.mark.parametrize(
    ("error", "reached"),
    [(None, COMPLETE), (KeyboardInterrupt(), INTERRUPTED), (ValueError(), FAILED), (SystemExit(), FAILED)],
)
def test_how_it_ended_follows_from_the_error(error, reached):
    assert ending_of(error) == reached


def test_times_are_in_utc_with_milliseconds():
    """Read back, they are now."""
    text = now_text()
    assert text.endswith("+00:00")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()) < 60.0
    assert len(text.split(".")[1]) == len("123+00:00")


def test_a_refusal_says_where_and_what_to_do():
    assert str(refusal(Path("here"), "the folder is not empty", "choose another --out")) == (
        "here: the folder is not empty\n    choose another out"
    )
