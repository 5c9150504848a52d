"""A small run that every test of results can write."""

import pytest

from marketsim.core.metric import Kpi
from marketsim.results.table_columns import ElementNames, TableLayout
from marketsim.results.writer import RunWriter
from marketsim.testing.random_records import random_records
from marketsim.testing.worlds import clock, community

KPIS = (Kpi("ftg", "-", "A score."), Kpi("p2p_wh", "Wh", "An energy.", int))
NAMES = ElementNames(("bus0", "bus1", "bus2"), ("line0", "line1"), ("a0", "a1", "a2"), ("head",))


class SmallRun:
    """Two days of eight slots, six agents, one fleet, three buses."""

    layout = TableLayout(community(6), 8, ("battery",), KPIS, (NAMES,), voltages=True)

    def __init__(self, days=2):
        self.clock = clock(8 * days, 180)
        self.records = list(random_records(self.layout.community, self.clock, n_devices=1, n_nodes=3))

    def writer(self, folder, **options):
        return RunWriter(folder, self.layout, manifest={"seed": 1}, scenario_text="name: small\n", **options)

    def fill(self, writer, slots=None):
        for slot, record in enumerate(self.records[:slots]):
            writer.add(record, {"ftg": None if slot % 3 == 0 else slot / 16, "p2p_wh": slot})
        return writer

    def break_off(self, folder, slots, error):
        """A run that ``error`` ends after ``slots`` slots."""
        with self.writer(folder) as writer:
            self.fill(writer, slots)
            raise error

    def write(self, folder, **options):
        return self.fill(self.writer(folder, **options)).finish({"slots": len(self.records), "mean_price": None})


@pytest.fixture
def small():
    return SmallRun()
