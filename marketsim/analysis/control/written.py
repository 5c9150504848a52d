"""Arms of experts that were written from words, and of their clones: may they replace the reviewed ones?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.analysis.control.arms import CLONING, CURVE, LEARNED_FROM, PLAYED, ControlArm
from marketsim.core.build import OPEN
from marketsim.core.errors import InputError, Problem
from marketsim.experts.written.files import ABOUT, read_written

LIBRARY: Final = "library"


class WrittenFolder(NamedTuple):
    """A folder with the folder of an expert for each agent or group, as ``marketsim expert write --out`` leaves them."""

    name: str
    experts: Mapping[str, str]
    """Folder of each that was accepted."""
    refused: Mapping[str, str]
    """Why the others were not."""


def written_folder(path: Path) -> WrittenFolder:
    """What a folder has; InputError where none of its experts was accepted, or where its name is no name of an arm."""
    name, found = path.resolve().name, sorted(each.parent for each in path.glob(f"*/{ABOUT}"))
    if not name.isidentifier() or name == LIBRARY:
        what = "the folder's name becomes that of an arm: letters, digits and underscores, and not library"
        raise InputError([Problem(what, value=repr(name), file=str(path))])
    experts, refused = dict[str, str](), dict[str, str]()
    for each in found:
        try:
            read_written(OPEN, str(each.resolve()), each.name)
        except InputError as error:
            refused[each.name] = error.problems[0].message
        else:
            experts[each.name] = str(each.resolve())
    if not experts:
        why = (
            "; ".join(f"{name}: {reason}" for name, reason in refused.items()) or f"there is no folder with an {ABOUT}"
        )
        raise InputError([Problem(f"no expert in this folder can be used: {why}", file=str(path))])
    return WrittenFolder(name, experts, refused)


def library_arms() -> tuple[ControlArm, ...]:
    """Experts of reviewed blocks for the devices that there are, and their clones."""
    return _arms(LIBRARY, {}, "experts put together of reviewed blocks")


def written_arms(folders: Sequence[WrittenFolder]) -> tuple[ControlArm, ...]:
    """The experts of each folder and their clones; agents whose expert was not accepted are at rest."""
    return tuple(
        arm
        for each in folders
        for arm in _arms(each.name, {"experts": dict(each.experts), "others": "rest"}, f"the experts in {each.name}")
    )


def _arms(name: str, params: Mapping[str, Any], text: str) -> tuple[ControlArm, ControlArm]:
    expert = {"expert": {"written": params}}
    return (
        ControlArm(name, f"{text}, stacked; inverters by their curve", changes={**CURVE, **PLAYED, **expert}),
        ControlArm(
            f"{LEARNED_FROM}{name}", f"clones of {text}", learner="cloning", params=CLONING, changes=expert, left=True
        ),
    )
