"""What the page of a study takes from its scenario, which is looked at as a stranger's."""

from __future__ import annotations

import marketsim as ms
from marketsim.analysis.studies.folder import open_study
from marketsim.report.study_page import StudyContent


def test_agents_that_the_feeder_places_cost_no_limits(village, tmp_path):
    """A study's scenario stands as it was written: ``buses: loads`` needs the feeder's table, which looking may load."""
    agents = [{"kind": "prosumer", "count": 2, "buses": "loads", "pv_kw": 5, "load": {"peak_kw": "feeder"}}]
    scenario = village(agents, clock={"start": "2016-04-12", "slots": 2, "slot_minutes": 720})
    ms.whatif(ms.load_scenario(scenario), {"profiles.pv_scale": [1, 2]}, out=tmp_path / "study", workers=1)
    content = StudyContent(open_study(tmp_path / "study"))
    assert content.built is not None
    assert content.built.grid is not None
