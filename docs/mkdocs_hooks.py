"""What mkdocs does to the pages, which are written to be read in the repository as well.

Code blocks that are files (``title="name"``) get their name as a line above them, and files outside of this folder to which
a page links become part of the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).resolve().parents[1]
_TITLED = re.compile(r"(?P<before>`[^`\n]+`:\n\n)?^```(?P<language>\w+) title=\"(?P<name>[^\"]+)\"$", re.MULTILINE)
_OUTSIDE = re.compile(r"\]\(\.\./([\w./-]+)\)")


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add the files to which pages link beyond their folder; mkdocs warns of those that do not exist."""
    for page in list(files.documentation_pages()):
        for name in _OUTSIDE.findall(page.content_string):
            if (_ROOT / name).is_file() and files.get_file_from_path(name) is None:
                files.append(File.generated(config, name, content=(_ROOT / name).read_bytes()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Names of files above their blocks, and links that lead to the files that were added."""
    titled = _TITLED.sub(_named, markdown)
    return _OUTSIDE.sub(lambda found: f"]({found[1]})", titled)


def _named(found: re.Match[str]) -> str:
    """A block with the name of its file above it, unless the text before it ends with that name."""
    own, before = f"`{found['name']}`:\n\n", found["before"] or ""
    return f"{before if before == own else before + own}```{found['language']}"
