import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from builders import USDC, WETH, a_block, a_holding, a_market, a_price, a_reserve, an_address
from msgspec import json

from monitor.core.keys import Key, loops_key, market_key, position_key, price_key, reserve_key
from monitor.core.ledger import Ledger, Position, Record
from monitor.core.loops import Built, Leg, Loop, LoopKind, Loops
from monitor.core.risk import DebtSpot, WorldSheet
from monitor.core.units import WAD, Address, AssetId, MarketId
from monitor.engine.cascade_runner import CascadeRunner
from monitor.engine.loop_rows import LoopRows
from monitor.engine.positions import PositionBook
from monitor.protocols.aave_v3.rules import AaveRules
from monitor.store.shapes import shape_of

CORE, OTHER = MarketId("core"), MarketId("other")
DAI = AssetId(an_address("DAI"))
ANN = an_address("ann")
USD_OF = {WETH: 2000, USDC: 1, DAI: 1}
SYMBOLS = {WETH: "WETH", USDC: "USDC", DAI: "DAI"}
LEAST = Fraction(4, 5)


class Aave(AaveRules):
    """Its rules, without the contracts."""

    protocol = "aave_v3"

    def __init__(self, market: MarketId) -> None:
        super().__init__(market)
        self._name = market

    @property
    def market(self) -> MarketId:
        return self._name


RULES: list[Any] = [Aave(CORE), Aave(OTHER)]


def bare() -> dict[Key, Record]:
    records: dict[Key, Record] = {}
    for market in (CORE, OTHER):
        records[market_key(market)] = a_market()
        for asset, usd in USD_OF.items():
            records[reserve_key(market, asset)] = a_reserve(asset, symbol=SYMBOLS[asset])
            records[price_key(market, asset)] = a_price(usd * 10**8)
    return records


def held(pledged: dict[AssetId, float], owed: dict[AssetId, float]) -> Position:
    """Whole tokens, all of 18 decimals."""
    return Position(
        tuple(a_holding(asset, int(n * WAD), used=True) for asset, n in sorted(pledged.items())),
        tuple(a_holding(asset, int(n * WAD)) for asset, n in sorted(owed.items())),
    )


def loop(path: Sequence[Leg], *, kind: LoopKind = LoopKind.CORRELATED, seen: bool = False) -> Loop:
    evidence = ("0x" + "aa" * 32,) if seen else ()
    return Loop(f"{kind}", kind, tuple(path), None, Built.UNKNOWN, evidence)


def kinds_of(records: dict[Key, Record], least: Fraction = LEAST) -> dict[DebtSpot, str]:
    """As a projection's world has them."""
    runner = CascadeRunner(RULES, (), {}, {}, (), least)
    return dict(runner.world(Ledger(records), a_block()).looped)


def told_of(records: dict[Key, Record], least: Fraction = LEAST) -> dict[DebtSpot, str]:
    """As `/api/v1/loops` counts them."""
    view = Ledger(records)
    rows = LoopRows(PositionBook(view, a_block(), RULES, str), least).sorted(view)
    return {
        DebtSpot(side.market, side.account, side.asset): row.loop.kind.value
        for row in rows
        for side in row.debts
    }


LEG = Leg(CORE, "", ANN, DAI, USDC)


@pytest.mark.parametrize(
    ("beside", "counts"), [(200, True), (240, True), (250, True), (251, False), (1000, False)]
)
def test_looped__of_a_loop_by_state__counts_from_four_fifths_of_both_sides(
    beside: float, counts: bool
) -> None:
    """1,000 of what is pledged, and `beside` that is not in the loop."""
    position = held({DAI: 1000, WETH: beside / 2000}, {USDC: 900})
    records = bare() | {
        position_key(CORE, ANN): position,
        loops_key(ANN): Loops((loop([LEG]),)),
    }
    expected = {DebtSpot("core", ANN, USDC): "correlated"} if counts else {}
    assert kinds_of(records) == expected == told_of(records)


def test_looped__of_a_loop_that_was_seen__counts_at_any_concentration() -> None:
    records = bare() | {
        position_key(CORE, ANN): held({DAI: 1, WETH: 100}, {USDC: 1, WETH: 50}),
        loops_key(ANN): Loops((loop([LEG], kind=LoopKind.DIRECTIONAL, seen=True),)),
    }
    assert kinds_of(records) == {DebtSpot("core", ANN, USDC): "directional"} == told_of(records)


def test_looped__with_another_concentration__counts_by_that() -> None:
    records = bare() | {
        position_key(CORE, ANN): held({DAI: 500, WETH: 0.25}, {USDC: 600}),
        loops_key(ANN): Loops((loop([LEG]),)),
    }
    assert kinds_of(records) == {}
    assert kinds_of(records, Fraction(1, 2)) == {DebtSpot("core", ANN, USDC): "correlated"}


@pytest.mark.parametrize(("pledged", "counts"), [(900, True), (40, False)])
def test_looped__over_two_markets__asks_where_nothing_is_owed_too(
    pledged: float, counts: bool
) -> None:
    """What is owed in one is pledged in the other, where nothing is owed: dust makes no loop."""
    path = [Leg(CORE, "", ANN, DAI, USDC), Leg(OTHER, "", ANN, USDC, None)]
    records = bare() | {
        position_key(CORE, ANN): held({DAI: 1000}, {USDC: 900}),
        position_key(OTHER, ANN): held({USDC: pledged}, {}),
        loops_key(ANN): Loops((loop(path, kind=LoopKind.CROSS_PROTOCOL),)),
    }
    expected = {DebtSpot("core", ANN, USDC): "cross_protocol"} if counts else {}
    assert kinds_of(records) == expected == told_of(records)


def test_looped__while_a_price_is_unknown__is_not_left_out() -> None:
    records = bare() | {
        position_key(CORE, ANN): held({DAI: 10, WETH: 1000}, {USDC: 5}),
        loops_key(ANN): Loops((loop([LEG]),)),
    }
    for market in (CORE, OTHER):
        records[price_key(market, DAI)] = a_price(None, reason="silent")
    assert kinds_of(records) == {DebtSpot("core", ANN, USDC): "correlated"} == told_of(records)


def test_looped__after_the_ledger_moved_on__is_of_the_block_it_was_made_for() -> None:
    path = [Leg(CORE, "", ANN, DAI, USDC), Leg(OTHER, "", ANN, USDC, None)]
    ledger = Ledger(
        bare()
        | {
            position_key(CORE, ANN): held({DAI: 1000}, {USDC: 900}),
            position_key(OTHER, ANN): held({USDC: 900}, {}),
            loops_key(ANN): Loops((loop(path, kind=LoopKind.CROSS_PROTOCOL),)),
        }
    )
    world = CascadeRunner(RULES, (), {}, {}, ()).world(ledger, a_block())
    for market in (CORE, OTHER):
        ledger.put(position_key(market, ANN), None)
        ledger.put(price_key(market, USDC), a_price(10**12))
    ledger.put(loops_key(ANN), None)
    assert dict(world.looped) == {DebtSpot("core", ANN, USDC): "cross_protocol"}


def test_looped__in_a_snapshot__comes_back_as_it_was() -> None:
    records = bare() | {
        position_key(CORE, ANN): held({DAI: 1000}, {USDC: 900}),
        loops_key(ANN): Loops((loop([LEG]),)),
    }
    world = CascadeRunner(RULES, (), {}, {}, ()).world(Ledger(records), a_block())
    shape = shape_of(WorldSheet)
    found = shape.read(json.decode(json.encode(shape.written(world))))
    assert found == world
    assert dict(found.looped) == {DebtSpot("core", ANN, USDC): "correlated"}


def drawn(dice: random.Random, account: Address) -> dict[Key, Record]:
    """Positions in one or two markets, and up to two loops of what is there, one of them seen:
    two that were seen share no debt.
    """
    records: dict[Key, Record] = {}
    legs: list[Leg] = []
    for market in dice.sample([CORE, OTHER], dice.choice([1, 2])):
        pledged = {a: dice.choice([1, 30, 1000]) / USD_OF[a] for a in dice.sample([*USD_OF], 2)}
        owed = {a: dice.choice([1, 30, 600]) / USD_OF[a] for a in dice.sample([*USD_OF], 1)}
        if dice.random() < 0.3:
            owed = {}
        records[position_key(market, account)] = held(pledged, owed)
        debts: list[AssetId | None] = [*owed] or [None]
        legs += [Leg(market, "", account, asset, debts[0]) for asset in pledged]
    loops = [
        replace(
            loop(dice.sample(legs, dice.randint(1, len(legs))), kind=dice.choice([*LoopKind])),
            id=str(number),
            evidence=("0xaa",) if not number and dice.random() < 0.3 else (),
        )
        for number in range(dice.choice([1, 2]))
    ]
    return records | {loops_key(account): Loops(tuple(loops))}


@pytest.mark.parametrize("seed", range(10))
def test_looped__of_drawn_owners__is_what_the_loops_are_told_as(seed: int) -> None:
    dice = random.Random(seed)
    records = bare()
    for number in range(60):
        records |= drawn(dice, an_address(f"{seed} {number}"))
    found, told = kinds_of(records), told_of(records)
    assert found == told
    assert 10 < len(found) < 110
