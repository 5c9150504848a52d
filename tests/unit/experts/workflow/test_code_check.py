"""The allow-list: what it lets through, what it refuses, and at which line."""

import pytest

from marketsim.experts.library.compose import code_of
from marketsim.experts.model import BatteryModel, CurtailableModel, GeneratorModel, ProsumerModel
from marketsim.experts.sandbox.check import MOST_CHARACTERS, problems_of

GOOD = "def prosumer(state):\n    return {'objective': cp.sum(state['load_kw']), 'constraints': []}\n"
REFUSED = {
    "x = 1\n": "line 1: the code defines prosumer(state) 0 times, it has to be once",
    GOOD + GOOD: "line 1: the code defines prosumer(state) 2 times, it has to be once",
    "def prosumer(a, b):\n    return {}\n": "line 1: prosumer has the one argument state",
    "def prosumer(state, *more):\n    return {}\n": "line 1: prosumer has the one argument state",
    "def prosumer(state)\n": "line 1: this is no Python: expected ':'",
    GOOD + "import os\n": "line 3: import os is not possible: import cvxpy as cp and numpy as np are",
    GOOD + "import cvxpy as np\n": "line 3: import cvxpy is not possible: import cvxpy as cp and numpy as np are",
    GOOD + "from numpy import fromfile\n": "line 3: from ... import may not be used",
    GOOD + "x = np.fromfile('a')\n": "line 3: np.fromfile is not available here",
    GOOD + "x = np.load('a')\n": "line 3: np.load is not available here",
    GOOD
    + "x = cp.Problem(0)\n": "line 3: cp.Problem is not available here: return the objective and the constraints, they are "
    "solved for you",
    GOOD + "a = np\nx = a.fromfile('a')\n": "line 4: the attribute fromfile may not be used",
    GOOD + "x = ().__class__\n": "line 3: the attribute __class__ may not be used",
    GOOD + "x = '{0.__class__}'.format(1)\n": "line 3: the attribute format may not be used",
    GOOD + "x = __builtins__\n": "line 3: the name __builtins__ may not be used",
    GOOD + "x = open('a')\n": "line 3: open is not available here",
    GOOD + "x = getattr(1, 'a')\n": "line 3: getattr is not available here",
    GOOD + "while 1: pass\n": "line 3: a while loop may not be used",
    GOOD + "class A: pass\n": "line 3: a class may not be used",
    GOOD + "try: pass\nexcept: pass\n": "line 3: try may not be used",
    GOOD + "@len\ndef f(): pass\n": "line 4: a decorator may not be used",
    GOOD + "def f():\n    yield 1\n": "line 4: yield may not be used",
    "x"
    * (
        MOST_CHARACTERS + 1
    ): f"line 1: the code has {MOST_CHARACTERS + 1} characters, at most {MOST_CHARACTERS} are read",
    GOOD + "x = " + "9" * 5000: "line 3: this is no Python",
    "\0": "line 1: this is no Python",
    GOOD + "x = " + "-" * 15_000 + "1": "line 1: this is no Python",
    GOOD + "x = " + "(" * 5_000: "line 3: this is no Python",
    GOOD + "x = " + "1+" * 9_000 + "1": "line 1: ",
    "\ud800": "line 1: this is no Python",
}


@pytest.mark.parametrize("code", REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_on_the_list_is_told_with_its_line(code):
    told = [str(each) for each in problems_of(code)]
    assert any(each.startswith(REFUSED[code]) for each in told), told


def test_every_reviewed_expert_is_on_the_list():
    """Each set of devices."""
    devices = {
        "pv_kw": 5.0,
        "battery": BatteryModel(energy_kwh=10, power_kw=5),
        "generator": GeneratorModel(max_kw=5, ramp_kw_per_h=2),
        "curtailable": CurtailableModel(),
    }
    for chosen in range(16):
        model = ProsumerModel(
            load_peak_kw=3, **{key: devices[key] for place, key in enumerate(devices) if chosen >> place & 1}
        )
        assert problems_of(code_of(model)) == []


def test_honest_python_passes():
    """Helpers, comprehensions, lambdas, conditions and f-strings."""
    code = (
        "import cvxpy as cp\nimport numpy as np\nETA = 0.95\n\ndef helper(x, scale=2.0):\n    return scale * x\n\n"
        "def prosumer(state):\n    n = len(state['load_kw'])\n    x = cp.Variable(n, name=f'x{n}')\n    cost = 0\n"
        "    for t in range(n):\n        if t > 0 and n != 3:\n            cost += helper(cp.pos(x[t] - x[t - 1]))\n"
        "    limits = [x >= y for y in (0, -1)] + list(map_of(x))\n    return {'objective': cost, 'constraints': limits}\n\n"
        "map_of = lambda x: [x.T <= np.ones(x.shape[0])]\n"
    )
    assert problems_of(code) == []
