"""One load behind one cable has a closed form: the run's voltages and losses are those of the formula."""

from __future__ import annotations

import numpy as np
import pytest

R_OHM, X_OHM, NOMINAL_V = 0.2 * 0.3, 0.08 * 0.3, 400.0


def closed_form(load_kw: float, kvar: float) -> tuple[float, float]:
    """Voltage [p.u.] and losses [kW] at the end of one cable with the source at 1 p.u.

    With a = P R + Q X and b = |S|^2 |Z|^2 in volts, |V|^4 + (2 a - V0^2) |V|^2 + b = 0; the larger root is the stable one.
    """
    p, q = load_kw * 1e3, kvar * 1e3
    a = p * R_OHM + q * X_OHM
    b = (p * p + q * q) * (R_OHM**2 + X_OHM**2)
    half = NOMINAL_V**2 / 2 - a
    square = half + np.sqrt(half * half - b)
    return float(np.sqrt(square)) / NOMINAL_V, (p * p + q * q) / square * R_OHM / 1e3


@pytest.mark.parametrize("power_factor", [1.0, 0.9])
def test_a_single_load_follows_the_closed_form(street, voltage, power_factor):
    """24 loads from 0 to 92 kW: voltages to 1e-9 p.u., losses to 1 mW, and nothing flows on the other cable."""
    loads = [4.0 * hour for hour in range(24)]
    agent = {"name": "home", "kind": "consumer", "bus": "c1", "load": {"power_factor": power_factor}}
    run = street([agent], {"home_load_kw": loads})
    expected = [closed_form(kw, kw * np.tan(np.arccos(power_factor))) for kw in loads]
    np.testing.assert_allclose(voltage(run, "c1"), [pu for pu, _ in expected], rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        run.frame("slots", raw=True).losses_wh / 1e3, [kw for _, kw in expected], rtol=0, atol=1e-6
    )
    assert voltage(run, "b3") == pytest.approx([1.0] * 24, abs=1e-12)


def test_generation_follows_it_with_the_sign_turned(street, voltage):
    """PV of the same size raises the voltage; what it exports is what the formula leaves after losses."""
    run = street(
        [{"name": "sun", "bus": "c1", "pv_kw": 60}],
        {"sun_load_kw": 0, "sun_pv_kw": [2.5 * hour for hour in range(24)]},
    )
    expected = [closed_form(-2.5 * hour, 0.0) for hour in range(24)]
    np.testing.assert_allclose(voltage(run, "c1"), [pu for pu, _ in expected], rtol=0, atol=1e-9)
    slack = [-2.5 * hour + lost for hour, (_, lost) in enumerate(expected)]
    np.testing.assert_allclose(run.frame("slots", raw=True).slack_wh / 1e3, slack, rtol=0, atol=1e-6)
