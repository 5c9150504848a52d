"""Calls into pandapower without its log and its warnings, about which the user of a scenario can do nothing."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def quiet_pandapower() -> Iterator[None]:
    """Hold back what pandapower logs below an error, and the warnings it raises; errors pass."""
    logger = logging.getLogger("pandapower")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
            yield
    finally:
        logger.setLevel(level)
