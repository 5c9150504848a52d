"""The pages as a site: every page has its place, every link and anchor leads somewhere, nothing comes from elsewhere."""

from __future__ import annotations

import importlib.util
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def pages_in(nav):
    """Files named in a navigation, at any depth."""
    for entry in nav:
        for value in entry.values():
            yield from pages_in(value) if isinstance(value, list) else [value]


class Links(HTMLParser):
    """What a page loads and where it leads."""

    def __init__(self):
        super().__init__()
        self.loads, self.links = [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag in ("script", "img") and "src" in found:
            self.loads.append(found["src"])
        elif tag == "link" and "href" in found:
            self.loads.append(found["href"])
        elif tag == "a" and "href" in found:
            self.links.append(found["href"])


def links_of(page):
    parser = Links()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; strict, so that any warning of mkdocs is an error."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed (extra docs)")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    return folder


def test_every_page_has_its_place_in_the_navigation():
    named = list(pages_in(SITE["nav"]))
    assert sorted(named) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_the_start_leads_to_every_page():
    """Whoever opens the index finds each page by what it is good for."""
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert {f"({name})" for name in pages_in(SITE["nav"]) if name != "index.md"} <= set(
        re.findall(r"\(\w[\w-]*\.md\)", text)
    )


def test_the_site_builds_without_a_warning(site):
    assert {path.stem for path in site.glob("*.html")} >= {path.stem for path in (ROOT / "docs").glob("*.md")}


def test_links_of_the_site_lead_somewhere(site):
    """Scenarios that a page shows are part of it; anchors exist."""
    for page in sorted(set(site.glob("*.html")) - {site / "404.html"}):  # whose links start at the server's root
        for link in links_of(page).links:
            target, _, anchor = link.partition("#")
            if re.match(r"\w+:", link) or link in ("#", ""):
                continue
            found = page if not target else (page.parent / target)
            assert found.exists(), f"{page.name}: {link}"
            if anchor and found.suffix == ".html":
                assert f'id="{anchor}"' in found.read_text(encoding="utf-8"), f"{page.name}: {link}"


def test_the_site_loads_nothing_from_elsewhere(site):
    for page in site.glob("*.html"):
        assert [each for each in links_of(page).loads if re.match(r"(https?:)?//", each)] == []


def test_files_of_the_tutorial_are_named_blocks(site):
    """A title of a block is no Markdown; without the hook the fence would stand in the text."""
    text = (site / "tutorial.html").read_text(encoding="utf-8")
    assert "```" not in text
    assert '<code>street.yaml</code>:</p>\n<pre><code class="language-yaml">name: street' in text


def hooks():
    spec = importlib.util.spec_from_file_location("mkdocs_hooks", ROOT / "docs" / "mkdocs_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("markdown", "made"),
    [
        ('```python title="a.py"\nx\n```\n', "`a.py`:\n\n```python\nx\n```\n"),
        ('See `a.py`:\n\n```python title="a.py"\nx\n```\n', "See `a.py`:\n\n```python\nx\n```\n"),
        ('See `b`:\n\n```python title="a.py"\nx\n```\n', "See `b`:\n\n`a.py`:\n\n```python\nx\n```\n"),
        ("```python\nx\n```\n", "```python\nx\n```\n"),
        ("[a](../scenarios/pilot.yaml)", "[a](scenarios/pilot.yaml)"),
        ("[a](gate.md#modes)", "[a](gate.md#modes)"),
    ],
)
def test_what_the_hook_changes(markdown, made):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed (extra docs)")
    assert hooks().on_page_markdown(markdown) == made
