"""Folders of trainings: their manifests, and the policies that they ended with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import MIB, demand_regular
from marketsim.results import manifests
from marketsim.results.folder import MANIFEST, SCENARIO, SUMMARY, format_of
from marketsim.results.json_checks import read_object, seen
from marketsim.results.session import FolderKind

TRAINING_FORMAT: Final = "marketsim training 1"
"""What the manifest of a training must say to be ours."""
TRAINING: Final = FolderKind(
    "a training", TRAINING_FORMAT, manifests.MANIFEST, folders=("tensorboard", "checkpoints"), begins_with=(SCENARIO,)
)
_LARGEST: Final = 2048 * MIB
"""Bytes of policies that are read."""


def is_training(folder: Path) -> bool:
    """Whether there is a training in a folder; RunFolderError for a damaged manifest."""
    return format_of(folder) == TRAINING_FORMAT


def read_training(folder: Path) -> dict[str, Any]:
    """Manifest of a training; RunFolderError where there is none."""
    if not folder.is_dir() or not is_training(folder):
        hint = "name the folder that 'marketsim train' printed"
        raise RunFolderError([Problem("there is no training in this folder", file=str(folder), hint=hint)])
    return read_object(folder / MANIFEST, manifests.MANIFEST)


def trained_checkpoint(folder: Path) -> Path:
    """The policies that a training ended with, a file of its folder; RunFolderError where its summary names none."""
    name: str = read_object(folder / SUMMARY, manifests.TRAINED)["checkpoint"]
    if Path(name).name != name:
        message = "must name a file of the training's folder"
        raise RunFolderError([Problem(message, "checkpoint", seen(name), file=str(folder / SUMMARY))])
    demand_regular(folder / name, _LARGEST, RunFolderError, links=False)
    return folder / name
