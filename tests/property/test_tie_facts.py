"""Ties are kept from block to block exactly where making them anew would make the same."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from builders import a_block, a_market, a_price, a_reserve, an_address
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.keys import (
    Key,
    market_key,
    pair_key,
    price_key,
    receipt_key,
    reserve_key,
    token_key,
)
from monitor.core.ledger import Ledger, LedgerView, Market, Record
from monitor.core.overlay import Overlay
from monitor.core.pairs import Pair, Token
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.units import (
    ZERO_ADDRESS,
    AssetId,
    BaseValue,
    MarketId,
    RawAmount,
    Ray,
    Shares,
    Wad,
)
from monitor.engine.shape import Shaping
from monitor.leverage.tie_facts import may_tie
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan

POOLED, PAIRED = MarketId("aave"), MarketId("morpho")
ASSETS = [AssetId(an_address(f"asset {n}")) for n in range(4)]
FEEDS = [an_address(f"feed {n}") for n in range(3)]
PAIRS = [f"0x{n:064x}" for n in range(2)]
RULES = [
    PROTOCOLS[protocol](MarketPlan(market, an_address(market), 0, None), abi_library)
    for protocol, market in (("aave_v3", POOLED), ("morpho_blue", PAIRED))
]
SHAPING = Shaping(RULES, lambda view: {})

answers = st.sampled_from([None, 0, 79 * 10**6, 80 * 10**6, 10**8, 10**8 + 1, 121 * 10**6])
edges = st.builds(
    Edge,
    source=st.sampled_from(FEEDS),
    kind=st.sampled_from([None, *PriceKind]),
    what=st.just("feed"),
    reads=st.sampled_from([(), (FEEDS[0],)]),
    exponent=st.sampled_from([1, -1, 0]),
    asset=st.none() | st.sampled_from(ASSETS),
    quote=st.none() | st.sampled_from(ASSETS),
    answer=answers,
    decimals=st.sampled_from([None, 8]),
    cap=answers,
    cap_reads=st.sampled_from([(), (FEEDS[1],)]),
)
values = st.sampled_from([None, BaseValue(10**8), BaseValue(10**8 + 5), BaseValue(2 * 10**8)])
prices = st.builds(Price, value=values, path=st.lists(edges, max_size=3).map(tuple))
receipts = st.builds(
    Receipt,
    kind=st.just(ReceiptKind.RATE_PROVIDER),
    underlying=st.none() | st.sampled_from(ASSETS),
    unit_assets_raw=st.integers(1, 3).map(RawAmount),
)
reserves = st.builds(
    lambda asset, symbol, index: replace(
        a_reserve(asset, symbol=symbol), supply_index_ray=Ray(index)
    ),
    *(st.sampled_from(ASSETS[:2]), st.sampled_from(["A", "B"]), st.integers(1, 9)),
)
pairs = st.builds(
    lambda loan, collateral, oracle, raw: Pair(
        *(loan, collateral, oracle, ZERO_ADDRESS, Wad(0), 0, RawAmount(raw), Shares(0)),
        *(RawAmount(0), Shares(0), RawAmount(0), Wad(0)),
    ),
    *(st.sampled_from(ASSETS), st.sampled_from(ASSETS)),
    *(st.sampled_from([ZERO_ADDRESS, FEEDS[0]]), st.integers(0, 9)),
)
records: list[tuple[Key, st.SearchStrategy[Any]]] = [
    *((price_key(POOLED, asset), prices) for asset in ASSETS[:2]),
    *((price_key(PAIRED, asset, at), prices) for asset in ASSETS for at in PAIRS),
    *((receipt_key(asset), receipts) for asset in ASSETS[2:]),
    *((reserve_key(POOLED, asset), reserves) for asset in ASSETS[:2]),
    *((pair_key(PAIRED, at), pairs) for at in PAIRS),
    (token_key(ASSETS[2]), st.builds(Token, st.sampled_from(["C", "D"]), st.just(18))),
]


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Ledger, Overlay]:
    """A ledger, and a block that writes some of it: nearly always one field of a record."""
    view = Ledger(dict(_markets()))
    for key, record in records:
        view.put(key, draw(st.none() | record))
    overlay = Overlay(view)
    for key, record in draw(st.lists(st.sampled_from(records), min_size=1, max_size=2)):
        other = draw(record)
        overlay.put(key, draw(st.sampled_from([None, other, *_between(overlay.get(key), other)])))
    return view, overlay


def _markets() -> Iterator[tuple[Key, Record]]:
    yield market_key(POOLED), a_market()
    yield market_key(PAIRED), Market("morpho_blue", an_address("morpho"))


def _between(record: Any, other: Any) -> Iterator[Any]:
    """A record with one field of another; a price also with one field of one of its edges."""
    if type(record) is not type(other):
        return
    yield from (replace(record, **{name: value}) for name, value in _fields(other))
    if isinstance(record, Price):
        for number, edge in enumerate(record.path):
            for name, value in _fields(other.path[0]) if other.path else ():
                before, after = record.path[:number], record.path[number + 1 :]
                yield replace(record, path=(*before, replace(edge, **{name: value}), *after))


def _fields(record: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(record, field.name)) for field in fields(record)]


def told(view: LedgerView) -> tuple[object, ...]:
    shape = SHAPING.anew(view, a_block().timestamp)
    named = {(one.asset, one.symbol) for rule in RULES for one in rule.listings(view)}
    return shape.ties, shape.listed, named


@given(blocks())
def test_ties__after_what_may_not_tie__are_those_before(block: tuple[Ledger, Overlay]) -> None:
    before, after = block
    if not may_tie(after.written()):
        assert told(after) == told(before)


def test_ties__of_a_block_of_new_prices_alone__are_kept() -> None:
    view = Ledger(dict(_markets()) | {price_key(POOLED, ASSETS[0]): a_price(2_000 * 10**8)})
    overlay = Overlay(view)
    overlay.put(price_key(POOLED, ASSETS[0]), a_price(2_001 * 10**8))
    assert not may_tie(overlay.written())
    overlay.put(price_key(POOLED, ASSETS[0]), a_price(10**8))
    assert may_tie(overlay.written())


EDGE = Edge(FEEDS[0], PriceKind.MARKET, "feed", asset=ASSETS[0], answer=10**8, decimals=8)
PRICE = Price(BaseValue(10**8), path=(EDGE,))
PAIR = Pair(
    *(ASSETS[0], ASSETS[1], FEEDS[0], ZERO_ADDRESS, Wad(0), 0, RawAmount(1), Shares(0)),
    *(RawAmount(0), Shares(0), RawAmount(0), Wad(0)),
)
RESERVE = a_reserve(ASSETS[0], symbol="A")
RECEIPT = Receipt(ReceiptKind.RATE_PROVIDER, ASSETS[0])
TELLING = [
    *((PRICE, other) for other in (None, replace(PRICE, value=None), replace(PRICE, path=()))),
    *(
        (PRICE, replace(PRICE, path=(replace(EDGE, **change),)))
        for change in (
            {"source": FEEDS[1]},
            {"kind": None},
            {"exponent": -1},
            {"reads": (FEEDS[1],)},
            {"asset": ASSETS[1]},
            {"quote": ASSETS[1]},
            {"answer": 2 * 10**8},
            {"decimals": None},
            {"cap": 10**8},
            {"cap_reads": (FEEDS[1],)},
        )
    ),
    (PAIR, replace(PAIR, loan=ASSETS[2])),
    (PAIR, replace(PAIR, collateral=ASSETS[2])),
    (PAIR, replace(PAIR, oracle=ZERO_ADDRESS)),
    (RESERVE, replace(RESERVE, symbol="B")),
    (RESERVE, replace(RESERVE, supply_token=FEEDS[1])),
    (RECEIPT, replace(RECEIPT, underlying=ASSETS[1])),
    (Token("A", 18), Token("B", 18)),
]
SILENT = [
    (PRICE, replace(PRICE, value=BaseValue(10**8 + 1), path=(replace(EDGE, answer=10**8 + 1),))),
    (PAIR, replace(PAIR, debt_raw=RawAmount(7))),
    (RESERVE, replace(RESERVE, debt_index_ray=Ray(7))),
    (RECEIPT, replace(RECEIPT, unit_assets_raw=RawAmount(7))),
]


@pytest.mark.parametrize(("before", "after"), TELLING)
def test_change__of_what_ties_are_made_of__may_tie(before: Record, after: Record | None) -> None:
    key = token_key(ASSETS[0])
    assert may_tie([(key, before, after)])
    assert may_tie([(key, after, before)])


@pytest.mark.parametrize(("before", "after"), SILENT)
def test_change__of_amounts_alone__ties_nothing(before: Record, after: Record) -> None:
    assert not may_tie([(token_key(ASSETS[0]), before, after)])
