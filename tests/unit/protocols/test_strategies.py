"""By which curve a reserve's rates are set: asked step by step, until it is known."""

from dataclasses import replace

import pytest
from builders import WETH, a_market, a_reserve, an_address

from monitor.core.events import RateTermsChanged
from monitor.core.keys import Key, market_key, rate_key, reserve_key
from monitor.core.ledger import Ledger, Market, Record
from monitor.core.ports import Readings, ViewFailed, ViewResult
from monitor.core.rates import KinkedCurve, RateTerms
from monitor.core.units import RAY, MarketId, Ray
from monitor.library import abi_library
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.strategies import NO_CURVE, STRATEGY_WORD, Strategies

MARKET = MarketId("aave")
STRATEGY, OTHER = an_address("strategy"), an_address("another strategy")
SHARE = RAY // 100
CURVE = KinkedCurve(Ray(SHARE), Ray(5 * SHARE), Ray(60 * SHARE), Ray(80 * SHARE))
STRATEGIES = Strategies(MARKET, AaveAbi.of(abi_library))


def known_pool(*, version: str = "3.6", is_new: bool = False) -> Market:
    market = a_market()
    revisions = () if is_new else ((market.pool, 10),)
    return replace(market, pool_version=version, revisions=revisions)


def ledger(terms: RateTerms | None, market: Market) -> Ledger:
    records: dict[Key, Record] = {
        market_key(MARKET): market,
        reserve_key(MARKET, WETH): a_reserve(WETH),
    }
    return Ledger(records if terms is None else {**records, rate_key(MARKET, WETH): terms})


def told(view: Ledger, *answers: ViewResult) -> list[RateTerms]:
    readings: Readings = dict(zip(STRATEGIES.calls(view), answers, strict=True))
    events = list(STRATEGIES.events(view, readings))
    assert all(isinstance(event, RateTermsChanged) and event.asset == WETH for event in events)
    return [event.terms for event in events if isinstance(event, RateTermsChanged)]


def reserve_data(strategy: str) -> ViewResult:
    words: list[object] = [0] * 15
    words[STRATEGY_WORD] = strategy
    return (tuple(words),)


def test_strategies__nothing_known__asks_whose_it_is() -> None:
    assert told(ledger(None, known_pool()), reserve_data(STRATEGY)) == [RateTerms(STRATEGY)]


def test_strategies__told_whose_it_is__asks_for_its_curve_in_basis_points() -> None:
    view = ledger(RateTerms(STRATEGY), known_pool())
    (call,) = STRATEGIES.calls(view)
    assert call.to == STRATEGY
    assert call.args == (WETH,)
    assert told(view, ((8_000, 100, 500, 6_000),)) == [RateTerms(STRATEGY, CURVE)]


def test_strategies__of_a_former_release__asks_its_getters_in_ray() -> None:
    view = ledger(RateTerms(STRATEGY), known_pool(version="3.0.2"))
    answers = [(80 * SHARE,), (SHARE,), (5 * SHARE,), (60 * SHARE,)]
    assert told(view, *answers) == [RateTerms(STRATEGY, CURVE)]


@pytest.mark.parametrize("version", ["3.6", "3.0.2"])
def test_strategies__that_tells_no_curve__is_asked_once(version: str) -> None:
    market = known_pool(version=version)
    view = ledger(RateTerms(STRATEGY), market)
    refused = [ViewFailed("reverted") for _ in STRATEGIES.calls(view)]
    assert told(view, *refused) == [RateTerms(STRATEGY, reason=NO_CURVE)]
    assert STRATEGIES.calls(ledger(RateTerms(STRATEGY, reason=NO_CURVE), market)) == ()


def test_strategies__optimal_use_of_nothing__is_no_curve() -> None:
    view = ledger(RateTerms(STRATEGY), known_pool())
    assert told(view, ((0, 100, 500, 6_000),)) == [RateTerms(STRATEGY, reason=NO_CURVE)]


def test_strategies__curve_known__asks_nothing() -> None:
    assert STRATEGIES.calls(ledger(RateTerms(STRATEGY, CURVE), known_pool())) == ()


def test_strategies__new_code_of_the_pool__asks_whose_it_is_now() -> None:
    view = ledger(RateTerms(STRATEGY, CURVE), known_pool(is_new=True))
    assert told(view, reserve_data(STRATEGY)) == []
    assert told(view, reserve_data(OTHER)) == [RateTerms(OTHER)]


def test_strategies__node_without_the_state__learns_nothing() -> None:
    for terms in (None, RateTerms(STRATEGY)):
        assert list(STRATEGIES.events(ledger(terms, known_pool()), {})) == []
