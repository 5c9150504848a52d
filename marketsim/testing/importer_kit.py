"""Contract kit for importers: inherit, name what builds the importer and a source, get the contract tested.

::

    class TestMyImporter(ImporterContract):
        build = staticmethod(my_importer.build)
        params = MyParams()
        source = "data/my_file.csv"

Plain asserts; a test runner collects the ``test_`` methods.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from marketsim.core.build import ImportContext
from marketsim.core.errors import InputError
from marketsim.core.import_rules import imported
from marketsim.core.imported import ImportedScenario
from marketsim.core.params import Params
from marketsim.core.ports import Importer, lacking
from marketsim.core.rule_terms import Call, Sizes


class ImporterContract:
    """What every importer owes to whoever runs what it makes."""

    build: Callable[[Any, ImportContext], Importer]
    params: ClassVar[Params] = Params()
    source: ClassVar[str]
    """Folder, file or name that it reads."""
    context: ClassVar[ImportContext] = ImportContext()

    def read(self) -> ImportedScenario:
        """What it makes of the source, by the rules of the wall."""
        importer = self.build(self.params, self.context)
        return imported(Call(importer, (self.source,), importer.read(self.source), Sizes()))

    def test_it_has_what_its_port_declares(self) -> None:
        """``read`` is all that is called."""
        assert lacking(Importer, self.build(self.params, self.context)) == []

    def test_what_it_returns_keeps_the_rules(self) -> None:
        """Plain file names, sentences that can be printed, finite sums of tables that are there."""
        assert self.read().scenario

    def test_it_says_what_became_of_the_data(self) -> None:
        """Something was taken, and something can be compared with the source."""
        found = self.read()
        assert found.taken
        assert found.quantities

    def test_the_same_source_gives_the_same_bytes(self) -> None:
        """Also by an importer that is built anew."""
        assert self.read() == self.read()

    def test_it_writes_nothing(self) -> None:
        """Neither into the source nor beside it: the program writes."""
        before = _files(self.source)
        self.read()
        assert _files(self.source) == before

    def test_a_source_that_is_not_there_is_refused(self) -> None:
        """By an InputError, which says so, and by no other error."""
        refused = False
        with TemporaryDirectory() as folder:
            try:
                self.build(self.params, self.context).read(str(Path(folder) / "nothing"))
            except InputError:
                refused = True
        assert refused, "it made something of nothing"


def _files(source: str) -> dict[str, tuple[int, int]]:
    """Size and time of every file beside and below a source; none where it is a name."""
    path = Path(source)
    if not path.exists():
        return {}
    below = path.rglob("*") if path.is_dir() else ()
    beside = path.resolve().parent.iterdir()
    stats = {str(each): each.lstat() for each in (*below, *beside)}
    return {name: (found.st_size, found.st_mtime_ns) for name, found in stats.items()}
