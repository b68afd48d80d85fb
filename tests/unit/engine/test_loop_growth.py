from dataclasses import replace
from fractions import Fraction

import pytest
from builders import USDC, WETH, a_block, a_market, a_price, a_reserve, an_address

from monitor.core.keys import (
    Key,
    growth_key,
    loops_key,
    market_key,
    price_key,
    receipt_key,
    reserve_key,
)
from monitor.core.ledger import Ledger, Record
from monitor.core.loops import Leg, Loop, LoopKind, Loops
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.receipts import Growth, Receipt, ReceiptKind, Sample
from monitor.core.units import YEAR_SECONDS, AssetId, MarketId, RawAmount, Shares
from monitor.engine.cascade_runner import CascadeRunner
from monitor.protocols.aave_v3.rules import AaveRules

CORE = MarketId("core")
STAKED = AssetId(an_address("staked"))
ANN = an_address("ann")
UNIT = 10**18
DAY_SECONDS = 24 * 3600
BY_RATE = (Edge(STAKED, PriceKind.EXCHANGE_RATE, "rate"),)


class Aave(AaveRules):
    """Its rules, without the contracts."""

    protocol = "aave_v3"

    @property
    def market(self) -> MarketId:
        return CORE


def rated() -> Price:
    return replace(a_price(2400 * 10**8), path=BY_RATE)


def looped() -> dict[Key, Record]:
    """A market of ether, staked ether by its rate, and dollars; somebody has a loop."""
    leg = Leg(CORE, "", ANN, STAKED, WETH)
    records: dict[Key, Record] = {
        market_key(CORE): a_market(),
        loops_key(ANN): Loops((Loop("one", LoopKind.CORRELATED, (leg,)),)),
    }
    for asset, usd in ((WETH, 2000), (STAKED, 2400), (USDC, 1)):
        records[reserve_key(CORE, asset)] = a_reserve(asset)
        records[price_key(CORE, asset)] = a_price(usd * 10**8)
    records[price_key(CORE, STAKED)] = rated()
    return records


def followed(days: int, gained: int = UNIT // 1000) -> dict[Key, Record]:
    """A unit of it was worth one of ether so many days ago, and is worth `gained` more now."""
    now = a_block().timestamp
    worth = RawAmount(UNIT + gained)
    first = Sample(now - days * DAY_SECONDS, Shares(UNIT), RawAmount(UNIT))
    return {
        receipt_key(STAKED): Receipt(ReceiptKind.RATE_PROVIDER, WETH, Shares(UNIT), worth),
        growth_key(STAKED): Growth((first,)),
    }


def growth(records: dict[Key, Record]) -> dict[AssetId, Fraction]:
    runner = CascadeRunner([Aave(CORE)], (), {}, {}, ())
    return dict(runner.world(Ledger(records), a_block()).growth)


def test_growth__of_a_claim_followed_for_days__is_a_years() -> None:
    found = growth(looped() | followed(2))
    yearly = Fraction(1, 1000) * Fraction(YEAR_SECONDS, 2 * DAY_SECONDS)
    assert found == {WETH: 0, USDC: 0, STAKED: yearly}


@pytest.mark.parametrize("more", [{}, followed(0)])
def test_growth__of_what_grows_by_a_rate_nobody_followed__is_unknown(
    more: dict[Key, Record],
) -> None:
    assert growth(looped() | more) == {WETH: 0, USDC: 0}


def test_growth__while_nobody_has_a_loop__is_not_asked_for() -> None:
    records = looped() | followed(2)
    del records[loops_key(ANN)]
    assert growth(records) == {}
