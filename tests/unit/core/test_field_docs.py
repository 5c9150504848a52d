"""What stands below a field is its description wherever fields are told, and nothing where there is no source."""

from __future__ import annotations

from marketsim.core.field_docs import field_docs
from marketsim.core.params import Params


class Base(Params):
    """A model."""

    power_kw: float = 1.0
    """Rating [kW]."""
    bare: int = 0
    kept: int = 0
    """Of the base."""


class Derived(Base):
    """A model of its own."""

    kept: int = 1
    """Of the derived
    class."""


def test_texts_below_fields_are_found_and_those_of_a_base_are_inherited() -> None:
    assert field_docs(Derived) == {"power_kw": "Rating [kW].", "kept": "Of the derived\nclass."}


def test_the_schema_tells_them() -> None:
    told = Derived.model_json_schema()["properties"]
    assert {name: item.get("description") for name, item in told.items()} == {
        "power_kw": "Rating [kW].",
        "bare": None,
        "kept": "Of the derived\nclass.",
    }


def test_a_class_without_a_file_has_none() -> None:
    made: dict = {}
    exec("from marketsim.core.params import Params\nclass Made(Params):\n    x: int = 1\n    '''text'''\n", made)
    assert field_docs(made["Made"]) == {}
