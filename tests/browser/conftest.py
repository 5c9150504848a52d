"""A headless browser without a network; tests are skipped, with the reason, where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
PATIENCE_MS = 120_000
"""A page is 5 MB of script; on a busy machine that takes its time."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium of the system, driven by playwright.

    Not kept longer than its module: while it is there, an event loop runs in this thread, and no test can start its own.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on the PATH")
    with sync_api.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=found, args=list(FLAGS))
        yield started
        started.close()


class Opened:
    """A page, and everything that it complained about or asked the network for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.requests.append(request.url)


@pytest.fixture(scope="session")
def unfold() -> Callable[[Any, str], Any]:
    """``unfold(page, chart)``: the rows of the table behind a chart, once it has opened and filled itself."""

    def rows(page: Any, chart: str) -> Any:
        details = f'details[data-for="{chart}"]'
        page.locator(f"{details} summary").click()
        page.wait_for_selector(f"{details}[open] tbody tr", state="attached")  # it is filled after it was opened
        return page.locator(f"{details} tbody tr")

    return rows


@pytest.fixture(scope="session")
def drawn() -> Callable[[Any, str], bool]:
    """``drawn(page, chart)``: whether a chart is drawn, or comes to be."""

    def is_drawn(page: Any, chart: str) -> bool:
        page.wait_for_selector(f"#{chart} .main-svg", state="attached")
        return True

    return is_drawn


COVERED = """() => {
  const meet = (a, b) => a.width && b.width && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const found = [];
  for (const chart of document.querySelectorAll(".chart")) {
    const bar = chart.querySelector(".modebar");
    if (!bar) continue;
    const around = chart.closest(".panel").querySelectorAll("h3, p, .controls *, .legend, .cbtitle, .colorbar, .xtitle, .ytitle, .plot");
    for (const other of around) if (meet(bar.getBoundingClientRect(), other.getBoundingClientRect())) found.push(chart.id + ": " + other.getAttribute("class"));
  }
  return found;
}"""
"""What the tool bars of a page's charts lie over."""


@pytest.fixture(scope="session")
def covered() -> Callable[[Any], list[str]]:
    """``covered(page)``: titles, legends, controls and plots that a tool bar lies over when it is shown."""

    def over(page: Any) -> list[str]:
        assert page.locator(".modebar").count() > 0
        return page.evaluate(COVERED)

    return over


@pytest.fixture(scope="session")
def cut() -> Callable[[Any], list[str]]:
    """``cut(page)``: links of the navigation and figures of cards that are not wholly inside of what holds them."""

    def outside(page: Any) -> list[str]:
        return page.evaluate(
            """() => [...document.querySelectorAll("nav.bar a, .card dd, .card span")].filter((own) => {
              const held = own.closest("ul, .card").getBoundingClientRect(), r = own.getBoundingClientRect();
              return r.left < held.left - 1 || r.right > Math.min(held.right, innerWidth) + 1;
            }).map((own) => own.textContent)"""
        )

    return outside


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Opened]]:
    """``opened(path, width, scheme)``: a report that has drawn itself; at the end it must not have complained."""
    contexts: list[Any] = []
    made: list[Opened] = []

    def open_page(path: Path, width: int = 1200, scheme: str = "light") -> Opened:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        own = Opened(context.new_page())
        made.append(own)
        own.page.goto(path.as_uri())
        own.page.wait_for_selector("html[data-ready=yes]", state="attached")
        return own

    yield open_page
    assert [complaint for own in made for complaint in own.complaints] == []
    assert [url for own in made for url in own.requests] == []
    for context in contexts:
        context.close()
