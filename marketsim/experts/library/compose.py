"""Puts a reviewed expert together for a model: one block for each device that it has, its numbers filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from marketsim.experts.library import blocks
from marketsim.experts.model import BatteryModel, CurtailableModel, GeneratorModel, ProsumerModel, TerminalModel
from marketsim.experts.preferences import Preference

_MISSED: Final = {
    "stored_kwh": "{limit} - stored[:-1]",
    "generator_kw": "generator_kw - {limit}",
    "curtailed_kw": "curtailed_kw - {limit}",
    "import_kw": "buy - {limit}",
    "export_kw": "sell - {limit}",
}
_NEEDS: Final = {"stored_kwh": "battery", "generator_kw": "generator", "curtailed_kw": "curtailable"}


def devices_of(model: ProsumerModel) -> tuple[str, ...]:
    """What a model has: the blocks that its expert is made of, in their order."""
    has = {
        "pv": model.pv_kw > 0,
        "generator": model.generator is not None,
        "battery": model.battery is not None,
        "curtailable": model.curtailable is not None,
    }
    return tuple(name for name, there in has.items() if there)


def code_of(model: ProsumerModel, preferences: Sequence[Preference] = ()) -> str:
    """The code of the expert of a model: a function ``prosumer(state)``. ValueError for a wish about a device that it lacks."""
    devices = devices_of(model)
    for wish in preferences:
        if wish.quantity in _NEEDS and _NEEDS[wish.quantity] not in devices:
            raise ValueError(f"a wish about {wish.quantity}, and there is no {_NEEDS[wish.quantity]}")
    parts = [blocks.HEAD.format(title=f"A prosumer with {', '.join(devices) or 'a load alone'}")]
    if model.pv_kw > 0:
        parts.append(blocks.PV)
    if model.generator is not None:
        parts.append(_generator(model.generator))
    if model.battery is not None:
        parts.append(_battery(model.battery, model.terminal))
    if model.curtailable is not None:
        parts.append(_curtailable(model.curtailable))
    parts += [_wish(each) for each in preferences]
    names = {"pv": "pv_kw", "generator": "generator_kw", "battery": "battery_kw", "curtailable": "curtailed_kw"}
    series = ", ".join(f'"{names[device]}": {names[device]}' for device in devices)
    return "".join([*parts, blocks.TAIL.format(series=series)]).replace(", }", "}")


def resting_code(model: ProsumerModel) -> str:
    """The code of a prosumer that uses all of its PV, leaves its devices alone, and still is one of the pool."""
    least = 0.0 if model.generator is None else model.generator.min_kw
    parts = [blocks.HEAD.format(title="A prosumer at rest"), blocks.ALL_PV]
    if least > 0.0:
        parts.append(_generator(GeneratorModel(max_kw=least, min_kw=least)))
    series = '"pv_kw": pv_kw' + (', "generator_kw": generator_kw' if least > 0.0 else "")
    return "".join([*parts, blocks.TAIL.format(series=series)])


def _generator(own: GeneratorModel) -> str:
    ramp = "" if own.ramp_kw_per_h is None else blocks.RAMP.format(ramp_kw_per_h=_written(own.ramp_kw_per_h))
    text = blocks.GENERATOR.format(
        min_kw=_written(own.min_kw),
        max_kw=_written(own.max_kw),
        quadratic_cost=_written(own.quadratic_cost),
        cost_per_kwh=_written(own.cost_per_kwh),
        ramp=ramp,
    )
    unused = '    before_kw = cp.hstack([state["generator_kw"], generator_kw[:-1]])\n'
    return text if ramp else text.replace(unused, "")


def _battery(own: BatteryModel, end: TerminalModel) -> str:
    return blocks.BATTERY.format(
        power_kw=_written(own.power_kw),
        low_kwh=_written(own.min_soc * own.energy_kwh),
        high_kwh=_written(own.max_soc * own.energy_kwh),
        efficiency_in=_written(own.efficiency),
        efficiency_out=_written(own.efficiency_out),
        end_kwh=_written(end.soc * own.energy_kwh),
        spare_price=_written(end.spare_per_kwh * own.efficiency_out),
        missing_price=_written(end.missing_per_kwh / own.efficiency),
        wear=_written(own.wear_per_kwh),
    )


def _curtailable(own: CurtailableModel) -> str:
    return blocks.CURTAILABLE.format(share=_written(own.share), cost_per_kwh=_written(own.cost_per_kwh))


def _wish(wish: Preference) -> str:
    begins, ends = _written(wish.from_hour), _written(wish.to_hour)
    joined = "and" if wish.from_hour < wish.to_hour else "or"
    holds = f"float(hour >= {begins} {joined} hour < {ends})"
    missed = _MISSED[wish.quantity].format(limit=_written(wish.limit))
    return blocks.WISH.format(words=wish, holds=holds, weight=_written(wish.weight), missed=missed)


def _written(number: float) -> str:
    """A number as code has it, to the last bit."""
    return repr(float(number))
