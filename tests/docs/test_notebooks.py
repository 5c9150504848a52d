"""Notebooks in the docs: kept without outputs, and run cell by cell as they stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(notebook: Path) -> list[dict[str, Any]]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


def source_of(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@each_notebook
def test_a_notebook_is_kept_without_outputs(notebook):
    """So that a change of it is one of its text, and nothing of anybody's machine is in it."""
    whole = json.loads(notebook.read_text(encoding="utf-8"))
    assert (whole["nbformat"], whole["metadata"]["kernelspec"]["language"]) == (4, "python")
    assert len({cell["id"] for cell in whole["cells"]}) == len(whole["cells"])
    for cell in whole["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)


@each_notebook
def test_the_code_of_a_notebook_is_plain_python(notebook):
    """Without magics and shell lines, so that it runs in any kernel and as a script."""
    for cell in cells_of(notebook):
        if cell["cell_type"] == "code":
            compile(source_of(cell), notebook.name, "exec")


def test_the_pages_lead_to_every_notebook():
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert [path.name for path in NOTEBOOKS if f"(notebooks/{path.name})" not in text] == []


@pytest.mark.nightly
@each_notebook
def test_a_notebook_runs_from_its_first_cell_to_its_last(notebook, tmp_path, monkeypatch):
    """In one namespace; the last line of a cell has a representation that is short enough to be shown."""
    import ast

    folder = tmp_path / "docs" / "notebooks"
    folder.mkdir(parents=True)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(folder)
    namespace: dict[str, Any] = {}
    for cell in cells_of(notebook):
        if cell["cell_type"] != "code":
            continue
        body = ast.parse(source_of(cell)).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), notebook.name, "exec"), namespace)
        if last is not None:
            shown = eval(compile(ast.Expression(last.value), notebook.name, "eval"), namespace)
            as_html = getattr(shown, "_repr_html_", lambda shown=shown: None)()
            assert len(as_html or repr(shown)) < 20_000, source_of(cell)
