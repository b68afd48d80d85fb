"""The graph of claims as it is told: a vault that lends in one market and is pledged in another."""

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

from monitor.core.keys import Key, market_key, position_key, price_key, receipt_key, reserve_key
from monitor.core.ledger import Ledger, Position, Record
from monitor.core.ports import ClaimFilter
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.units import AssetId, MarketId, RawAmount, Shares
from monitor.engine.claim_book import ClaimBook
from monitor.engine.positions import PositionBook
from monitor.errors import QuestionError
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan

LENDS, TAKES = MarketId("lends"), MarketId("takes")
SHARE, PLAIN = AssetId(an_address("share")), an_address("aUSDC")
ONE, TWO, THREE = (an_address(name) for name in ("one", "two", "three"))
RULES = [
    PROTOCOLS["aave_v3"](MarketPlan(market, an_address(market), 0), abi_library)
    for market in (LENDS, TAKES)
]
VAULT = Receipt(
    kind=ReceiptKind.ERC4626,
    underlying=USDC,
    unit_shares=Shares(1),
    unit_assets_raw=RawAmount(1),
    assets_raw=RawAmount(100),
    idle_raw=RawAmount(40),
)
"""It lends 60 of 100 USDC in `lends`."""


def a_world(**changes: int | None) -> PositionBook:
    """In `takes` ONE pledges 30 shares, TWO 10, and THREE 60 WETH; all are worth a dollar."""
    share_price = changes.get("share_price", 10**8)
    records: dict[Key, Record] = {
        market_key(LENDS): a_market(),
        market_key(TAKES): a_market(),
        reserve_key(LENDS, USDC): a_reserve(USDC, symbol="USDC"),
        reserve_key(TAKES, WETH): a_reserve(WETH),
        reserve_key(TAKES, SHARE): a_reserve(SHARE, symbol="vUSDC"),
        price_key(LENDS, USDC): a_price(10**8),
        price_key(TAKES, WETH): a_price(10**8),
        price_key(TAKES, SHARE): a_price(share_price, reason="the oracle answers 0"),
        receipt_key(SHARE): VAULT,
        position_key(LENDS, SHARE): Position((a_holding(USDC, 60),)),
        position_key(TAKES, ONE): Position((a_holding(SHARE, 30 * 10**18, used=True),)),
        position_key(TAKES, TWO): Position((a_holding(SHARE, 10 * 10**18, used=True),)),
        position_key(TAKES, THREE): a_position(60 * 10**18),
    }
    return PositionBook(Ledger(records), a_block(), RULES, str)


def told(wanted: ClaimFilter | None = None, **changes: int | None) -> dict[str, Any]:
    return ClaimBook(a_world(**changes)).page(wanted or ClaimFilter())


def row(symbol: str, **changes: int | None) -> dict[str, Any]:
    [found] = told(ClaimFilter(symbol), **changes)["claims"]
    return dict(found)


def test_collateral__that_is_a_claim__says_what_it_rests_on_and_who_shares_it() -> None:
    lends = {"market": "lends", "sub_market": None}
    assert row("vUSDC") == {
        "asset": SHARE,
        "symbol": "vUSDC",
        "kind": "erc4626",
        "underlying": USDC,
        "rests_on": [
            {"asset": USDC, "symbol": "USDC", **lends, "share": 0.6},
            {"asset": USDC, "symbol": "USDC", "market": None, "sub_market": None, "share": 0.4},
        ],
        "circular": 0.0,
        "unseen": 0.0,
        "claims_on": [{**lends, "share": 0.6}],
        "shared_by": [
            {
                "market": "takes",
                "sub_market": None,
                "pledged": {"asset": SHARE, "symbol": "vUSDC"},
                "amount": str(40 * 10**18),
                "value_usd": "40.00",
                "share": 1.0,
                "owners": 2,
                "top1": 0.75,
            }
        ],
    }


def test_asset__pledged_nowhere_itself__is_shared_by_those_that_pledge_claims_on_it() -> None:
    [sharing] = row("USDC")["shared_by"]
    assert (sharing["market"], sharing["pledged"]["symbol"], sharing["share"]) == (
        *("takes", "vUSDC"),
        1.0,
    )


def test_markets__with_claims_as_collateral__say_on_whom_and_how_much() -> None:
    assert told()["markets"] == [
        {
            "market": "takes",
            "sub_market": None,
            "collateral_usd": "100.00",
            "claims_on": [
                {"market": "lends", "sub_market": None, "value_usd": "24.00", "share": 0.24}
            ],
        }
    ]


def test_market__whose_claim_has_no_price__says_that_it_is_unknown() -> None:
    [market] = told(share_price=None)["markets"]
    assert (market["collateral_usd"], market["claims_on"][0]["share"]) == (None, None)
    assert row("vUSDC", share_price=None)["shared_by"][0]["value_usd"] is None


def test_page__of_all__is_by_value_pledged_then_what_is_of_unknown_value() -> None:
    def symbols(share_price: int | None) -> list[str]:
        return [one["symbol"] for one in told(share_price=share_price)["claims"]]

    assert symbols(10**8) == ["WETH", "vUSDC", "USDC"]
    assert symbols(10**9) == ["vUSDC", "WETH", "USDC"]
    assert symbols(None) == ["WETH", "vUSDC", "USDC"]


def test_markets__of_a_page__are_those_where_something_shown_is_pledged() -> None:
    assert told(ClaimFilter(PLAIN))["markets"] == []
    assert told(ClaimFilter("WETH"))["markets"] == told()["markets"]


def test_atoken__that_nobody_pledges__is_told_of_when_asked_for() -> None:
    claimed = row(PLAIN)
    assert (claimed["kind"], claimed["underlying"], claimed["shared_by"]) == (
        *("aave_atoken", USDC),
        [],
    )


def test_page__cut__goes_on_where_it_ended() -> None:
    first = told(ClaimFilter(limit=2))
    second = told(ClaimFilter(cursor=first["next"], limit=1000))
    assert [*first["claims"], *second["claims"]] == told()["claims"]
    assert second["next"] is None


def test_asset__by_its_address_in_any_case__is_found() -> None:
    wanted = ClaimFilter("0x" + SHARE[2:].upper())
    assert [one["symbol"] for one in told(wanted)["claims"]] == ["vUSDC"]


def test_asset__that_nobody_knows__is_refused() -> None:
    with pytest.raises(QuestionError, match="neither pledged anywhere nor a claim") as refused:
        told(ClaimFilter("DOGE"))
    assert refused.value.status == 404
