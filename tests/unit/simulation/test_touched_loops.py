"""Which loops an alert names: those whose accounts its projection liquidates most."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from builders import an_address
from unit.simulation.worlds import USDC, WETH, borrower, debt, market, pledge, pool, scenario, world

from monitor.core.keys import loops_key
from monitor.core.ledger import Ledger
from monitor.core.loops import Leg, Loop, LoopKind, Loops
from monitor.core.units import Address, MarketId
from monitor.simulation.options import Options
from monitor.simulation.projection import project
from monitor.simulation.results import AccountFigures, Figures, Projection
from monitor.simulation.touched_loops import MOST_LOOPS, MOST_PARTS, touched_loops

AAVE, MORPHO, PAIR = MarketId("aave"), MarketId("morpho"), "0x" + "7" * 64
OWNER, ACCOUNT = an_address("owner"), an_address("account")
FOUND = project(
    world(market([borrower(1, pledge(WETH, 10), debt(USDC, 15_500))]), [pool(WETH, USDC, 1e9)]),
    scenario(WETH=-0.05),
    Options(),
)


def a_leg(account: Address = ACCOUNT, at: MarketId = AAVE, sub_market: str = "") -> Leg:
    return Leg(at, sub_market, account, WETH, USDC)


def a_loop(name: str, *legs: Leg, kind: LoopKind = LoopKind.DIRECTIONAL) -> Loop:
    return Loop(name, kind, legs or (a_leg(),), 2)


def hit(
    liquidated_usd: float, account: Address = ACCOUNT, at: str = AAVE, kind: str | None = None
) -> AccountFigures:
    figures = Figures(liquidated_usd=liquidated_usd)
    return AccountFigures(account, at, figures, kind or LoopKind.DIRECTIONAL.value)


def told(hits: Sequence[AccountFigures], *loops: Loop, owner: Address = OWNER) -> list[Any]:
    ledger = Ledger({loops_key(owner): Loops(loops)})
    return list(touched_loops(ledger, found(*hits), str.upper))


def found(*hits: AccountFigures) -> Projection:
    return replace(FOUND, largest=hits)


def test_touched__a_loop_of_an_account_that_falls__is_told_with_what_is_repaid() -> None:
    assert told([hit(1_234.567)], a_loop("one")) == [
        {
            "id": "one",
            "owner": OWNER.upper(),
            "accounts": [ACCOUNT.upper()],
            "markets": [AAVE],
            "kind": "directional",
            "hops": 2,
            "built": "unknown",
            "liquidated_usd": "1234.57",
        }
    ]


def test_touched__through_several_places__sums_each_of_them_once() -> None:
    legs = (a_leg(), a_leg(), a_leg(at=MORPHO, sub_market=PAIR))
    hits = [hit(100.0), hit(50.0, at=f"{MORPHO}/{PAIR}"), hit(9.0, at="elsewhere")]
    (row,) = told(hits, a_loop("one", *legs))
    assert (row["liquidated_usd"], row["markets"]) == ("150.00", [AAVE, MORPHO])


def test_touched__another_kind_or_account_or_nothing_repaid__is_left_out() -> None:
    loops = [a_loop("one"), a_loop("two", kind=LoopKind.SAME_ASSET)]
    assert [row["id"] for row in told([hit(1.0, kind=LoopKind.SAME_ASSET)], *loops)] == ["two"]
    assert told([hit(1.0, an_address("another"))], *loops) == []
    assert told([hit(0.0)], *loops) == []
    assert told([AccountFigures(ACCOUNT, AAVE, Figures(liquidated_usd=1.0), None)], *loops) == []


def test_touched__of_many__are_the_largest_few_in_one_order() -> None:
    accounts = [an_address(f"account {n}") for n in range(9)]
    loops = [a_loop(f"loop {n}", a_leg(account)) for n, account in enumerate(accounts)]
    hits = [hit(100.0 + n // 2, account) for n, account in enumerate(accounts)]
    ids = [row["id"] for row in told(hits, *loops)]
    assert ids == ["loop 8", "loop 6", "loop 7", "loop 4", "loop 5"]
    assert len(ids) == MOST_LOOPS
    assert ids == [row["id"] for row in told(hits[::-1], *loops[::-1])]


def test_touched__through_thousands_of_accounts__names_a_few() -> None:
    legs = [a_leg(an_address(f"account {n}")) for n in range(3_000)]
    (row,) = told([hit(1.0, legs[0].account)], a_loop("long", *legs))
    assert len(row["accounts"]) == MOST_PARTS


def test_touched__of_a_projection_that_is_unknown__are_none() -> None:
    ledger = Ledger({loops_key(OWNER): Loops((a_loop("one"),))})
    unknown = replace(found(hit(1.0)), unknown=("no price",))
    assert touched_loops(ledger, unknown, str) == ()
