"""Pools: events never break the book of ticks, and floats stay with the contract's integers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.simulation.exact_pool import Q96, ExactPool, sqrt_at

from monitor.core.abi import parse_abi
from monitor.core.blocks import RawLog
from monitor.core.curves import TickCurve
from monitor.core.events import PoolMoved
from monitor.core.keys import pool_key
from monitor.core.ledger import Ledger
from monitor.core.pools import TickPool
from monitor.core.units import Address, AssetId, BlockHash
from monitor.liquidity.uniswap_v3 import UniswapV3Pool, curve_of
from monitor.simulation.ticks import depth_of, moved, sold

ROOT = Path(__file__).resolve().parents[2]
ABI = parse_abi(
    json.loads((ROOT / "contracts_abi/uniswap_v3/UniswapV3Pool.json").read_text()), json.dumps
)
POOL, OWNER = Address("0x" + "1" * 40), Address("0x" + "2" * 40)
TOKEN0, TOKEN1 = AssetId(Address("0x" + "a" * 40)), AssetId(Address("0x" + "b" * 40))
SPACING = 60
EMPTY = TickPool(TOKEN0, TOKEN1, 3000, SPACING, Q96, 0, 0, ())

Range = tuple[int, int, int]
"""(lower tick, upper tick, liquidity)"""


def ranges(around: int = 0, width: int = 40) -> st.SearchStrategy[Range]:
    bounds = st.integers(around - width, around + width)
    return (
        st.tuples(bounds, bounds, st.integers(10**12, 10**24))
        .filter(lambda r: r[0] != r[1])
        .map(lambda r: (min(r[0], r[1]) * SPACING, max(r[0], r[1]) * SPACING, r[2]))
    )


def word(value: int) -> str:
    return f"{value % 2**256:064x}"


def apply(state: TickPool, name: str, part: Range) -> TickPool:
    lower, upper, amount = part
    indexed = (int(OWNER, 16), lower, upper)
    topics = (ABI.event(name).topic0, *("0x" + word(value) for value in indexed))
    sender = word(int(OWNER, 16)) if name == "Mint" else ""
    log = RawLog(POOL, topics, sender + word(amount) + word(0) * 2, BlockHash("0x01"), 0, "0x")
    (event,) = UniswapV3Pool(POOL, ABI).decode(log, Ledger({pool_key(POOL): state}))
    assert isinstance(event, PoolMoved)
    assert isinstance(event.state, TickPool)
    return event.state


@st.composite
def pools(draw: st.DrawFn) -> tuple[TickCurve, ExactPool]:
    """A pool of some positions, one of them wide around its price."""
    tick = draw(st.integers(-230_000, 230_000))
    sqrt = draw(st.integers(sqrt_at(tick), sqrt_at(tick + 1) - 1))
    wide = ((tick // SPACING - 500) * SPACING, (tick // SPACING + 500) * SPACING)
    parts = [(*wide, draw(st.integers(10**16, 10**22)))]
    parts += draw(st.lists(ranges(tick // SPACING), max_size=6))
    state = replace(EMPTY, tick=tick, sqrt_price_x96=sqrt)
    for part in parts:
        state = apply(state, "Mint", part)
    fee_ppm = draw(st.sampled_from([100, 500, 3000, 10_000]))
    exact = ExactPool(sqrt, tick, state.liquidity, dict(state.ticks), fee_ppm)
    return replace(curve_of(POOL, state), fee_ppm=fee_ppm), exact


@given(
    tick=st.integers(-3000, 3000),
    parts=st.lists(ranges(), max_size=12),
    burnt=st.sets(st.integers(0, 11)),
)
def test_events__minted_and_burnt_at_random__leave_the_sum_of_positions(
    tick: int, parts: list[Range], burnt: set[int]
) -> None:
    state = replace(EMPTY, tick=tick)
    for part in parts:
        state = apply(state, "Mint", part)
    for number in burnt:
        if number < len(parts):
            state = apply(state, "Burn", parts[number])
    left = [part for number, part in enumerate(parts) if number not in burnt]
    nets: dict[int, int] = {}
    for lower, upper, amount in left:
        nets[lower] = nets.get(lower, 0) + amount
        nets[upper] = nets.get(upper, 0) - amount
    assert state.ticks == tuple(sorted((at, net) for at, net in nets.items() if net))
    assert state.liquidity == sum(amount for low, high, amount in left if low <= tick < high)


@given(pools(), st.floats(-6, 2), st.booleans())
def test_sold__any_pool_and_amount__is_what_the_contract_gives(
    made: tuple[TickCurve, ExactPool], exponent: float, zero_for_one: bool
) -> None:
    curve, exact = made
    depth, mark = depth_of(curve)
    reserve = curve.liquidity / mark.sqrt if zero_for_one else curve.liquidity * mark.sqrt
    amount = int(reserve * 10.0**exponent)
    proceeds, after = sold(depth, mark, float(amount), zero_for_one)
    _, given_out = exact.swap(amount, zero_for_one=zero_for_one)
    # The contract rounds by up to a unit of either token per tick it crosses.
    price = mark.sqrt**2 if zero_for_one else mark.sqrt**-2
    noise = (len(curve.ticks) + 2) * (1 + price)
    assert proceeds == pytest.approx(given_out, rel=1e-9, abs=noise)
    assert after.sqrt == pytest.approx(exact.sqrt / Q96, rel=max(1e-9, noise / max(proceeds, 1)))


@given(pools(), st.floats(-6, 1), st.floats(0.01, 0.99), st.booleans())
def test_sold__in_two_parts__is_sold_at_once(
    made: tuple[TickCurve, ExactPool], exponent: float, share: float, zero_for_one: bool
) -> None:
    depth, mark = depth_of(made[0])
    reserve = made[0].liquidity / mark.sqrt if zero_for_one else made[0].liquidity * mark.sqrt
    amount = reserve * 10.0**exponent
    whole, end = sold(depth, mark, amount, zero_for_one)
    first, between = sold(depth, mark, amount * share, zero_for_one)
    second, after = sold(depth, between, amount * (1 - share), zero_for_one)
    assert first + second == pytest.approx(whole, rel=1e-9)
    assert after.sqrt == pytest.approx(end.sqrt, rel=1e-9)


@given(pools(), st.floats(-6, 3), st.booleans())
def test_sold__any_amount__brings_no_more_than_the_mid(
    made: tuple[TickCurve, ExactPool], exponent: float, zero_for_one: bool
) -> None:
    depth, mark = depth_of(made[0])
    reserve = made[0].liquidity / mark.sqrt if zero_for_one else made[0].liquidity * mark.sqrt
    amount = reserve * 10.0**exponent
    mid = mark.sqrt**2 if zero_for_one else mark.sqrt**-2
    proceeds, _ = sold(depth, mark, amount, zero_for_one)
    assert proceeds <= amount * mid * depth.kept * (1 + 1e-12)


@given(pools(), st.floats(0.05, 20))
def test_moved__there_and_back__is_where_it_was(
    made: tuple[TickCurve, ExactPool], factor: float
) -> None:
    depth, mark = depth_of(made[0])
    back = moved(depth, moved(depth, mark, factor), 1 / factor)
    assert back.sqrt == pytest.approx(mark.sqrt, rel=1e-14)
