"""What moves an oracle price in a projection, and what does not."""

from dataclasses import replace
from fractions import Fraction

import pytest
from unit.simulation.worlds import (
    ADAPTER,
    BLOCK,
    BY_RATE,
    DOLLAR,
    ETH,
    ETH_FEED,
    ORACLE,
    RATE,
    RATE_EDGE,
    USD,
    USDC,
    USDC_FEED,
    WETH,
    WSTETH,
    WSTETH_FEED,
    account_number,
    borrower,
    debt,
    market,
    pair,
    pledge,
    pool,
    priced,
    scenario,
    world,
)

from monitor.core.prices import Edge, PriceKind
from monitor.core.risk import AssetSheet, WorldSheet
from monitor.core.units import Address, AssetId
from monitor.errors import QuestionError
from monitor.simulation.cascade import Outcome, play
from monitor.simulation.columns import Columns, columns_of
from monitor.simulation.options import Options
from monitor.simulation.projection import factors_of, names_of

DEEP = 1e9


def eth_world(wsteth: AssetSheet, *, wsteth_mid: float = 1.0) -> WorldSheet:
    assets = [priced(WETH, PriceKind.MARKET, ETH), wsteth, priced(USDC, PriceKind.MARKET, DOLLAR)]
    pools = [
        pool(WETH, USDC, DEEP, number=1),
        pool(WSTETH, WETH, DEEP, number=2, mid_factor=wsteth_mid),
    ]
    return world(market([], assets=assets), pools)


def played(sheet: WorldSheet, options: Options | None = None, **moves: float) -> Outcome:
    columns = columns_of(sheet)
    return play(columns, factors_of(sheet, columns, scenario(**moves)), options or Options())


def usd_of(
    sheet: WorldSheet, outcome: Outcome, asset: AssetId, place: int = 0, *, end: bool = False
) -> float:
    """The oracle price of a whole token in one market, after the shock or at the end."""
    columns: Columns = columns_of(sheet)
    state = outcome.end if end else outcome.shocked
    at = next(n for n, q in enumerate(columns.quotes) if (q.asset, q.market) == (asset, place))
    return float(state.prices[at] * 10.0 ** (columns.quotes[at].decimals or 0))


def test_feed_behind_a_proxy__off_before_the_shock__is_updated_to_the_market() -> None:
    proxy = Edge(ADAPTER, PriceKind.MARKET, "proxy", (ETH_FEED,), answer=2000 * USD, decimals=8)
    behind = priced(WETH, PriceKind.MARKET, proxy, replace(ETH, answer=2000 * USD, decimals=8))
    assets = [behind, priced(USDC, PriceKind.MARKET, DOLLAR)]
    sheet = world(market([], assets=assets), [pool(WETH, USDC, DEEP, mid_factor=0.9)])
    outcome = played(sheet, WETH=0)
    assert usd_of(sheet, outcome, WETH, end=True) == pytest.approx(1800, rel=1e-6)


def test_feed_in_a_composed_price__off_before_the_shock__is_updated_to_the_market() -> None:
    root = Edge(ORACLE, PriceKind.MARKET, "composed", (ETH_FEED, USDC_FEED))
    told = replace(ETH, answer=2000 * USD, decimals=8)
    loans = pair(WETH, USDC, Fraction(2000), root, told, replace(DOLLAR, exponent=-1))
    dollars = market([], assets=[priced(USDC, PriceKind.MARKET, DOLLAR)])
    sheet = world([dollars, loans], [pool(WETH, USDC, DEEP, mid_factor=0.9)])
    assert usd_of(sheet, played(sheet, WETH=0), WETH, 1, end=True) == pytest.approx(1800, rel=1e-6)


def test_exchange_rate__depeg_of_its_asset__does_not_move() -> None:
    sheet = eth_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE))
    outcome = played(sheet, wstETH=-0.1)
    assert usd_of(sheet, outcome, WSTETH) == 2400
    assert usd_of(sheet, outcome, WSTETH, end=True) == 2400


def test_exchange_rate__fall_of_its_base__follows() -> None:
    sheet = eth_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE))
    outcome = played(sheet, WETH=-0.3)
    assert usd_of(sheet, outcome, WSTETH) == pytest.approx(1680)
    # The ratio is kept in the market too: nobody named wstETH.
    assert outcome.shocked.pools[1] == columns_of(sheet).pools[1]


def test_market_feed__pool_far_off__is_updated_and_the_rate_is_not() -> None:
    own = Edge(WSTETH_FEED, PriceKind.MARKET, "wstETH / USD", asset=WSTETH)
    by_market = eth_world(priced(WSTETH, PriceKind.MARKET, own), wsteth_mid=0.9)
    by_rate = eth_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE), wsteth_mid=0.9)
    moved, kept = (played(sheet, WETH=0) for sheet in (by_market, by_rate))
    assert usd_of(by_market, moved, WSTETH, end=True) == pytest.approx(2160, rel=1e-6)
    assert usd_of(by_rate, kept, WSTETH, end=True) == 2400


@pytest.mark.parametrize(("shock", "after"), [(-0.1, 0.9), (0.1, 1.04)])
def test_capped__moves_of_its_asset__are_followed_up_to_the_cap(shock: float, after: float) -> None:
    cap = Edge(ADAPTER, PriceKind.CAPPED, "cap", (USDC_FEED,))
    capped = priced(USDC, PriceKind.CAPPED, cap, DOLLAR, cap=104 * USD // 100)
    sheet = world(market([], assets=[priced(WETH, PriceKind.MARKET, ETH), capped]))
    assert usd_of(sheet, played(sheet, USDC=shock), USDC) == pytest.approx(after)


@pytest.mark.parametrize("shock", [-0.1, 0.1])
def test_capped_rate__move_of_its_base__moves_the_cap_too(shock: float) -> None:
    adapter = Edge(ADAPTER, PriceKind.CAPPED, "capped rate", (ETH_FEED, RATE))
    path = (adapter, ETH, RATE_EDGE)
    wsteth = priced(WSTETH, PriceKind.CAPPED, *path, cap=2400 * USD, cap_follows=True)
    sheet = eth_world(wsteth)
    after = usd_of(sheet, played(sheet, WETH=shock), WSTETH)
    assert after == pytest.approx(2400 * (1 + shock))


def test_feed__counted_in_another_asset__moves_against_that_one_alone() -> None:
    ratio = Edge(WSTETH_FEED, PriceKind.MARKET, "wstETH / ETH", asset=WSTETH, quote=WETH)
    root = Edge(ADAPTER, PriceKind.MARKET, "product", (ETH_FEED, WSTETH_FEED))
    sheet = eth_world(priced(WSTETH, PriceKind.MARKET, root, ETH, ratio))
    depeg = played(sheet, wstETH=-0.1)
    assert usd_of(sheet, depeg, WSTETH) == pytest.approx(2160)
    fall = played(sheet, WETH=-0.3)
    assert usd_of(sheet, fall, WSTETH) == pytest.approx(1680)


def test_fixed__whatever_happens__stays() -> None:
    fixed = priced(USDC, PriceKind.FIXED, Edge(ADAPTER, PriceKind.FIXED, "fixed price"))
    sheet = world(market([], assets=[priced(WETH, PriceKind.MARKET, ETH), fixed]))
    assert usd_of(sheet, played(sheet, USDC=-0.5), USDC) == 1


def test_unrecognised__fall_of_its_asset__is_taken_to_follow() -> None:
    strange = priced(WSTETH, None, Edge(ADAPTER, None, "unrecognised"))
    sheet = eth_world(strange)
    assert usd_of(sheet, played(sheet, wstETH=-0.1), WSTETH) == pytest.approx(2160)


def test_deviation__of_the_feed_itself__decides_where_no_option_does() -> None:
    own = Edge(WSTETH_FEED, PriceKind.MARKET, "wstETH / USD", asset=WSTETH, deviation_ppm=200_000)
    wide = priced(WSTETH, PriceKind.MARKET, own)
    sheet = eth_world(wide, wsteth_mid=0.9)
    assert usd_of(sheet, played(sheet, WETH=0), WSTETH, end=True) == 2400
    narrow = played(sheet, Options(deviation=0.01), WETH=0)
    assert usd_of(sheet, narrow, WSTETH, end=True) == pytest.approx(2160, rel=1e-6)


def test_pair__its_oracle_by_rate__health_keeps_when_both_sides_fall() -> None:
    lent = borrower(1, pledge(WSTETH, 10, threshold_bps=9450), debt(WETH, 11))
    loans = pair(WSTETH, WETH, Fraction(12, 10), RATE_EDGE, exposures=(lent,))
    usd = eth_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE)).markets[0]
    sheet = world([usd, loans], [pool(WETH, USDC, DEEP), pool(WSTETH, WETH, DEEP, number=2)])
    outcome = played(sheet, WETH=-0.5)
    assert usd_of(sheet, outcome, WETH, 1) == pytest.approx(1000)
    assert usd_of(sheet, outcome, WSTETH, 1) == pytest.approx(1200)
    assert outcome.rounds[0].liquidations == ()
    assert outcome.unsafe == ()


def test_pair__its_oracle_by_two_feeds__falls_with_the_collateral_alone() -> None:
    divided = replace(DOLLAR, exponent=-1)
    root = Edge(ORACLE, PriceKind.MARKET, "composed", (ETH_FEED, USDC_FEED))
    lent = borrower(1, pledge(WETH, 10, threshold_bps=8600), debt(USDC, 16_000))
    loans = pair(WETH, USDC, Fraction(2000), root, ETH, divided, exposures=(lent,))
    usd = eth_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE)).markets[0]
    sheet = world([usd, loans], [pool(WETH, USDC, DEEP)])
    outcome = played(sheet, WETH=-0.1)
    assert usd_of(sheet, outcome, WETH, 1) == pytest.approx(1800)
    [done] = outcome.rounds[0].liquidations
    # Nothing limits a call: all of the debt is repaid.
    assert done.repaid_usd == pytest.approx(16_000)
    assert done.received_usd == pytest.approx(16_000 * 1.05)
    assert columns_of(sheet).markets[1].label == f"morpho/0x{1:064x}"


def test_pair__loan_worth_nothing_known__is_unknown_and_left_out() -> None:
    lent = borrower(1, pledge(WETH, 1), debt(USDC, 1))
    sheet = world(pair(WETH, USDC, Fraction(2000), exposures=(lent,)))
    columns = columns_of(sheet)
    assert columns.accounts == ()
    assert any("1 accounts are left out" in why for why in columns.unknown)


@pytest.mark.parametrize("usd", [{}, {USDC: None}])
def test_pair__anybody_lends_what_nobody_values__blinds_no_one(
    usd: dict[AssetId, Fraction | None],
) -> None:
    lent = borrower(1, pledge(WETH, 1), debt(USDC, 1))
    chosen = [pair(WETH, USDC, Fraction(2000), number=n, exposures=(lent,)) for n in (1, 2)]
    strangers = [replace(sheet, is_permissionless=True) for sheet in chosen]
    columns = columns_of(replace(world(strangers), usd=usd))
    assert columns.accounts == ()
    if usd:  # its worth is to be known, and is not now
        assert any("1 accounts are left out" in why for why in columns.unknown)
    else:
        assert columns.unknown == ()
        (why,) = columns.left_out
        assert why == (
            "morpho: no price of what 2 markets lend that anybody may open: 2 accounts are left out"
        )


def test_paths__a_stranger_calls_weth_a_dollar__is_no_anchor() -> None:
    usd = eth_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE)).markets[0]
    own = replace(pair(WETH, USDC, Fraction(1)), is_permissionless=True)
    paths = columns_of(world([own, usd], [pool(WETH, USDC, DEEP)])).paths
    assert len(paths[WETH].hops) == 1


def test_pair__loan_valued_by_the_user__is_known() -> None:
    lent = borrower(1, pledge(WETH, 1), debt(USDC, 1))
    bare = world(pair(WETH, USDC, Fraction(2000), exposures=(lent,)))
    sheet = WorldSheet(BLOCK, bare.markets, (), {}, {USDC: Fraction(1, 10**6)})
    outcome = played(sheet, USDC=-0.2)
    assert usd_of(sheet, outcome, USDC) == pytest.approx(0.8)


def test_sub_markets__of_one_market__are_visited_by_health_together() -> None:
    worse = borrower(2, pledge(WETH, 1, threshold_bps=8000), debt(USDC, 1_900))
    bad = borrower(1, pledge(WETH, 1, threshold_bps=8000), debt(USDC, 1_700))
    ways = (ETH, replace(DOLLAR, exponent=-1))
    first = pair(WETH, USDC, Fraction(2000), *ways, number=1, exposures=(bad,))
    second = pair(WETH, USDC, Fraction(2000), *ways, number=2, exposures=(worse,))
    usd = eth_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE)).markets[0]
    sheet = world([usd, first, second], [pool(WETH, USDC, DEEP)])
    outcome = played(sheet, WETH=0)
    visited = [done.account for done in outcome.rounds[0].liquidations]
    assert visited == [account_number(2), account_number(1)]


def test_names__a_stranger_calls_his_token_so__mean_the_chosen_asset() -> None:
    usd = eth_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE)).markets[0]
    sheet = pair(WETH, USDC, Fraction(2000))
    stranger = AssetId(Address("0x" + "9" * 40))
    claimed = {stranger: replace(sheet.assets[WETH], asset=stranger)}
    strangers = replace(sheet, assets={**sheet.assets, **claimed}, is_permissionless=True)
    book = names_of(world([strangers, usd]), {})
    assert book.resolve("WETH") == WETH
    with pytest.raises(QuestionError, match="is the symbol of 2 assets"):
        names_of(world([replace(strangers, is_permissionless=False), usd]), {}).resolve("WETH")


def test_left_out__of_a_market_that_matters_to_nobody__blinds_nobody() -> None:
    usd = eth_world(priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE)).markets[0]
    odd = replace(pair(WETH, USDC, Fraction(2000)), left_out=("odd",))
    columns = columns_of(world([usd, odd]))
    assert (columns.unknown, columns.left_out) == ((), ("odd",))


def capped_dollar_world() -> WorldSheet:
    """USDC under a cap of 1.02 USD; a pair that lends it for WETH by the same feeds."""
    cap = Edge(ADAPTER, PriceKind.CAPPED, "cap", (USDC_FEED,))
    dollar = priced(USDC, PriceKind.CAPPED, cap, DOLLAR, cap=102 * USD // 100)
    usd = market([], assets=[priced(WETH, PriceKind.MARKET, ETH), dollar])
    root = Edge(ORACLE, PriceKind.MARKET, "composed", (ETH_FEED, USDC_FEED))
    loans = pair(WETH, USDC, Fraction(2000), root, ETH, replace(DOLLAR, exponent=-1))
    return world([usd, loans], [pool(WETH, USDC, DEEP)])


def test_capped__anchor_above_its_cap__takes_no_market_down() -> None:
    sheet = capped_dollar_world()
    outcome = played(sheet, USDC=0.04)
    assert usd_of(sheet, outcome, USDC, end=True) == pytest.approx(1.02)
    assert usd_of(sheet, outcome, WETH, end=True) == pytest.approx(2000)
    assert [played.updates for played in outcome.rounds] == [()]


def test_pair__loan_above_the_cap_of_its_usd_price__is_worth_the_cap() -> None:
    sheet = capped_dollar_world()
    outcome = played(sheet, USDC=0.04)
    assert usd_of(sheet, outcome, USDC, 1) == pytest.approx(1.02)
    # Its oracle counts in loans, which cost 1.04 by their feed.
    assert usd_of(sheet, outcome, WETH, 1) == pytest.approx(2000 / 1.04 * 1.02)


def test_pair__its_loan_moves__takes_no_asset_along_that_has_a_price_in_usd() -> None:
    loans = pair(WETH, USDC, Fraction(2000), Edge(ORACLE, None, "unrecognised"))
    usd = market([], assets=[priced(asset, None) for asset in (WETH, USDC)])
    both, alone = world([usd, loans]), replace(world(loans), usd={USDC: Fraction(1, 10**6)})
    named = scenario(USDC=0.03)
    assert WETH not in factors_of(both, columns_of(both), named)
    assert factors_of(alone, columns_of(alone), named)[WETH] == pytest.approx(1.03)
