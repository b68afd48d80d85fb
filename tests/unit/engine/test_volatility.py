"""How much a price moved: noted on the way, undone with its block, told only where it is known."""

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from statistics import stdev

import pytest
from builders import WETH, a_block, an_address

from monitor.core.blocks import BlockRef
from monitor.core.delta import apply, collapse
from monitor.core.keys import OBSERVED, Kind, hourly_key, price_key, token_key
from monitor.core.ledger import Ledger, find
from monitor.core.overlay import Overlay
from monitor.core.pairs import Token
from monitor.core.prices import HourlyPrices, Price
from monitor.core.units import BaseValue
from monitor.engine.measures import NOTHING_CRITICAL
from monitor.engine.volatility import HOUR_SECONDS, PriceLog, Realised, in_sigmas, realised
from monitor.oracles.valuation_feed import VALUATION, VALUATION_DECIMALS
from monitor.store.codec import digest

DAY_SECONDS = 24 * HOUR_SECONDS
OTHER = an_address("other")
START_UNIX = 500 * HOUR_SECONDS
Told = tuple[int, str | None]
"""Seconds since the start, and the price in USD by then; None: unknown."""


def at(seconds: int) -> BlockRef:
    return replace(a_block(number=seconds + 1), timestamp=START_UNIX + seconds)


def priced(ledger: Ledger, usd: str | None) -> None:
    value = None if usd is None else BaseValue(int(Decimal(usd).scaleb(VALUATION_DECIMALS)))
    ledger.put(token_key(WETH), Token("WETH", 18))
    ledger.put(price_key(VALUATION, WETH), Price(value))


def noted(told: Sequence[Told], wanted: Sequence[str] = ("ether",)) -> Ledger:
    """A ledger after blocks at these times, each with its price."""
    ledger, log = Ledger(), PriceLog((), {"ether": WETH, "other": OTHER}, wanted)
    for seconds, usd in told:
        priced(ledger, usd)
        overlay = Overlay(ledger)
        log.observe(at(seconds), overlay)
        apply(ledger, collapse(at(seconds), overlay))
    return ledger


def times(ledger: Ledger) -> list[int]:
    found = find(ledger, hourly_key(WETH), HourlyPrices)
    return [one.at_unix - START_UNIX for one in found.samples] if found else []


def hourly(*prices: str | None) -> list[Told]:
    return [(hour * HOUR_SECONDS, usd) for hour, usd in enumerate(prices)]


def swinging(hours: int) -> list[Told]:
    """2000 and 2020 in turns."""
    return hourly(*("2000" if hour % 2 else "2020" for hour in range(hours)))


def test_observe__blocks_within_an_hour__notes_the_first_whose_price_is_known() -> None:
    told = [(0, None), (12, "2000"), (24, "2001"), (3588, "2002"), (3600, "2003"), (3612, "2004")]
    assert times(noted(told)) == [12, 3600]


def test_observe__asset_nobody_measures__is_not_noted() -> None:
    assert times(noted([(0, "2000")], wanted=())) == []
    assert times(noted([(0, "2000")], wanted=("other", "nobody's"))) == []


def test_observe__price_of_nothing__is_not_noted() -> None:
    assert times(noted([(0, "0"), (12, "2000")])) == [12]


def test_observe__eight_days__keeps_seven() -> None:
    kept = times(noted(swinging(8 * 24)))
    assert len(kept) == 7 * 24 + 1
    assert kept[-1] - kept[0] == 7 * DAY_SECONDS


def test_observe__reverted__is_undone() -> None:
    ledger = noted([(0, "2000")])
    before = dict(ledger.records())
    overlay = Overlay(ledger)
    PriceLog((), {"ether": WETH}, ["ether"]).observe(at(HOUR_SECONDS), overlay)
    delta = collapse(at(HOUR_SECONDS), overlay)
    apply(ledger, delta)
    assert len(times(ledger)) == 2
    apply(ledger, delta.inverse())
    assert dict(ledger.records()) == before


def test_observed__prices__are_left_out_of_digests() -> None:
    assert Kind.HOURLY in OBSERVED
    seen = dict(noted([(0, "2000")]).records())
    unseen = {key: record for key, record in seen.items() if key.kind is not Kind.HOURLY}
    assert len(seen) == len(unseen) + 1
    assert digest(seen) == digest(unseen)


def test_realised__a_week_of_hours__is_the_deviation_of_their_returns_for_a_day() -> None:
    prices = [2000 + 37 * math.sin(hour * hour) for hour in range(7 * 24 + 1)]
    texts = [f"{price:.8f}" for price in prices]
    told = noted(hourly(*texts))
    found = realised(told, WETH, START_UNIX + 7 * DAY_SECONDS).daily
    returns = [math.log(float(new) / float(old)) for old, new in pairwise(texts)]
    assert found is not None
    assert float(found) == pytest.approx(stdev(returns) * math.sqrt(24), rel=1e-12)


@pytest.mark.parametrize(
    ("told", "now_hours", "reason"),
    [
        pytest.param([], 0, "0 hourly returns of the last 7 days were seen", id="nothing seen"),
        pytest.param(swinging(24), 23, "23 hourly returns", id="a return too few"),
        pytest.param(swinging(25), 7 * 24 + 1, "23 hourly returns", id="too long ago"),
        pytest.param(hourly(*["2000"] * 30), 29, "did not move, or always alike", id="still"),
        pytest.param(swinging(25), 24, None, id="just enough"),
    ],
)
def test_realised__too_little_seen__is_unknown_and_says_why(
    told: list[Told], now_hours: int, reason: str | None
) -> None:
    found = realised(noted(told), WETH, START_UNIX + now_hours * HOUR_SECONDS)
    assert (found.daily is None) == (reason is not None)
    assert (reason or "") in found.reason


def test_realised__over_a_gap__counts_no_return_of_it() -> None:
    """Ten times the price, and nobody saw how: what moved hour by hour is what is known."""
    calm = swinging(48)
    later = [(seconds + 48 * HOUR_SECONDS + 7200, "20000" if usd == "2000" else "20200")
             for seconds, usd in calm]  # fmt: skip
    now_unix = START_UNIX + later[-1][0]
    through, once = (realised(noted(told), WETH, now_unix).daily for told in (calm + later, calm))
    assert through is not None
    assert once is not None
    assert abs(through / once - 1) < Decimal("0.02")


def test_in_sigmas__shock__is_told_in_days_of_volatility() -> None:
    volatility = Realised(Decimal("0.04"))
    assert in_sigmas(Decimal("0.1"), volatility) == Decimal("2.5000")
    assert in_sigmas(NOTHING_CRITICAL, Realised(None, "unseen")) == NOTHING_CRITICAL
    assert in_sigmas(Decimal("0.1"), Realised(None, "unseen")) is None
