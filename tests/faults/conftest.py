"""What tests of faults share."""

from __future__ import annotations

from typing import Any

import pytest

from marketsim.core import slot


@pytest.fixture
def inventing_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program itself has the first fleet give a megawatt-hour too much in every slot, which breaks a law."""
    execute = slot.execute

    def overdriven(*arguments: Any) -> Any:
        done = execute(*arguments)
        done.device_wh[0, 0] += 10**6
        return done

    monkeypatch.setattr(slot, "execute", overdriven)
