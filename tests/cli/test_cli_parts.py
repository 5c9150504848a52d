"""``plugins``, ``schema`` and ``doctor``."""

from __future__ import annotations

import json
import re

import pytest

from marketsim.builtin import built_in_registry

ENGINES = """\
kind    name                 what it is                                                                                      from
engine  double_auction       continuous double auction, price-time priority                                                  marketsim
engine  call_auction         periodic call auction, uniform price or pay-as-bid                                              marketsim
engine  huang                truthful double auction for kWh (Huang, Scheller-Wolf and Sycara 2002)                          marketsim
engine  mid_market_rate      everything at the middle of the tariffs                                                         marketsim
engine  supply_demand_ratio  price by the ratio of supply to demand (Liu et al. 2017)                                        marketsim
engine  pro_rata             one pool at the midpoint, shared in proportion                                                  marketsim
engine  equity_pool          one pool at one price; what is scarce goes by weights of members, by income or by bills so far  marketsim
engine  central_optimum      most gains under the AC limits, by a planner who knows all limit prices; a yardstick            marketsim
"""
FLAT = """\
tariff flat (from marketsim)
  one retail and one feed-in price
  retail: number >= -1000 and <= 1000, default 0.3
      What the utility takes for energy [currency/kWh]; negative: it pays.
  feed_in: number >= -1000 and <= 1000, default 0.08
      What the utility pays for energy [currency/kWh]; not above ``retail``; negative: it takes, and PV is curtailed.
"""


def trimmed(text: str) -> str:
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def test_the_list_of_a_kind(cli):
    ended = cli("plugins", "list", "--kind", "engine")
    assert (ended.code, trimmed(ended.out), ended.err) == (0, ENGINES, "")


def test_the_whole_list_names_every_part(cli):
    """As a table and as JSON, each built-in part with its kind, one line of text and its source."""
    rows = json.loads(cli("plugins", "list", "--json").out)
    registry = built_in_registry()
    for entry in registry.entries(None):
        assert {"kind": entry.kind, "name": entry.name, "summary": entry.summary, "source": "marketsim"} in rows
    assert len(cli("plugins", "list").out.splitlines()) == len(rows) + 1


def test_a_part_shows_its_parameters_with_units_and_defaults(cli):
    ended = cli("plugins", "show", "flat", "--kind", "tariff")
    assert (ended.code, ended.out[: len(FLAT)], ended.err) == (0, FLAT, "")


@pytest.mark.parametrize("entry", built_in_registry().entries(None), ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_every_part_can_be_shown_and_documents_every_parameter(cli, entry):
    """Each parameter has a text of its own below it."""
    ended = cli("plugins", "show", entry.name, "--kind", entry.kind)
    assert (ended.code, ended.err) == (0, "")
    head, summary, *rest = ended.out.splitlines()
    assert head == f"{entry.kind} {entry.name} (from marketsim)"
    assert summary == f"  {entry.summary}"
    fields = [row for row, line in enumerate(rest) if not line.startswith("   ")]
    assert len(fields) == len(built_in_registry().params(entry.kind, entry.name).model_fields)
    assert all(rest[row + 1].startswith("      ") for row in fields)


def test_a_name_of_several_kinds_shows_all_of_them(cli):
    out = cli("plugins", "show", "flat").out
    assert "tariff flat (from marketsim)" in out
    assert "charges flat (from marketsim)" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "zap"], "error: there is no part named 'zap'; did you mean 'zip'?\n"),
        (["show", "quux"], "error: there is no part named 'quux'; see marketsim plugins list\n"),
        (["show", "zip", "--kind", "engine"], "error: there is no part named 'zip'"),
        (["list", "--kind", "engin"], "error: there is no kind of part 'engin'\n"),
    ],
)
def test_parts_that_do_not_exist(cli, arguments, message):
    ended = cli("plugins", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(message)


def test_the_schema_is_json_that_knows_every_scenario(cli, all_shipped):
    """Draft 2020-12; all its references lead somewhere, and every section of a shipped scenario is a property."""
    ended = cli("schema")
    schema = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    refs = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', ended.out))
    assert refs
    assert refs <= set(schema["$defs"])
    for path in all_shipped:
        keys = set(re.findall(r"^(\w+):", path.read_text("utf-8"), re.MULTILINE))
        assert keys <= set(schema["properties"]), path


def test_doctor_tells_a_program_what_is_installed(cli, monkeypatch):
    """Versions, the folder of compiled kernels, and whether Ollama answers; it never fails for what is optional."""
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    ended = cli("doctor", "--json")
    found = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert set(found) == {"python", "platform", "packages", "kernel_cache", "ollama"}
    assert found["packages"]["numpy"][0].isdigit()
    assert found["ollama"]["host"] == "http://127.0.0.1:9"
    assert found["ollama"]["version"] is None
    assert "refused" in found["ollama"]["error"]
    assert found["ollama"]["models"] == []


def test_doctor_fails_where_something_needed_is_missing(cli, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.setattr("marketsim.cli.doctor._NEEDED", ("numpy", "no-such-package"))
    monkeypatch.setattr("marketsim.cli.doctor._OPTIONAL", {"torch2": "learn"})
    ended = cli("doctor")
    assert ended.code == 1
    rows = {line.split()[0]: line for line in ended.out.splitlines() if line.strip()}
    assert "needed: pip install marketsim" in rows["no-such-package"]
    assert "optional: pip install 'marketsim[learn]'" in rows["torch2"]
