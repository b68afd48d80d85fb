"""The graph over contracts of every kind: what it recognises, asks, and makes of the answers."""

from dataclasses import replace
from itertools import pairwise

import pytest
from builders import WETH, a_reserve, an_address
from unit.oracles.contracts import (
    AGGREGATOR,
    FEED,
    NOW,
    RATE,
    VIEWS,
    Answers,
    Chain,
    a_proxy,
    a_round,
    polled,
)

from monitor.core.events import PriceMoved
from monitor.core.keys import Kind, feed_key, pair_key, price_key, reserve_key, token_key
from monitor.core.ledger import Ledger, each, find
from monitor.core.pairs import Pair, Token
from monitor.core.prices import Feed, Price, PriceKind
from monitor.core.units import (
    WAD,
    YEAR_SECONDS,
    ZERO_ADDRESS,
    Address,
    BaseValue,
    MarketId,
    RawAmount,
    Shares,
    Wad,
)
from monitor.oracles.family import MULTICALL3
from monitor.oracles.graph import OracleGraph
from monitor.oracles.recognition import MOST_CONTRACTS
from monitor.oracles.way import MOST_EDGES, NOT_FOLLOWED, Cadence

MARKET, ROOT = MarketId("m"), an_address("root")
ETHER = 2_000 * 10**8
ADAPTER = {"decimals": 8, "description": "Adapter"}
STAKED = an_address("wstETH")
BARE: Answers = {
    "SCALE_FACTOR": 1,
    "BASE_VAULT": ZERO_ADDRESS,
    "QUOTE_VAULT": ZERO_ADDRESS,
    "BASE_VAULT_CONVERSION_SAMPLE": 1,
    "QUOTE_VAULT_CONVERSION_SAMPLE": 1,
    "latestRoundData": a_round(1),
}
"""A composed oracle, but for its feeds."""


def ledger_of(value: int | None, source: Address | None = ROOT) -> Ledger:
    """One asset whose market says that its price is this, and whom it asked."""
    price = Price(None if value is None else BaseValue(value), source)
    return Ledger(
        {
            reserve_key(MARKET, STAKED): a_reserve(STAKED, symbol="wstETH"),
            reserve_key(MARKET, WETH): a_reserve(WETH, symbol="WETH"),
            price_key(MARKET, STAKED): price,
        }
    )


def graph_of(cadences: dict[Address, Cadence] | None = None) -> OracleGraph:
    return OracleGraph([MARKET], VIEWS, cadences or {})


def read(chain: Chain, value: int | None, cadences: dict[Address, Cadence] | None = None) -> Price:
    ledger = ledger_of(value)
    polled(graph_of(cadences), chain, ledger)
    found = find(ledger, price_key(MARKET, STAKED), Price)
    assert found is not None
    return found


def ratio_cap(ratio: int, *, snapshot: int = WAD, yearly_bps: int = 1_000) -> Answers:
    return {
        **ADAPTER,
        "BASE_TO_USD_AGGREGATOR": FEED,
        "RATIO_PROVIDER": RATE,
        "RATIO_DECIMALS": 18,
        "getRatio": ratio,
        "getSnapshotRatio": snapshot,
        "getSnapshotTimestamp": NOW - YEAR_SECONDS,
        "getMaxYearlyGrowthRatePercent": yearly_bps,
        "getMaxRatioGrowthPerSecondScaled": snapshot * yearly_bps * 10**6 // 10**4 // YEAR_SECONDS,
        "isCapped": ratio > snapshot * (10_000 + yearly_bps) // 10_000,
    }


def price_cap(price: int, cap: int) -> Answers:
    capped = {"getPriceCap": cap, "isCapped": price > cap}
    return {**ADAPTER, "ASSET_TO_USD_AGGREGATOR": FEED, **capped}


def test_proxy__is_followed_to_its_aggregator() -> None:
    price = read({ROOT: a_proxy(ETHER)}, ETHER)
    assert price.kind is PriceKind.MARKET
    assert [(edge.source, edge.what) for edge in price.path] == [
        (ROOT, "Chainlink proxy, phase 3"),
        (AGGREGATOR, "ETH / USD"),
    ]
    assert (price.emitter, price.answered_unix) == (AGGREGATOR, NOW - 60)
    assert price.path[-1].asset == STAKED  # it prices wstETH alone: that is what it reports


def test_proxy__of_an_exchange_rate__reports_no_market() -> None:
    price = read({ROOT: a_proxy(WAD, "WSTETH-STETH Exchange Rate")}, WAD)
    assert price.kind is PriceKind.EXCHANGE_RATE
    assert price.emitter is None


@pytest.mark.parametrize(("ratio", "binds"), [(105 * WAD // 100, False), (2 * WAD, True)])
def test_ratio_cap__moves_with_its_base__and_binds_above_its_line(ratio: int, binds: bool) -> None:
    line = WAD + (WAD // 10 * 10**6 // YEAR_SECONDS) * YEAR_SECONDS // 10**6
    answer = ETHER * min(ratio, line) // WAD
    price = read({ROOT: ratio_cap(ratio), FEED: a_proxy(ETHER), RATE: {}}, answer)
    root = price.path[0]
    assert (price.kind, root.fault) == (PriceKind.CAPPED, "")
    assert price.cap_value == root.cap == ETHER * line // WAD
    assert root.uncapped == ETHER * ratio // WAD
    assert root.binds is binds
    assert price.cap_follows
    assert root.cap_reads == (FEED,)
    assert price.path[-1].kind is PriceKind.EXCHANGE_RATE


def test_ratio_cap__where_nobody_tells_the_time__is_a_cap_of_unknown_height() -> None:
    price = read({ROOT: ratio_cap(WAD), FEED: a_proxy(ETHER), RATE: {}, MULTICALL3: {}}, ETHER)
    assert (price.kind, price.cap_value, price.path[0].fault) == (PriceKind.CAPPED, None, "")


def test_price_cap__stands_still() -> None:
    price = read({ROOT: price_cap(10**8, 104 * 10**6), FEED: a_proxy(10**8)}, 10**8)
    assert (price.kind, price.cap_value, price.cap_follows) == (
        PriceKind.CAPPED,
        104 * 10**6,
        False,
    )


def test_cap_below_the_root__binds_the_root_in_proportion() -> None:
    base = {**price_cap(ETHER, 3_000 * 10**8), "latestAnswer": ETHER}
    oracle = {**ADAPTER, "ethSource": FEED, "steth": RATE}
    inner = an_address("inner")
    chain = {
        ROOT: oracle,
        FEED: {**base, "ASSET_TO_USD_AGGREGATOR": inner},
        inner: a_proxy(ETHER),
        RATE: {"getPooledEthByShares": lambda shares: shares * 6 // 5},
    }
    price = read(chain, ETHER * 6 // 5)
    assert price.kind is PriceKind.CAPPED
    assert price.cap_value == 3_600 * 10**8


@pytest.mark.parametrize(
    ("contract", "value", "kind"),
    [
        ({**ADAPTER, "DECIMALS": 8, "price": 10**8}, 10**8, PriceKind.FIXED),
        ({**ADAPTER, "DECIMALS": 8, "PRICE": 10**8}, 10**8, PriceKind.FIXED),
        ({"ST_ETH": RATE, "decimals": 18}, WAD, PriceKind.EXCHANGE_RATE),
        ({"ethSource": FEED, "weeth": RATE, "decimals": 8}, 0, PriceKind.EXCHANGE_RATE),
        ({"decimals": 8, "latestAnswer": 1}, 1, None),
        ({"asset": FEED}, 1, None),
        ({"minAnswer": 1, "maxAnswer": 9, "latestRoundData": a_round(5)}, 5, PriceKind.MARKET),
    ],
    ids=["fixed", "constant", "rate feed", "staked ether", "stranger", "vault", "aggregator"],
)
def test_kind__of_a_contract__is_told_by_its_getters(
    contract: Answers, value: int, kind: PriceKind | None
) -> None:
    chain = {ROOT: contract, FEED: a_proxy(ETHER), RATE: {"getRate": 0}}
    assert read(chain, value).kind is kind


def test_rate_times_another_assets_market__is_an_exchange_rate() -> None:
    """wstETH by ETH / USD: ether's own price is asked of the same feed."""
    chain = {
        ROOT: {"ethSource": FEED, "steth": RATE, "decimals": 8},
        FEED: a_proxy(ETHER),
        RATE: {"getPooledEthByShares": lambda shares: shares * 2},
    }
    ledger = ledger_of(2 * ETHER)
    ledger.put(price_key(MARKET, WETH), Price(BaseValue(ETHER), FEED))
    polled(graph_of(), chain, ledger)
    price = find(ledger, price_key(MARKET, STAKED), Price)
    assert price is not None
    assert price.kind is PriceKind.EXCHANGE_RATE
    assert [edge.asset for edge in price.path if edge.reports_market] == [WETH]


def test_token__that_a_stranger_calls_ether__is_not_what_ethers_feed_reports() -> None:
    chain = {
        ROOT: {"ethSource": FEED, "steth": RATE, "decimals": 8},
        FEED: a_proxy(ETHER),
        RATE: {"getPooledEthByShares": lambda shares: shares * 2},
    }
    ledger = ledger_of(2 * ETHER)
    ledger.put(token_key(an_address("fake")), Token("ETH", 18))
    polled(graph_of(), chain, ledger)
    price = find(ledger, price_key(MARKET, STAKED), Price)
    assert price is not None
    assert [edge.asset for edge in price.path if edge.reports_market] == [WETH]


def test_discount__is_a_rate_that_time_moves() -> None:
    contract = {
        **ADAPTER,
        "ASSET_TO_USD_AGGREGATOR": FEED,
        "PENDLE_PRINCIPAL_TOKEN": STAKED,
        "MATURITY": NOW + 90,
        "getCurrentDiscount": WAD // 10,
    }
    price = read({ROOT: contract, FEED: a_proxy(10**8)}, 9 * 10**7)
    assert (price.path[0].kind, price.path[0].fault) == (PriceKind.EXCHANGE_RATE, "")


def test_pegged__counts_one_feed_in_the_other() -> None:
    asset, base = an_address("asset to peg"), an_address("peg to base")
    contract = {**ADAPTER, "ASSET_TO_PEG": asset, "PEG_TO_BASE": base, "DENOMINATOR": 10**16}
    one, other = an_address("aggregator 1"), an_address("aggregator 2")
    chain = {
        ROOT: contract,
        asset: a_proxy(99 * 10**6, "WSTETH / ETH", one),
        base: a_proxy(ETHER, "ETH / USD", other),
    }
    price = read(chain, ETHER * 99 // 100)
    assert price.kind is PriceKind.MARKET
    leaves = {edge.source: (edge.asset, edge.quote) for edge in price.path if edge.reports_market}
    assert leaves == {one: (STAKED, WETH), other: (WETH, None)}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"isCapped": True}, "it says isCapped() True, where what it reads makes False"),
        ({"getPriceCap": 10**6}, "it answers 100000000, where what it reads makes 1000000"),
    ],
)
def test_contract__that_answers_otherwise_than_its_kind__is_named_and_not_believed(
    told: Answers, words: str
) -> None:
    chain = {ROOT: {**price_cap(10**8, 104 * 10**6), **told}, FEED: a_proxy(10**8)}
    price = read(chain, 10**8)
    assert (price.path[0].fault, price.kind) == (words, None)


def test_contract__that_answers_whatever_it_is_asked__is_none_of_these() -> None:
    class Anything(dict[str, object]):
        def __contains__(self, _: object) -> bool:
            return True

        def __getitem__(self, _: str) -> object:
            return 5

    assert read({ROOT: Anything()}, 5).kind is None


def test_contract__without_code__is_asked_again_and_found_once_it_is_there() -> None:
    ledger, graph = ledger_of(ETHER), graph_of()
    assert len(polled(graph, {}, ledger)) == 1
    assert find(ledger, feed_key(ROOT), Feed) is None
    assert len(polled(graph, {}, ledger)) == 1
    polled(graph, {ROOT: a_proxy(ETHER)}, ledger)
    known = find(ledger, feed_key(ROOT), Feed)
    assert known is not None
    assert known.family == "chainlink_proxy"


def test_settled_graph__is_one_round__also_when_an_aggregator_is_replaced() -> None:
    chain = {ROOT: ratio_cap(WAD), FEED: a_proxy(ETHER), RATE: {}}
    ledger, graph = ledger_of(ETHER), graph_of()
    assert len(polled(graph, chain, ledger)) > 1
    assert len(polled(graph, chain, ledger)) == 1
    new = an_address("new aggregator")
    switched = {**chain, FEED: {**a_proxy(ETHER, aggregator=new), "phaseId": 4}}
    assert len(polled(graph, switched, ledger)) == 1
    price = find(ledger, price_key(MARKET, STAKED), Price)
    assert price is not None
    assert price.emitter == new


def test_source__that_is_asked_no_more__is_forgotten_with_all_behind_it() -> None:
    chain = {ROOT: ratio_cap(WAD), FEED: a_proxy(ETHER), RATE: {}}
    ledger, graph = ledger_of(ETHER), graph_of()
    polled(graph, chain, ledger)
    ledger.put(price_key(MARKET, STAKED), Price(BaseValue(ETHER), FEED))
    polled(graph, chain, ledger)
    fresh = ledger_of(ETHER, FEED)
    polled(graph_of(), chain, fresh)
    assert dict(ledger.records()) == dict(fresh.records())
    assert [key.subject for key, _ in each(ledger, Kind.FEED, MarketId(""), Feed)] == [FEED]


def test_price__without_a_source_any_more__has_no_way() -> None:
    ledger, graph = ledger_of(ETHER), graph_of()
    polled(graph, {ROOT: a_proxy(ETHER)}, ledger)
    known = find(ledger, price_key(MARKET, STAKED), Price)
    assert known is not None
    ledger.put(price_key(MARKET, STAKED), replace(known, source=None))
    told = [event for event in graph.polled(ledger, {}) if isinstance(event, PriceMoved)]
    assert [event.price for event in told] == [Price(BaseValue(ETHER))]


def test_source__that_names_itself__ends_there() -> None:
    price = read({ROOT: {**price_cap(10**8, 10**8), "ASSET_TO_USD_AGGREGATOR": ROOT}}, 10**8)
    assert [edge.what for edge in price.path][-1] == NOT_FOLLOWED
    assert price.kind is PriceKind.CAPPED


def test_way__that_branches_at_every_step__is_cut() -> None:
    names = ("BASE_FEED_1", "BASE_FEED_2", "QUOTE_FEED_1", "QUOTE_FEED_2")
    levels = [an_address(f"level {n}") for n in range(9)]
    chain = {here: {**BARE, **dict.fromkeys(names, there)} for here, there in pairwise(levels)}
    ledger = ledger_of(1, levels[0])
    polled(graph_of(), chain, ledger)
    price = find(ledger, price_key(MARKET, STAKED), Price)
    assert price is not None
    assert price.kind is None
    assert len(price.path) < 6 * MOST_EDGES


def sprawl() -> dict[Address, Answers]:
    """Contracts each of which names four more, called by level and number; the last are feeds."""
    names = ("BASE_FEED_1", "BASE_FEED_2", "QUOTE_FEED_1", "QUOTE_FEED_2")
    here, chain = [ROOT], dict[Address, Answers]()
    for level in range(5):
        there = [an_address(f"{level} {n}") for n in range(4 * len(here))]
        for n, contract in enumerate(here):
            chain[contract] = {**BARE, **dict(zip(names, there[4 * n :], strict=False))}
        here = there
    return chain | {contract: a_proxy(1, aggregator=contract) for contract in here}


def test_contracts__ever_more_of_them_behind_one__are_not_all_asked() -> None:
    chain, ledger = sprawl(), ledger_of(1)
    polled(graph_of(), chain, ledger)
    assert len(list(each(ledger, Kind.FEED, MarketId(""), Feed))) == MOST_CONTRACTS
    assert sum(polled(graph_of(), chain, ledger)) < 5 * MOST_CONTRACTS


def test_contract__too_many_behind_one_price__but_behind_another__is_on_the_others_way() -> None:
    middle, last = an_address("2 0"), an_address("4 0")
    chain, graph, ledger = sprawl(), graph_of(), ledger_of(1)
    ledger.put(price_key(MARKET, WETH), Price(BaseValue(1), middle))
    polled(graph, chain, ledger)
    chain[last] = a_proxy(2, aggregator=last)
    polled(graph, chain, ledger)
    fresh = ledger_of(1)
    fresh.put(price_key(MARKET, WETH), Price(BaseValue(1), middle))
    polled(graph_of(), chain, fresh)
    assert dict(ledger.records()) == dict(fresh.records())


def test_cadence__is_the_slowest_feeds__and_unknown_while_one_is() -> None:
    asset, base = an_address("asset to peg"), an_address("peg to base")
    contract = {**ADAPTER, "ASSET_TO_PEG": asset, "PEG_TO_BASE": base, "DENOMINATOR": 10**8}
    one, other = an_address("aggregator 1"), an_address("aggregator 2")
    chain = {
        ROOT: contract,
        asset: a_proxy(1, "A / B", one),
        base: a_proxy(1, "B / USD", other),
    }
    hourly, daily = Cadence(3_600, 5_000), Cadence(86_400, 2_500)
    both = read(chain, 1, {asset: hourly, other: daily})
    assert (both.heartbeat_seconds, both.deviation_ppm) == (86_400, 5_000)
    assert read(chain, 1, {asset: hourly}).heartbeat_seconds is None


def a_pair(oracle: Address) -> Pair:
    """WETH lent against wstETH."""
    return Pair(
        loan=WETH,
        collateral=STAKED,
        oracle=oracle,
        rate_model=ZERO_ADDRESS,
        lltv_wad=Wad(WAD),
        updated_unix=0,
        supply_raw=RawAmount(0),
        supply_shares=Shares(0),
        debt_raw=RawAmount(0),
        debt_shares=Shares(0),
        collateral_raw=RawAmount(0),
        fee_wad=Wad(0),
    )


def of_pair(chain: Chain, value: int) -> Price:
    """The price of the pair that asks ROOT."""
    key = price_key(MARKET, STAKED, "0x01")
    ledger = Ledger({pair_key(MARKET, "0x01"): a_pair(ROOT), key: Price(BaseValue(value), ROOT)})
    polled(graph_of(), chain, ledger)
    price = find(ledger, key, Price)
    assert price is not None
    assert price.path[0].fault == ""
    return price


COMPOSED = {
    "SCALE_FACTOR": 10**36,
    "BASE_VAULT": ZERO_ADDRESS,
    "QUOTE_VAULT": ZERO_ADDRESS,
    "BASE_VAULT_CONVERSION_SAMPLE": 1,
    "QUOTE_VAULT_CONVERSION_SAMPLE": 1,
    "BASE_FEED_1": FEED,
    "BASE_FEED_2": ZERO_ADDRESS,
    "QUOTE_FEED_1": ZERO_ADDRESS,
    "QUOTE_FEED_2": ZERO_ADDRESS,
}


@pytest.mark.parametrize("has_quote_feed", [True, False])
def test_pairs_oracle__reports_the_collateral_over_the_loan(has_quote_feed: bool) -> None:
    loan_feed = an_address("loan feed")
    quote = loan_feed if has_quote_feed else ZERO_ADDRESS
    chain = {
        ROOT: {**COMPOSED, "QUOTE_FEED_1": quote},
        FEED: a_proxy(24, "something"),
        loan_feed: a_proxy(20, "else", an_address("loan aggregator")),
    }
    price = of_pair(chain, 10**36 * 24 // (20 if has_quote_feed else 1))
    assert price.kind is PriceKind.MARKET
    leaves = [(e.asset, e.quote, e.exponent) for e in price.path if e.reports_market]
    expected = [(STAKED, None, 1), (WETH, None, -1)] if has_quote_feed else [(STAKED, WETH, 1)]
    assert leaves == expected


@pytest.mark.parametrize("prefix", ["BASE_", ""], ids=["second version", "first version"])
def test_pairs_vault__is_a_rate__and_the_feed_beside_it_reports_what_it_holds(prefix: str) -> None:
    vault, held = an_address("vault"), an_address("held")
    oracle = {k: v for k, v in COMPOSED.items() if "VAULT" not in k or prefix}
    chain = {
        ROOT: {**oracle, f"{prefix}VAULT": vault, f"{prefix}VAULT_CONVERSION_SAMPLE": 10},
        vault: {"asset": held, "convertToAssets": lambda shares: shares * 3 // 2},
        FEED: a_proxy(4, "something"),
    }
    price = of_pair(chain, 10**36 * 60)
    assert price.kind is PriceKind.EXCHANGE_RATE
    assert [edge.asset for edge in price.path if edge.reports_market] == [held]
