"""The built-in rules, against examples worked out by hand."""

import numpy as np

from marketsim.sharing.alone import alone_money
from marketsim.sharing.rules import AsPaid, ProportionalSharing
from marketsim.testing.periods import period_of
from marketsim.testing.worlds import community

EURO = 10**9
KWH = 1000
RETAIL, FEED_IN = 300_000, 100_000
"""0.30 and 0.10 a kWh."""


def shared(net_kwh, paid, who=None):
    """Shares [currency] by ``proportional`` of slots with these energies, for what was paid [currency]."""
    who = who or community(len(paid))
    net = (np.array(net_kwh) * KWH).tolist()
    period = period_of(who, net, [round(each * EURO) for each in paid], RETAIL, FEED_IN)
    return (ProportionalSharing().share(period) / EURO).tolist()


def test_bills_alone_are_imports_at_retail_less_exports_at_feed_in():
    """An hour that imports 2 kWh at 0.30 and one that exports 3 at 0.10 come to 0.30, slot by slot and not netted."""
    period = period_of(community(2), [[-2 * KWH, 0], [3 * KWH, -KWH]], [0, 0], RETAIL, FEED_IN)
    assert (alone_money(period) / EURO).tolist() == [0.6 - 0.3, 0.3]


def test_prices_are_those_of_the_slot():
    period = period_of(community(1), [[-KWH], [-KWH], [KWH]], [0], [300_000, 200_000, 300_000], [100_000, 0, 50_000])
    assert alone_money(period).tolist() == [(300_000 + 200_000 - 50_000) * KWH]


def test_nobody_alone_exports_pv_at_a_cost():
    """Net 3 kWh of which 3 are PV: curtailed alone. 1 kWh of a generator flows and pays 0.10; imports at -0.20 are paid."""
    period = period_of(community(3), [[3 * KWH, KWH, -KWH]], [0, 0, 0], -200_000, -100_000 - 200_000)
    plant = period._replace(pv_wh=np.where(np.arange(3) == 1, 0, period.pv_wh))
    assert alone_money(plant).tolist() == [0, 300_000 * KWH, -200_000 * KWH]


def test_everybody_who_would_pay_saves_the_same_share():
    """Alone 3.00 and 1.50; together they paid 3.60, so each pays four fifths."""
    assert shared([[-10, -5]], [3.0, 0.6]) == [2.4, 1.2]


def test_who_would_earn_earns_more():
    """Alone +3.00 and -1.00 came to 2.00, together to 1.20: 0.80 is shared three to one, and both are better off."""
    assert shared([[-10, 10]], [2.0, -0.8]) == [3.0 - 0.6, -1.0 - 0.2]


def test_a_loss_is_borne_in_the_same_proportion():
    """Charges made trade dear: 4.50 alone became 4.95, a tenth more for each."""
    assert shared([[-10, -5]], [3.0, 1.95]) == [3.3, 1.65]


def test_where_nobody_would_have_a_bill_what_was_paid_is_shared_equally():
    """Nothing through any meter, and three units of fees: no proportion says whose they are."""
    period = period_of(community(2), [[0, 0]], [3, 0])
    assert ProportionalSharing().share(period).tolist() == [2, 1]


def test_what_cancels_out_over_agents_is_a_size_all_the_same():
    """Alone +3.00 and -3.00 sum to zero, which C a_i / sum a could not divide by; sizes are equal, so is the gain."""
    assert shared([[-10, 30]], [2.5, -3.0]) == [2.75, -3.25]


def test_none_leaves_bills_as_they_are():
    period = period_of(community(3), [[-1, 2, 3]], [5, -7, 11])
    assert AsPaid().share(period).tolist() == [5, -7, 11]
