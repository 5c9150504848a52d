"""Preferences in words: lines of a description that begin with ``wish:``, each made a soft constraint (``preferences.py``)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol, get_args

from marketsim.core.language_model import Failure
from marketsim.core.plain_text import plain
from marketsim.experts.model import ProsumerModel
from marketsim.experts.preferences import WISHES, Preference, WishedQuantity
from marketsim.experts.workflow.asking import asked, read_by
from marketsim.experts.workflow.form import FormRefusal
from marketsim.experts.workflow.quantities import quantities
from marketsim.llm.interviewer import Interviewer
from marketsim.llm.question import Question

KIND: Final = "marketsim wish 1"
_LINE: Final = re.compile(r"^\s*(?:[-*•]\s*)?(?:wish|preference)\s*:\s*(.*)$", re.IGNORECASE)
_HOUR: Final = re.compile(
    r"\b(?:(?P<hour>\d{1,2})(?::(?P<minute>[0-5]\d)|\s*(?P<half>am|pm|a\.m\.|p\.m\.)|\s*(?:h|o'clock)\b)|(?P<word>midnight|noon))",
    re.IGNORECASE,
)
_NONE: Final = re.compile(r"\b(?:never|no|not|off|none|nothing|without)\b", re.IGNORECASE)
_NEEDS: Final = {"stored_kwh": "battery", "generator_kw": "generator", "curtailed_kw": "curtailable"}
_RULES: Final[tuple[tuple[WishedQuantity, str], ...]] = (
    ("stored_kwh", r"batter|stor|reserve|charged"),
    ("generator_kw", r"generator|genset|engine|chp|diesel"),
    ("curtailed_kw", r"curtail|shed|unserved"),
    ("export_kw", r"export|feed|fed in|sell"),
    ("import_kw", r"import|draw|buy|grid"),
)
_SYSTEM: Final = (
    "You read one wish of an electricity prosumer. The question is JSON with wish. Answer with one JSON object. quantity: what "
    f"the wish limits, one of {json.dumps(WISHES)}. number: the limit as it stands in the wish, unconverted; 0 if it wants none. "
    "from_hour and to_hour: hours of the day from and until which it is wanted, 0 and 24 if always."
)
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "quantity": {"type": "string", "enum": list(WISHES)},
        "number": {"type": "number"},
        "from_hour": {"type": "integer", "minimum": 0, "maximum": 24},
        "to_hour": {"type": "integer", "minimum": 0, "maximum": 24},
    },
    "required": ["quantity", "number", "from_hour", "to_hour"],
    "additionalProperties": False,
}


class WishFinding(NamedTuple):
    """What a reader says that a wish is about."""

    quantity: WishedQuantity
    number: float
    from_hour: float
    to_hour: float


class WishReader(Protocol):
    """Whoever reads wishes; None: it is none that there is. Failure where there is no answer."""

    def wish(self, text: str) -> WishFinding | None:
        """The wish of a line."""
        ...


def split_wishes(text: str) -> tuple[str, dict[int, str]]:
    """A description with its wishes taken out, and these by line; the lines that are left keep their numbers."""
    lines, wishes = text.split("\n"), dict[int, str]()
    for number, line in enumerate(lines, 1):
        if found := _LINE.match(line):
            wishes[number], lines[number - 1] = found[1].strip(), ""
    return "\n".join(lines), wishes


def read_wishes(
    wishes: Mapping[int, str], model: ProsumerModel, reader: WishReader
) -> tuple[list[Preference], list[FormRefusal]]:
    """The preferences of wishes by line, or why they are none."""
    found, refusals = list[Preference](), list[FormRefusal]()
    for line, text in wishes.items():
        try:
            found.append(_preference(text, model, reader.wish(text)))
        except (ValueError, Failure) as error:
            refusals.append(FormRefusal(line, "wish", str(error)))
    return found, refusals


def _preference(text: str, model: ProsumerModel, finding: WishFinding | None) -> Preference:
    """The preference of a wish; ValueError where the line does not bear it out."""
    if finding is None:
        raise ValueError(f"{plain(text, 80)!r} is no wish about {', '.join(WISHES)}")
    need = _NEEDS.get(finding.quantity)
    if need is not None and getattr(model, need) is None:
        raise ValueError(f"a wish about {finding.quantity}, and there is no {need}")
    hours = {*hours_in(text), 0.0, 24.0}
    if not {finding.from_hour, finding.to_hour} <= hours:
        raise ValueError(f"the hours {finding.from_hour:g} to {finding.to_hour:g} do not stand in it")
    return Preference(finding.quantity, _limit(text, model, finding), finding.from_hour, finding.to_hour)


def _limit(text: str, model: ProsumerModel, finding: WishFinding) -> float:
    """In kWh or kW; a share of the battery is one of its capacity."""
    if finding.number == 0.0 and _NONE.search(text):
        return 0.0
    dimension = "energy" if finding.quantity == "stored_kwh" else "power"
    same = [each for each in quantities(text) if math.isclose(each.written, finding.number)]
    for each in same:
        if each.dimension == dimension:
            return each.value
        if each.dimension == "share" and dimension == "energy" and model.battery is not None and each.value <= 1.0:
            return each.value * model.battery.energy_kwh
    unit = "kWh or %" if dimension == "energy" else "kW"
    raise ValueError(f"the number {finding.number:g} does not stand in it with the unit {unit}")


def hours_in(text: str) -> list[float]:
    """Hours of the day that a text names: 18:00, 6 pm, 22 h, midnight."""
    found = []
    for each in _HOUR.finditer(text):
        if each["word"]:
            found.append(12.0 if each["word"].lower() == "noon" else 24.0)
            continue
        hour, half = int(each["hour"]), (each["half"] or "").lower()
        hour = hour % 12 + (12 if half.startswith("p") else 0) if half else hour
        found.append(hour + int(each["minute"] or 0) / 60.0)
    return [hour for hour in found if hour <= 24.0]


class WordWishes:
    """Port ``WishReader``, by rules."""

    def wish(self, text: str) -> WishFinding | None:
        """The first quantity that a word of the line names, its first number with a unit, and its hours."""
        about = next((name for name, pattern in _RULES if re.search(pattern, text, re.IGNORECASE)), None)
        if about is None:
            return None
        numbers = [each.written for each in quantities(text) if each.dimension in ("energy", "power", "share")]
        if not numbers and not _NONE.search(text):
            return None
        span = _span(text)
        return None if span is None else WishFinding(about, numbers[0] if numbers else 0.0, *span)


def _span(text: str) -> tuple[float, float] | None:
    """From and until which hour; None where one hour stands alone and no word says which of both it is."""
    hours = hours_in(text)
    if len(hours) != 1:
        return (hours[0] % 24.0, hours[1]) if hours else (0.0, 24.0)
    word = re.search(r"(\w+)\s+$", text[: next(_HOUR.finditer(text)).start()])
    side = "" if word is None else word[1].lower()
    if side in ("after", "from", "since"):
        return hours[0] % 24.0, 24.0
    return (0.0, hours[0]) if side in ("before", "until", "till", "by") else None


class ModelWishes:
    """Port ``WishReader``, by a language model."""

    def __init__(self, interviewer: Interviewer) -> None:
        self.interviewer = interviewer

    def wish(self, text: str) -> WishFinding | None:
        """See the port."""
        said = json.dumps({"wish": text}, ensure_ascii=False)
        messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": said}]
        return asked(
            self.interviewer, Question(KIND, messages, _FORM, read_by(_found), lambda own: own._asdict(), _found)
        )


def _found(kept: Mapping[str, Any]) -> WishFinding:
    about = next((name for name in get_args(WishedQuantity) if name == kept.get("quantity")), None)
    if about is None:
        raise ValueError("quantity is none of those that there are")
    numbers: list[Any] = [kept.get(name) for name in WishFinding._fields[1:]]
    if not all(
        isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each) for each in numbers
    ):
        raise ValueError("a number is none")
    return WishFinding(about, *(float(each) for each in numbers))
