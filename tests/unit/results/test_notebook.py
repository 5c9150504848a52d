"""What objects show in a notebook."""

from __future__ import annotations

from html.parser import HTMLParser

from marketsim.results.notebook import html, html_table
from marketsim.results.reader import RunViews

HOSTILE = "<img src=x onerror=alert(1)>\x1b[2J"


class Elements(HTMLParser):
    """Names of the elements of a text, opened and closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_names_are_text_and_elements_are_closed():
    """Markup and escapes of a stranger stand as letters."""
    text = html(HOSTILE, [("folder", HOSTILE)], html_table(("", "a"), [(HOSTILE, HOSTILE)]))
    elements = Elements(text)
    assert elements.open == []
    assert "img" not in elements.opened
    assert "\x1b" not in text


def test_a_run_shows_its_status_and_its_main_kpis(small, tmp_path):
    """In a line for a terminal, in a table for a notebook; by whoever knows what the KPIs are called."""
    views = RunViews(headline=lambda summary, currency: [("Mean price", "0.19", f"{currency}/kWh", "-", "")])
    run = small.fill(small.writer(tmp_path / "run")).finish({"slots": 16}, views)
    assert repr(run) == f"<Run (seed 1): complete, 16 slots, {tmp_path / 'run'}>"
    shown = run._repr_html_()
    assert "Mean price" in shown
    assert "currency/kWh" in shown
    assert Elements(shown).open == []


def test_a_run_without_an_end_shows_how_far_it_came(small, tmp_path):
    from marketsim.results.reader import open_run

    try:
        small.break_off(tmp_path / "run", 8, KeyboardInterrupt())
    except KeyboardInterrupt:
        run = open_run(tmp_path / "run")
    assert "interrupted, 8 slots" in repr(run)
    assert "interrupted" in run._repr_html_()
