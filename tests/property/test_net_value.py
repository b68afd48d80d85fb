"""Any loops over any claims: what is counted once is never less than nothing, nor more than all."""

from collections import defaultdict
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.loops import Leg, Loop, LoopKind
from monitor.core.receipts import ReceiptKind
from monitor.core.trails import Side
from monitor.core.units import Address, AssetId, MarketId, RawAmount
from monitor.engine.loop_rows import LoopRow, debt_of, pledge_of
from monitor.engine.net_value import NetValue, net_values, together
from monitor.leverage.claims import Claim, Claims, Part

MARKETS = tuple(MarketId(name) for name in "abc")
ASSETS = tuple(AssetId(f"0x{n:040x}") for n in range(1, 6))
SPOTS = st.one_of(st.none(), st.sampled_from(MARKETS).map(lambda market: (market, "")))
RAW = st.integers(1, 10**20)
Pledged = dict[MarketId, dict[AssetId, int]]


@st.composite
def claims(draw: st.DrawFn) -> Claims:
    found = {}
    for asset in draw(st.sets(st.sampled_from(ASSETS), max_size=3)):
        parts = draw(st.lists(st.builds(Part, st.sampled_from(ASSETS), SPOTS, RAW), max_size=3))
        total = RawAmount(sum(part.raw for part in parts) + draw(st.sampled_from([0, 10**19])))
        found[asset] = Claim(ReceiptKind.ERC4626, None, tuple(parts), total)
    return Claims(found)


@st.composite
def loops(draw: st.DrawFn, account: Address) -> LoopRow:
    debt = st.one_of(st.none(), st.sampled_from(ASSETS))
    leg = st.builds(
        lambda market, asset, owed: Leg(market, "", account, asset, owed),
        *(st.sampled_from(MARKETS), st.sampled_from(ASSETS), debt),
    )
    path = tuple(draw(st.lists(leg, min_size=1, max_size=4)))
    pledges = {pledge_of(leg): draw(RAW) for leg in path}
    debts = {side: draw(RAW) for leg in path if (side := debt_of(leg))}
    row = Loop("id", LoopKind.DIRECTIONAL, path)
    return LoopRow(account, row, pledges, debts, None, None, None, None)


LOOPS = st.lists(st.integers(0, 10), max_size=3, unique=True).flatmap(
    lambda numbers: st.tuples(*(loops(Address(f"0x{900 + n:040x}")) for n in numbers))
)
PRICES = st.fixed_dictionaries({asset: st.integers(1, 10**6) for asset in ASSETS})


def pledged_by(rows: tuple[LoopRow, ...], more: Pledged) -> Pledged:
    whole: defaultdict[MarketId, defaultdict[AssetId, int]] = defaultdict(lambda: defaultdict(int))
    sides: dict[Side, int] = {}
    for row in rows:
        sides |= row.pledges
    for side, raw in sides.items():
        whole[side.market][side.asset] += raw
    for market, amounts in more.items():
        for asset, raw in amounts.items():
            whole[market][asset] += raw
    return {market: dict(whole[market]) for market in MARKETS}


MORE = st.dictionaries(
    st.sampled_from(MARKETS), st.dictionaries(st.sampled_from(ASSETS), RAW, max_size=2), max_size=2
)


def net_of(
    rows: tuple[LoopRow, ...], more: Pledged, graph: Claims, prices: dict[AssetId, int]
) -> NetValue:
    found = net_values(pledged_by(rows, more), rows, graph, lambda a: Fraction(prices[a]))
    for each in found.values():
        assert each.gross is not None
        assert each.net is not None
        assert 0 <= each.net <= each.gross
    return together(found.values())


@given(LOOPS, MORE, claims(), PRICES)
def test_net__of_any_loops_over_any_claims__is_within_gross(
    rows: tuple[LoopRow, ...], more: Pledged, graph: Claims, prices: dict[AssetId, int]
) -> None:
    whole = net_of(rows, more, graph, prices)
    assert whole.looped is not None
    owed = sum(prices[side.asset] * raw for row in rows for side, raw in row.debts.items())
    assert whole.looped <= owed


@given(LOOPS, MORE, claims(), PRICES)
def test_net__after_somebody_pledges_more__grows_by_what_that_is_worth_alone(
    rows: tuple[LoopRow, ...], more: Pledged, graph: Claims, prices: dict[AssetId, int]
) -> None:
    both, loops_alone = net_of(rows, more, graph, prices), net_of(rows, {}, graph, prices)
    alone = net_of((), more, graph, prices)
    assert both.net == (loops_alone.net or 0) + (alone.net or 0)
    assert both.looped == loops_alone.looped
