import gc
import weakref
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from builders import (
    USDC,
    WETH,
    a_block,
    a_holding,
    a_market,
    a_position,
    a_price,
    a_reserve,
    an_address,
)

from monitor.core.keys import (
    Key,
    category_key,
    loops_key,
    market_key,
    pair_key,
    position_key,
    price_key,
    reserve_key,
    token_key,
)
from monitor.core.ledger import Ledger, Market, Position, Record
from monitor.core.loops import Built, Leg, Loop, LoopKind, Loops
from monitor.core.pairs import Pair, Token
from monitor.core.ports import LoopFilter
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.reserves import Category
from monitor.core.units import (
    RAY,
    WAD,
    ZERO_ADDRESS,
    Address,
    AssetId,
    BaseValue,
    Bps,
    MarketId,
    RawAmount,
    Ray,
    Shares,
    Wad,
)
from monitor.engine.loop_book import LoopBook, LoopTerms
from monitor.engine.positions import PositionBook
from monitor.errors import QuestionError
from monitor.protocols.aave_v3.rules import AaveRules
from monitor.protocols.morpho_blue.market import MorphoBlue
from monitor.protocols.morpho_blue.sheets import exposure_of
from monitor.simulation.shocks import PegShock, RateShock, parse_shocks

AAVE, MORPHO = MarketId("aave"), MarketId("morpho")
ANN, BOB = an_address("ann"), an_address("bob")
WSTETH = an_address("wstETH")
ETH_FEED, STETH_FEED, RATE = (an_address(name) for name in ("ETH/USD", "wstETH/ETH", "rate"))
ID = "0x" + "1d" * 32
SEEN = ("0x" + "aa" * 32,)
GRAIN = 1e-12


class Aave(AaveRules):
    protocol = "aave_v3"
    market = AAVE


class Morpho(MorphoBlue):
    """Its rules, without the contracts."""

    def __init__(self) -> None:
        self._market = MORPHO
        self._is_permissionless = False

    @property
    def market(self) -> MarketId:
        return MORPHO


def feed(source: Address, asset: AssetId, quote: AssetId | None = None) -> Edge:
    return Edge(source, PriceKind.MARKET, "feed", asset=asset, quote=quote)


def times(
    rate: Address, *behind: Edge, kind: PriceKind = PriceKind.EXCHANGE_RATE
) -> tuple[Edge, ...]:
    """A contract that multiplies what it reads by a rate of its own."""
    return (Edge(rate, kind, "rate", reads=tuple(edge.source for edge in behind)), *behind)


WETH_PRICE = replace(a_price(), path=(feed(ETH_FEED, WETH),))


def a_ledger(**more: Record) -> dict[Key, Record]:
    """ANN pledges 1 WETH of 2,000 USD and owes 1,500 USDC."""
    return {
        market_key(AAVE): a_market(),
        reserve_key(AAVE, WETH): a_reserve(WETH, symbol="WETH"),
        reserve_key(AAVE, USDC): a_reserve(USDC, symbol="USDC"),
        price_key(AAVE, WETH): WETH_PRICE,
        price_key(AAVE, USDC): a_price(10**8),
        position_key(AAVE, ANN): a_position(owed_scaled=1500 * 10**18),
    }


def a_leg(account: Address = ANN, collateral: AssetId = WETH, debt: AssetId | None = USDC) -> Leg:
    return Leg(AAVE, "", account, collateral, debt)


def a_loop(*path: Leg, id: str = "loop", kind: LoopKind = LoopKind.DIRECTIONAL) -> Loop:
    return Loop(id, kind, path or (a_leg(),), 2, Built.STEPWISE, SEEN)


def a_book(ledger: dict[Key, Record], terms: LoopTerms | None = None) -> LoopBook:
    rules: list[Any] = [Aave(AAVE)]
    if market_key(MORPHO) in ledger:
        rules.append(Morpho())
    view = Ledger(ledger)
    book = PositionBook(view, a_block(), rules, str)
    return LoopBook(book, view, rules, terms=terms or LoopTerms())


def only(ledger: dict[Key, Record], loop: Loop, owner: Address = ANN) -> dict[str, Any]:
    """The one row of a book with that loop."""
    book = a_book(ledger | {loops_key(owner): Loops((loop,))})
    (row,) = book.page(LoopFilter())["loops"]
    return dict(row)


def test_row__of_a_seen_loop__is_in_the_contracts_shape() -> None:
    row = only(a_ledger(), a_loop())
    assert {key: row[key] for key in ("id", "owner", "accounts", "markets", "kind")} == {
        "id": "loop",
        "owner": ANN,
        "accounts": [ANN],
        "markets": ["aave"],
        "kind": "directional",
    }
    assert (row["collateral_usd"], row["debt_usd"], row["equity_usd"]) == (
        "2000.00",
        "1500.00",
        "500.00",
    )
    assert (row["leverage"], row["hops"], row["built"]) == (4.0, 2, "stepwise")
    assert row["evidence"] == list(SEEN)
    assert row["health_factor"] == str(11 * WAD // 10)
    (leg,) = row["path"]
    assert (leg["market"], leg["sub_market"], leg["collateral"], leg["debt"]) == (
        "aave",
        None,
        WETH,
        USDC,
    )


def test_breaks__of_a_directional_loop__are_the_fall_of_one_or_the_rise_of_the_other() -> None:
    breaks = only(a_ledger(), a_loop())["breaks_at"]
    assert breaks == {
        "WETH": pytest.approx(-1 / 11, abs=GRAIN),
        "USDC": pytest.approx(0.1, abs=GRAIN),
    }


def lst_ledger(path: tuple[Edge, ...]) -> dict[Key, Record]:
    """ANN pledges 10 wstETH of 2,400 USD and owes 10 WETH, in an e-mode of 95 %."""
    price = replace(a_price(2400 * 10**8), path=path)
    held = Position((a_holding(WSTETH, 10 * WAD, used=True),), (a_holding(WETH, 10 * WAD),), 1)
    mode = Category(1, "ETH", Bps(9300), Bps(9500), Bps(10100), (WSTETH,), (WETH,))
    return a_ledger() | {
        reserve_key(AAVE, WSTETH): a_reserve(WSTETH, symbol="wstETH"),
        price_key(AAVE, WSTETH): price,
        category_key(AAVE, 1): mode,
        position_key(AAVE, ANN): held,
    }


LST = a_loop(a_leg(ANN, WSTETH, WETH), kind=LoopKind.CORRELATED)


def test_breaks__by_an_exchange_rate__follow_no_market() -> None:
    assert only(lst_ledger(times(RATE, feed(ETH_FEED, WETH))), LST)["breaks_at"] == {}


def test_breaks__where_the_oracle_follows_the_market__is_the_peg() -> None:
    path = times(RATE, feed(STETH_FEED, WSTETH, WETH), feed(ETH_FEED, WETH))
    row = only(lst_ledger(path), LST)
    # Health is 2400 · 0.95 by 2000, at the threshold of the account's e-mode.
    assert row["breaks_at"] == {"peg:wstETH/WETH": pytest.approx(1 / 1.14 - 1, abs=GRAIN)}
    (shock,) = parse_shocks(row["breaks_at"])
    assert isinstance(shock, PegShock)


def test_breaks__of_a_capped_oracle__need_the_way_down_to_the_cap_first() -> None:
    root = Edge(RATE, PriceKind.CAPPED, "cap", (ETH_FEED,), answer=10, uncapped=12, binds=True)
    capped = replace(
        WETH_PRICE, path=(root, feed(ETH_FEED, WETH)), cap_value=BaseValue(2000 * 10**8)
    )
    row = only(a_ledger() | {price_key(AAVE, WETH): capped}, a_loop())
    assert row["breaks_at"]["WETH"] == pytest.approx(1 / 1.2 / 1.1 - 1, abs=GRAIN)


def test_breaks__of_a_fixed_price__never_come() -> None:
    fixed = replace(WETH_PRICE, path=(Edge(RATE, PriceKind.FIXED, "constant"),))
    ledger = a_ledger() | {price_key(AAVE, WETH): fixed}
    assert set(only(ledger, a_loop())["breaks_at"]) == {"USDC"}


def test_breaks__of_an_unknown_price__are_unknown() -> None:
    ledger = a_ledger() | {price_key(AAVE, WETH): a_price(None, reason="the oracle answers 0")}
    row = only(ledger, a_loop())
    assert row["breaks_at"] is None
    assert (row["collateral_usd"], row["leverage"], row["health_factor"]) == (None, None, None)
    assert "breaks_at: price of WETH: the oracle answers 0" in row["unknown"]
    assert "USD value of WETH" in row["unknown"]


def test_breaks__by_interest__are_days_at_the_present_rate() -> None:
    usdc = replace(
        a_reserve(USDC, symbol="USDC"),
        debt_rate_ray=Ray(RAY // 10),
        debt_scaled=1500 * 10**18,  # type: ignore[arg-type]
        cash_raw=RawAmount(500 * 10**18),
        updated_unix=a_block().timestamp,
    )
    row = only(a_ledger() | {reserve_key(AAVE, USDC): usdc}, a_loop())
    # ln(1.1) / 0.1 years are 347.9 days; three quarters of what is lent are borrowed.
    assert row["breaks_at"]["rate:aave/USDC"] == "0.75@348d"
    assert RateShock("aave", "USDC", Decimal("0.75"), 348) in parse_shocks(row["breaks_at"])


def test_carry__of_known_rates__is_leverage_weighted() -> None:
    ledger = a_ledger() | {
        reserve_key(AAVE, WETH): replace(
            a_reserve(WETH),
            supply_rate_ray=Ray(3 * RAY // 100),
            updated_unix=a_block().timestamp,
        ),
        reserve_key(AAVE, USDC): replace(
            a_reserve(USDC, symbol="USDC"),
            debt_rate_ray=Ray(RAY // 40),
            updated_unix=a_block().timestamp,
        ),
    }
    assert only(ledger, a_loop())["carry"] == {
        "supply_yield": 0.03,
        "borrow_rate": 0.025,
        "net": pytest.approx(4 * 0.03 - 3 * 0.025, abs=GRAIN),
        "break_even_borrow_rate": pytest.approx(0.04, abs=GRAIN),
    }


def test_carry__of_what_holds_a_rate_of_its_own__is_unknown_and_says_why() -> None:
    row = only(lst_ledger(times(RATE, feed(ETH_FEED, WETH))), LST)
    assert row["carry"]["supply_yield"] is None
    assert row["carry"]["net"] is None
    why = "it grows by a rate: [[receipts]] would follow it"
    assert f"carry: yield of wstETH: {why}" in row["unknown"]
    assert "breaks_at by interest: yield of wstETH" in row["unknown"]


def morpho_ledger() -> dict[Key, Record]:
    """ANN pledged the 1,500 USDC that she owes on Aave at Morpho, and owes 0.5 WETH there."""
    pair = Pair(
        *(WETH, USDC, an_address("oracle"), ZERO_ADDRESS, Wad(86 * WAD // 100), 0),
        *(RawAmount(WAD), Shares(WAD * 10**6), RawAmount(WAD // 2), Shares(WAD * 10**6 // 2)),
        *(RawAmount(1500 * WAD), Wad(0)),
    )
    price = Price(
        BaseValue(10**36 // 2000),
        an_address("oracle"),
        path=(
            Edge(an_address("oracle"), PriceKind.MARKET, "oracle", (ETH_FEED,)),
            replace(feed(ETH_FEED, WETH), exponent=-1),
        ),
    )
    held = Position((a_holding(USDC, 1500 * WAD, used=True),), (a_holding(WETH, WAD * 10**6 // 2),))
    return a_ledger() | {
        market_key(MORPHO): Market("morpho_blue", an_address("morpho")),
        pair_key(MORPHO, ID): pair,
        price_key(MORPHO, USDC, ID): price,
        token_key(WETH): Token("WETH", 18),
        token_key(USDC): Token("USDC", 18),
        position_key(MORPHO, ANN, ID): held,
    }


CROSS = a_loop(a_leg(), Leg(MORPHO, ID, ANN, USDC, WETH), kind=LoopKind.CROSS_PROTOCOL)


def test_row__across_protocols__sums_each_side_once() -> None:
    row = only(morpho_ledger(), CROSS)
    assert (row["collateral_usd"], row["debt_usd"]) == ("3500.00", "2500.00")
    assert row["markets"] == ["aave", "morpho"]
    assert row["leverage"] == 3.5
    assert "USDC is owed on aave and pledged on morpho" in row["because"]


def test_breaks__across_protocols__are_the_first_over_its_places() -> None:
    row = only(morpho_ledger(), CROSS)
    # Down it breaks on Aave at 1/11; up on Morpho, where 1,500 · 0.86 secure 0.5 WETH, far later.
    assert row["breaks_at"]["WETH"] == pytest.approx(-1 / 11, abs=GRAIN)
    first, second = row["liquidation_order"]
    assert (first["market"], second["market"]) == ("aave", "morpho")
    assert second["breaks_at"] == {"WETH": pytest.approx(0.29, abs=1e-9)}


def test_order__of_places__is_by_the_nearest_move() -> None:
    ledger = morpho_ledger() | {position_key(AAVE, ANN): a_position(owed_scaled=700 * WAD)}
    row = only(ledger, CROSS)
    assert [part["market"] for part in row["liquidation_order"]] == ["morpho", "aave"]


def test_exposure__of_one_account__is_that_of_the_sheets() -> None:
    view, at_unix = Ledger(morpho_ledger()), a_block().timestamp
    (sheet,) = Morpho().sheets(view, at_unix)
    (exposed,) = sheet.exposures
    place = next(iter(Morpho().places(view)))
    assert exposure_of(view, place, at_unix) == exposed
    (sheet,) = Aave(AAVE).sheets(view, at_unix)
    assert Aave(AAVE).exposure(view, place._replace(market=AAVE), at_unix) == sheet.exposures[0]


def two_loops() -> dict[Key, Record]:
    """ANN owes 1,500 USDC four times leveraged, BOB 100 once and a bit."""
    return a_ledger() | {
        position_key(AAVE, BOB): a_position(owed_scaled=100 * WAD),
        loops_key(ANN): Loops((a_loop(),)),
        loops_key(BOB): Loops((a_loop(a_leg(BOB), id="bobs", kind=LoopKind.SAME_ASSET),)),
    }


def ids(book: LoopBook, **wanted: Any) -> list[str]:
    return [row["id"] for row in book.page(LoopFilter(**wanted))["loops"]]


def test_page__of_all__is_sorted_by_debt_descending() -> None:
    assert ids(a_book(two_loops())) == ["loop", "bobs"]


def test_filters__each__narrow() -> None:
    book = a_book(two_loops())
    assert ids(book, owner=BOB.upper().replace("0X", "0x")) == ["bobs"]
    assert ids(book, kind="same_asset") == ["bobs"]
    assert ids(book, min_leverage="2") == ["loop"]
    assert ids(book, market="aave") == ["loop", "bobs"]
    assert ids(book, market="morpho") == []


def test_filters__on_unknown_leverage__never_hide_a_row() -> None:
    book = a_book(two_loops() | {price_key(AAVE, WETH): a_price(None)})
    assert ids(book, min_leverage="1000") == ["loop", "bobs"]


def test_cursor__walks_all_pages__once_each() -> None:
    book = a_book(two_loops())
    first = book.page(LoopFilter(limit=1))
    second = book.page(LoopFilter(limit=1, cursor=first["next"]))
    assert [row["id"] for page in (first, second) for row in page["loops"]] == ["loop", "bobs"]
    assert second["next"] is None


def test_cursor__of_another_block__is_gone() -> None:
    with pytest.raises(QuestionError) as caught:
        a_book(two_loops()).page(LoopFilter(cursor="0xdead:1"))
    assert caught.value.status == 410


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"owner": "0x12"}, "is not an address"),
        ({"kind": "round"}, "kind = 'round': expected one of rehypothecated, cross_protocol"),
        ({"min_leverage": "lots"}, "min_leverage is 'lots': expected a number"),
        ({"cursor": "x"}, "is none of ours"),
    ],
)
def test_page__of_a_wrong_question__says_so_even_where_there_are_no_loops(
    wanted: dict[str, Any], said: str
) -> None:
    with pytest.raises(QuestionError, match=said):
        a_book(a_ledger()).page(LoopFilter(**wanted))


def test_looped__by_market_and_kind__counts_where_it_is_owed() -> None:
    book = a_book(morpho_ledger() | {loops_key(ANN): Loops((CROSS,))})
    assert book.looped_usd(AAVE, LoopKind.CROSS_PROTOCOL) == Fraction(1500)
    assert book.looped_usd(MORPHO, LoopKind.CROSS_PROTOCOL) == Fraction(1000)
    assert book.looped_usd(AAVE, LoopKind.DIRECTIONAL) == 0


def test_looped__of_one_debt_in_two_loops__counts_it_once() -> None:
    loops = Loops((a_loop(), a_loop(id="again")))
    assert a_book(a_ledger() | {loops_key(ANN): loops}).looped_usd(
        AAVE, LoopKind.DIRECTIONAL
    ) == Fraction(1500)


def test_looped__of_an_unknown_price__is_unknown_and_not_zero() -> None:
    ledger = a_ledger() | {
        price_key(AAVE, USDC): a_price(None),
        loops_key(ANN): Loops((a_loop(),)),
    }
    assert a_book(ledger).looped_usd(AAVE, LoopKind.DIRECTIONAL) is None


def lst_by_state(other_usd: int) -> LoopBook:
    """ANN's staked ether against ether, of which nothing was seen, beside other collateral."""
    held = Position(
        (a_holding(WSTETH, 10 * WAD, used=True), a_holding(USDC, other_usd * WAD, used=True)),
        (a_holding(WETH, 10 * WAD),),
        1,
    )
    ledger = lst_ledger(times(RATE, feed(ETH_FEED, WETH))) | {
        position_key(AAVE, ANN): replace(held, supplies=tuple(sorted(held.supplies, key=str))),
        loops_key(ANN): Loops((Loop("state", LoopKind.CORRELATED, (a_leg(ANN, WSTETH, WETH),)),)),
    }
    return a_book(ledger)


def test_loop__by_state__counts_while_both_sides_are_most_of_it() -> None:
    assert ids(lst_by_state(5_900)) == ["state"]
    assert ids(lst_by_state(6_100)) == []


def test_loop__by_state__says_why_it_is_one_and_what_was_not_seen() -> None:
    (row,) = lst_by_state(4_000).page(LoopFilter())["loops"]
    assert (row["hops"], row["built"], row["evidence"]) == (None, "unknown", [])
    assert "hops: the way of the money was not seen whole" in row["unknown"]
    assert row["because"] == [
        "e-mode 1 (ETH) of aave takes the two for a pair",
        "wstETH is pegged to WETH",
        "85.7 % of what is pledged there is in the loop",
        "100.0 % of what is owed there is in the loop",
    ]


def test_loop__by_state_at_an_unknown_price__is_kept() -> None:
    ledger = lst_ledger(()) | {
        price_key(AAVE, WSTETH): a_price(None, reason="gone"),
        loops_key(ANN): Loops((Loop("state", LoopKind.CORRELATED, (a_leg(ANN, WSTETH, WETH),)),)),
    }
    assert ids(a_book(ledger), min_leverage="100") == ["state"]


def test_breaks__where_a_mode_has_a_price_of_its_own__are_unknown_and_not_guessed() -> None:
    """Aave before 3.2: the assets of a category may share a price that is none of theirs."""
    ledger = lst_ledger(times(RATE, feed(ETH_FEED, WETH)))
    mode = ledger[category_key(AAVE, 1)]
    assert isinstance(mode, Category)
    ledger[category_key(AAVE, 1)] = replace(mode, price_source=an_address("source"))
    ledger[price_key(AAVE, an_address("source"))] = a_price(2100 * 10**8)
    row = only(ledger, LST)
    assert row["breaks_at"] is None
    assert any("does not reckon with the prices of its assets" in why for why in row["unknown"])


class CountingAave(Aave):
    """Counts whose positions are looked at."""

    looked_at: list[Address]

    def statement(self, view: Any, place: Any, at_unix: int) -> Any:
        self.looked_at.append(place.account)
        return super().statement(view, place, at_unix)


def test_book__of_many_positions__looks_at_the_looped_ones_alone() -> None:
    strangers = {
        position_key(AAVE, an_address(f"stranger {n}")): a_position(owed_scaled=WAD)
        for n in range(50)
    }
    view = Ledger(two_loops() | strangers)
    rule = CountingAave(AAVE)
    rule.looked_at = []
    book = PositionBook(view, a_block(), [rule], str)
    rule.looked_at = []
    loops = LoopBook(book, view, [rule])
    loops.page(LoopFilter())
    assert sorted(rule.looked_at) == sorted([ANN, BOB])


def test_row__shown_after_the_ledger_moved_on__is_of_the_books_own_block() -> None:
    told = a_book(two_loops()).page(LoopFilter())
    view = Ledger(two_loops())
    book = LoopBook(PositionBook(view, a_block(), [Aave(AAVE)], str), view, [Aave(AAVE)])
    view.put(position_key(AAVE, ANN), a_position(owed_scaled=WAD))
    view.put(price_key(AAVE, WETH), a_price(1))
    view.put(reserve_key(AAVE, USDC), None)
    assert book.page(LoopFilter()) == told


def test_book__that_nobody_asks_any_more__is_gone_without_the_collector() -> None:
    gc.disable()  # a book holds all positions of its block: two or three of them are a market
    try:
        book = a_book(two_loops())
        book.page(LoopFilter())
        known = weakref.ref(book)
        del book
        assert known() is None
    finally:
        gc.enable()
