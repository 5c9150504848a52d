"""Plans of days in a folder, so that trainings which meet the same day of the same community plan it once between them."""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core import files
from marketsim.core.expert import Plan
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import Prosumers
from marketsim.scenario.dump import document

_NUMBERS: Final = ("objective", "seconds", "solves", "outside")
_LOG = logging.getLogger("marketsim.expert")


class KeptPlans:
    """Plans by the digest of all that they depend on: expert, prosumers, feeder, and the view of the day.

    A file that cannot be read counts as absent: the day is planned again. Nothing is ever changed but by whole files, so
    several processes may share a folder.
    """

    def __init__(self, folder: Path, ready: ReadyScenario, own: Prosumers) -> None:
        """``own``: the prosumers that are planned; RunError where there can be no such folder."""
        files.make_folder(folder)
        whole = document(ready.model, ready.agents)
        text = json.dumps({key: whole.get(key) for key in ("expert", "grid", "agents")}, sort_keys=True)
        sizes = b"".join(np.asarray(column).tobytes() for column in own)
        self._folder, self._about = folder, hashlib.sha256(text.encode() + sizes).digest()

    def known(self, view: bytes, make: Callable[[], Plan]) -> Plan:
        """The plan of a view with this digest: from its file, or made now and written."""
        path = self._folder / f"{hashlib.sha256(self._about + view).hexdigest()}.npz"
        found = _read(path)
        if found is None:
            found = make()
            files.replace(path, lambda file: _write(file, found), durable=False)
        return found


def _write(file: IO[bytes], plan: Plan) -> None:
    numbers: dict[str, Any] = {name: np.array(getattr(plan, name)) for name in _NUMBERS}
    numbers |= plan.setpoints._asdict()
    np.savez(file, stored_kwh=plan.stored_kwh, status=np.array(plan.status), **numbers)


def _read(path: Path) -> Plan | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            points = Setpoints(*(found[name] for name in Setpoints._fields))
            return Plan(
                setpoints=points,
                stored_kwh=found["stored_kwh"],
                status=str(found["status"]),
                objective=float(found["objective"]),
                seconds=float(found["seconds"]),
                solves=int(found["solves"]),
                outside=int(found["outside"]),
            )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _LOG.warning("the plan %s cannot be read (%s): this day is planned again", path, error)
        return None
