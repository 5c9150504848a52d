"""Cold processes: ``--help``, ``validate``, and a whole run with warm and with empty caches."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from marketsim.analysis.bench.rows import BenchFailed, BenchRow, median_s, once_s
from marketsim.analysis.bench.runs import IEEE141


def _call(*arguments: str, **environment: str) -> None:
    command = [sys.executable, "-m", "marketsim", *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"marketsim {' '.join(arguments)} failed: {done.stderr}")


def rows() -> list[BenchRow]:
    """Wall times of whole processes."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "bench141.yaml"
        scenario.write_text(yaml.safe_dump(dict(IEEE141), sort_keys=False), encoding="utf-8")
        run = ("run", str(scenario), "--quiet", "--force", "--out", str(Path(folder) / "run"))
        first_s = once_s(lambda: _call(*run, MARKETSIM_CACHE_DIR=str(Path(folder) / "cache")))
        warm_s = median_s(lambda: _call(*run), 3)
        help_s = median_s(lambda: _call("--help"), 3)
        validate_s = median_s(lambda: _call("validate", str(scenario)), 3)
    return [
        BenchRow("marketsim --help", help_s, "s", 0.3, None, False, "cold process"),
        BenchRow("marketsim validate", validate_s, "s", 1.5, None, False, "cold process"),
        BenchRow("marketsim run, caches warm", warm_s, "s", 5, 3, False, "whole process, day of ieee141's prosumers"),
        BenchRow("marketsim run, first ever", first_s, "s", 30, 20, False, "whole process, kernels compiled"),
    ]
