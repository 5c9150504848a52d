"""The page on experts from words shows the description that ships, and counts what there is."""

import runpy
from pathlib import Path

from marketsim.experts.sandbox.syscalls import WITHOUT_CODE, X86_64

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "expert-workflow.md").read_text(encoding="utf-8")
HOSTILE = runpy.run_path(str(ROOT / "tests" / "unit" / "experts" / "workflow" / "test_sandbox_hostile.py"))


def test_the_description_on_the_page_is_the_one_that_ships():
    assert f"<!-- words -->\n```text\n{(ROOT / 'scenarios' / 'energy-hub.txt').read_text(encoding='utf-8')}```" in PAGE


def test_the_page_counts_snippets_and_calls_as_they_are():
    assert f"{len(HOSTILE['HOSTILE']) + len(HOSTILE['WORSE'])} hostile snippets are tests" in PAGE
    assert f"a closed list of {len(X86_64) + len(WITHOUT_CODE)} system calls" in PAGE
