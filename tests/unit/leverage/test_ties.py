"""Which assets are pegged to one another."""

from collections.abc import Iterable, Mapping

import pytest
from builders import USDC, WETH, a_market, a_reserve, an_address

from monitor.core.keys import Key, market_key, pair_key, price_key, receipt_key, reserve_key
from monitor.core.ledger import Ledger, Record
from monitor.core.pairs import Pair
from monitor.core.prices import Edge, Price, PriceKind, kind_of_path
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.units import (
    Address,
    AssetId,
    BaseValue,
    MarketId,
    RawAmount,
    Shares,
    Wad,
)
from monitor.leverage.ties import Ties, moved, ties_of
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan

AAVE, MORPHO = MarketId("aave"), MarketId("morpho")
FIRST, SECOND = "0x" + "1" * 64, "0x" + "2" * 64
WSTETH, STETH, DAI, SUSDE, WBTC = (
    an_address(name) for name in ("wstETH", "stETH", "DAI", "sUSDe", "WBTC")
)
ETH_USD, STETH_ETH, USD_FEED, BTC_USD = (
    an_address(name) for name in ("ETH / USD", "stETH / ETH", "USDC / USD", "BTC / USD")
)
ADAPTER = an_address("adapter")
MARKET, RATE, CAPPED, FIXED = (
    PriceKind.MARKET,
    PriceKind.EXCHANGE_RATE,
    PriceKind.CAPPED,
    PriceKind.FIXED,
)
AAVE_RULES, MORPHO_RULES, ANY_PAIR = (
    PROTOCOLS[protocol](plan, abi_library)
    for protocol, plan in (
        ("aave_v3", MarketPlan(AAVE, an_address("aave"), 0)),
        (
            "morpho_blue",
            MarketPlan(MORPHO, an_address("morpho"), 0, sub_markets=frozenset({FIRST, SECOND})),
        ),
        ("morpho_blue", MarketPlan(MORPHO, an_address("morpho"), 0)),
    )
)
Records = dict[Key, Record]


def feed(
    source: Address,
    asset: AssetId | None,
    quote: AssetId | None = None,
    *,
    exponent: int = 1,
    usd: int | None = None,
) -> Edge:
    answer = None if usd is None else usd * 10**6
    return Edge(
        source,
        MARKET,
        "feed",
        exponent=exponent,
        asset=asset,
        quote=quote,
        answer=answer,
        decimals=8,
    )


def rate(*reads: Edge, kind: PriceKind | None = RATE) -> tuple[Edge, ...]:
    return (Edge(ADAPTER, kind, "adapter", tuple(edge.source for edge in reads)), *reads)


def a_price(asset: AssetId, path: tuple[Edge, ...], cents: int | None = 200_000) -> Price:
    value = None if cents is None else BaseValue(cents * 10**6)
    return Price(value, kind=kind_of_path(path, asset), path=path)


def listed(asset: AssetId, path: tuple[Edge, ...] = (), cents: int | None = 200_000) -> Records:
    """In Aave, at a price in USD cents."""
    return {
        reserve_key(AAVE, asset): a_reserve(asset, symbol=asset),
        price_key(AAVE, asset): a_price(asset, path, cents),
    }


def paired(
    collateral: AssetId, loan: AssetId, path: tuple[Edge, ...], sub_market: str = FIRST
) -> Records:
    """A Morpho market."""
    nothing = RawAmount(0)
    pair = Pair(
        loan,
        collateral,
        ADAPTER,
        ADAPTER,
        Wad(0),
        0,
        nothing,
        Shares(0),
        nothing,
        Shares(0),
        nothing,
        Wad(0),
    )
    return {
        pair_key(MORPHO, sub_market): pair,
        price_key(MORPHO, collateral, sub_market): a_price(collateral, path),
    }


def claim(underlying: AssetId | None, kind: ReceiptKind = ReceiptKind.RATE_PROVIDER) -> Receipt:
    return Receipt(kind, underlying)


def tied(
    *records: Mapping[Key, Record],
    correlated: Mapping[AssetId, frozenset[AssetId]] | None = None,
    anybody: bool = False,
) -> Ties:
    known: Records = {market_key(AAVE): a_market(), market_key(MORPHO): a_market()}
    for some in records:
        known |= some
    rules = [AAVE_RULES, ANY_PAIR if anybody else MORPHO_RULES]
    return ties_of(Ledger(known), rules, correlated or {})


def families(ties: Ties, assets: Iterable[AssetId]) -> int:
    return len({ties.root(asset) for asset in assets})


def test_asset__that_nothing_ties__is_pegged_to_itself_alone() -> None:
    ties = tied(listed(WETH), listed(WBTC))
    assert ties.is_pegged(WETH, WETH)
    assert not ties.is_pegged(WETH, WBTC)
    assert not ties.is_pegged(WETH, an_address("unheard of"))


def test_claim__and_its_underlying__are_pegged() -> None:
    ties = tied({receipt_key(WSTETH): claim(STETH), receipt_key(SUSDE): claim(None)})
    assert ties.is_pegged(WSTETH, STETH)
    assert not ties.is_pegged(SUSDE, WSTETH)


def test_supply_token__of_a_followed_market__is_pegged_to_its_asset() -> None:
    reserve = a_reserve(WETH)
    ties = tied({reserve_key(AAVE, WETH): reserve})
    assert ties.is_pegged(reserve.supply_token, WETH)


def test_operators_word__ties_assets() -> None:
    ties = tied(correlated={WETH: frozenset({WSTETH, STETH})})
    assert families(ties, [WETH, WSTETH, STETH]) == 1


@pytest.mark.parametrize("kind", [RATE, CAPPED])
def test_asset__priced_by_anothers_market_and_a_rate__is_pegged_to_it(kind: PriceKind) -> None:
    path = rate(feed(ETH_USD, WETH), kind=kind)
    assert tied(listed(WSTETH, path)).is_pegged(WSTETH, WETH)


def test_asset__priced_by_its_own_market__is_pegged_to_nothing() -> None:
    chain = rate(feed(STETH_ETH, STETH, WETH), feed(ETH_USD, WETH), kind=MARKET)
    assert not tied(listed(STETH, chain)).is_pegged(STETH, WETH)
    unknown = rate(feed(STETH_ETH, None, WETH), feed(ETH_USD, WETH))
    assert not tied(listed(WSTETH, unknown)).is_pegged(WSTETH, WETH)


def test_asset__priced_by_a_chain_of_feeds__is_pegged_to_what_the_first_reports() -> None:
    chain = rate(feed(STETH_ETH, STETH, WETH), feed(ETH_USD, WETH))
    ties = tied(listed(WSTETH, chain))
    assert ties.is_pegged(WSTETH, STETH)
    assert not ties.is_pegged(WSTETH, WETH)


def test_assets__that_one_feed_prices__are_pegged() -> None:
    cbbtc = an_address("cbBTC")
    ties = tied(
        listed(cbbtc, (feed(BTC_USD, None),)),
        listed(SUSDE, (feed(USD_FEED, None),)),
        listed(WBTC, rate(feed(BTC_USD, None))),
    )
    assert ties.is_pegged(cbbtc, WBTC)
    assert not ties.is_pegged(cbbtc, SUSDE)


def test_asset__behind_a_contract_not_recognised__is_pegged_to_nothing() -> None:
    path = rate(feed(ETH_USD, WETH), kind=None)
    ties = tied(listed(WSTETH, path), listed(WETH, (feed(ETH_USD, WETH),)))
    assert not ties.is_pegged(WSTETH, WETH)


@pytest.mark.parametrize(
    ("cents", "is_dollar"), [(80, True), (120, True), (79, False), (121, False), (None, False)]
)
def test_asset__a_feed_prices_near_a_dollar__is_one(cents: int | None, is_dollar: bool) -> None:
    ties = tied(
        listed(DAI, (feed(ADAPTER, DAI),), cents), listed(USDC, (feed(USD_FEED, USDC),), 100)
    )
    assert ties.is_pegged(DAI, USDC) is is_dollar


def a_cap(cents: int, *, moves: bool = False) -> tuple[Edge, ...]:
    source = feed(USD_FEED, USDC)
    reads = (source.source,)
    cap = Edge(
        ADAPTER,
        CAPPED,
        "cap",
        reads,
        cap=cents * 10**6,
        decimals=8,
        cap_reads=(USD_FEED,) if moves else (),
    )
    return cap, source


@pytest.mark.parametrize("cents", [50, 100])
def test_dollar__under_a_standing_cap__stays_one_whatever_it_costs(cents: int) -> None:
    ties = tied(listed(USDC, a_cap(104), cents), listed(DAI, (feed(ADAPTER, DAI),), 100))
    assert ties.is_pegged(USDC, DAI)


def test_cap__that_moves_or_is_far_from_a_dollar__makes_none() -> None:
    dollar = listed(DAI, (feed(ADAPTER, DAI),), 100)
    assert not tied(listed(USDC, a_cap(130), 100), dollar).is_pegged(USDC, DAI)
    assert not tied(listed(USDC, a_cap(104, moves=True), 100), dollar).is_pegged(USDC, DAI)


def test_rate__that_stands_near_one__makes_no_dollar() -> None:
    ties = tied(
        listed(SUSDE, rate(feed(ADAPTER, None)), 110), listed(DAI, (feed(USD_FEED, DAI),), 100)
    )
    assert not ties.is_pegged(SUSDE, DAI)


def test_share__of_a_dollar__is_a_dollar_at_any_price() -> None:
    usde = an_address("USDe")
    ties = tied(
        listed(SUSDE, rate(feed(USD_FEED, usde)), 150),
        listed(usde, (feed(USD_FEED, usde),), 100),
        listed(DAI, (feed(ADAPTER, DAI),), 101),
    )
    assert ties.is_pegged(SUSDE, DAI)


def test_price__counted_in_another_currency__makes_no_dollar() -> None:
    """Aave V2 counts in ETH: what costs one ether there is no dollar."""
    records = listed(DAI, (feed(ADAPTER, DAI),), 100) | {
        price_key(AAVE, WETH): Price(BaseValue(10**18)),
        reserve_key(AAVE, WETH): a_reserve(WETH),
    }
    assert not tied(records).is_pegged(WETH, DAI)


def test_pair__whose_oracle_is_a_rate__is_pegged_there_and_by_the_operators_choice() -> None:
    records = paired(WSTETH, WETH, (Edge(ADAPTER, RATE, "rate"),))
    chosen = tied(records)
    assert chosen.pairs == {(MORPHO, FIRST)}
    assert chosen.is_pegged(WSTETH, WETH)


def test_pair__that_a_stranger_opened__ties_nothing_elsewhere() -> None:
    """Else anybody could peg WBTC to USDC for everybody, by a market nobody uses."""
    records = paired(WBTC, USDC, (Edge(ADAPTER, RATE, "rate"),))
    ties = tied(records, anybody=True)
    assert ties.pairs == {(MORPHO, FIRST)}
    assert not ties.is_pegged(WBTC, USDC)
    named = paired(WBTC, USDC, rate(feed(ETH_USD, WETH)))
    assert not tied(named, anybody=True).is_pegged(WBTC, WETH)


def test_pair__priced_by_markets__is_not_pegged() -> None:
    path = rate(feed(ETH_USD, WETH, usd=200_000), feed(USD_FEED, USDC, exponent=-1, usd=100))
    ties = tied(paired(WSTETH, USDC, path))
    assert not ties.pairs
    assert ties.is_pegged(WSTETH, WETH)
    assert not ties.is_pegged(WSTETH, USDC)


def test_pair__with_one_feed_on_both_sides__is_pegged() -> None:
    path = rate(feed(ETH_USD, WETH), feed(ETH_USD, WETH, exponent=-1))
    assert tied(paired(WSTETH, WETH, path)).pairs == {(MORPHO, FIRST)}


def test_pair__of_two_dollars_by_their_feeds__is_pegged() -> None:
    both = rate(feed(ADAPTER, None, usd=99), feed(USD_FEED, USDC, exponent=-1, usd=101))
    assert tied(paired(SUSDE, USDC, both)).pairs
    fallen = rate(feed(ADAPTER, None, usd=60), feed(USD_FEED, USDC, exponent=-1, usd=101))
    assert not tied(paired(SUSDE, USDC, fallen)).pairs
    in_eth = (feed(STETH_ETH, STETH, WETH, usd=100),)
    assert not tied(paired(STETH, WETH, in_eth)).pairs


def test_pair__behind_a_contract_not_recognised_or_unknown__is_not_pegged() -> None:
    assert not tied(paired(WSTETH, WETH, rate(kind=None))).pairs
    assert not tied(paired(WSTETH, WETH, ())).pairs


def test_ties__go_on_from_asset_to_asset() -> None:
    ties = tied(
        {receipt_key(WSTETH): claim(STETH)},
        listed(WSTETH, rate(feed(ETH_USD, WETH))),
        correlated={WETH: frozenset({WBTC})},
    )
    assert families(ties, [WSTETH, STETH, WETH, WBTC]) == 1


def test_moved__between_two_blocks__names_who_was_tied_or_untied() -> None:
    before = tied(listed(WETH), listed(DAI, (feed(ADAPTER, DAI),), 100))
    after = tied(
        listed(WETH), listed(DAI, (feed(ADAPTER, DAI),), 70), {receipt_key(WSTETH): claim(STETH)}
    )
    assert not moved(before, before)
    told = moved(before, after)
    assert DAI in told
    assert told & {WSTETH, STETH}
    assert WETH not in told
    assert moved(after, before) == told
