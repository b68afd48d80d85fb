"""72 real leverage spirals of Compound V2 are found, with as many hops as their pledges but one.

Source of `leverage_spirals.json` (MIT): the data behind Perez, Werner, Xu, Livshits, "Liquidations:
DeFi on a Knife-edge" (FC 2021), repository merofinance/analyzer. A spiral is one transaction with
more than one Mint of cETH and more than one Borrow.

The labels are of the transaction alone, so the test is too: its accounts are one owner, and what
they owed before is left out. 21 spirals are turns of one account (3 to 11 pledges). The other 51
have two accounts and two pledges: 0x1564..., which lends its own debt for the time between (it
pledges ether, borrows, and gets back what it lent), and the one it lends to. The data holds neither
prices nor transfers, so this is also the test of how money is followed without them.
"""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from monitor.core.events import Place
from monitor.core.loops import Built, LoopKind
from monitor.core.trails import Side, Trail
from monitor.core.units import AssetId, MarketId, address
from monitor.leverage.claims import Claims
from monitor.leverage.flows import follow
from monitor.leverage.loops import loops_of
from monitor.leverage.settlement import settle
from monitor.leverage.standings import Standing
from monitor.leverage.steps import Act, FlowTerms, Step
from monitor.leverage.ties import Ties

SPIRALS = json.loads(
    Path(__file__).with_name("leverage_spirals.json").read_text(), parse_float=Decimal
)["spirals"]
COMPOUND = MarketId("compound")
WAD = 10**18
TERMS = FlowTerms(window_seconds=3600, tolerance=Fraction(1, 20))
AT_UNIX = 1_560_000_000


def steps_of(spiral: dict[str, Any]) -> Iterator[Step]:
    """Mint is a pledge and Borrow a debt. An asset goes by its cToken: both have 18 decimals.

    Compound pays the borrower out. Where a Mint follows, that money is taken for sent away again;
    after the last it stays: nothing in the set was done with it.
    """
    events = spiral["events"]
    last_mint = max(event["log_index"] for event in events if event["event"] == "Mint")
    for event in events:
        is_pledge, index = event["event"] == "Mint", event["log_index"]
        told = spiral["collateral_asset"] if is_pledge else event["borrow_market"]
        amount = event["mint_amount"] if is_pledge else event["borrow_amount"]
        asset, raw = AssetId(address(told)), int(Decimal(amount) * WAD)
        side = Side(COMPOUND, "", address(event["address"]), asset)
        act = Act.PLEDGED if is_pledge else Act.BORROWED
        yield Step(spiral["transaction_hash"], index, act, asset, raw, side)
        if index > last_mint:
            yield Step(spiral["transaction_hash"], index, Act.RECEIVED, asset, raw, None)


def standings_of(owed: Counter[Side], pledged: Counter[Side]) -> list[Standing]:
    return [
        Standing(
            Place(COMPOUND, account),
            tuple(sorted(side.asset for side in pledged if side.account == account)),
            tuple(
                sorted((side.asset, raw) for side, raw in owed.items() if side.account == account)
            ),
        )
        for account in sorted({side.account for side in (*owed, *pledged)})
    ]


@pytest.mark.parametrize("spiral", SPIRALS, ids=lambda spiral: str(spiral["block_number"]))
def test_spiral__of_compound_v2__is_one_loop_with_a_hop_less_than_pledges(
    spiral: dict[str, Any],
) -> None:
    steps = list(steps_of(spiral))
    owed, pledged = Counter[Side](), Counter[Side]()
    for step in steps:
        if step.side is not None:
            (pledged if step.act is Act.PLEDGED else owed)[step.side] += step.raw
    trail = follow(Trail(), steps, frozenset(owed), lambda *_: None, AT_UNIX, TERMS)
    trail = settle(trail, owed.__getitem__, pledged.__getitem__, AT_UNIX, TERMS)
    owner = min(side.account for side in owed)
    found = loops_of(owner, standings_of(owed, pledged), trail, Ties(), Claims({}))
    assert found is not None
    [loop] = found.loops
    assert loop.hops == sum(step.act is Act.PLEDGED for step in steps) - 1
    assert (loop.kind, loop.built) == (LoopKind.DIRECTIONAL, Built.STEPWISE)
    assert loop.evidence == (spiral["transaction_hash"],)


def test_spirals__of_the_set__are_72() -> None:
    pledges = Counter(
        sum(event["event"] == "Mint" for event in spiral["events"]) for spiral in SPIRALS
    )
    assert sum(pledges.values()) == 72
    assert sum(count * number for count, number in pledges.items()) == 237
