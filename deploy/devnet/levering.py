"""Leverage built by hand, over any desks: pledge, borrow, obtain the next collateral, pledge again.

`await walk(world, Way(alice, 10 * WETH, turns(desk, 3), 7_000))` pledges four times and borrows
three times; desks of several protocols in one way make one chain of pledges across them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from devnet.abi import Address
from devnet.chain import View
from devnet.desks import Desk
from devnet.loops import arbitrage_pools, oracle_prices
from devnet.transactions import Receipt, Tx
from devnet.world import BALANCE, World


@dataclass(frozen=True)
class Way:
    """From desk to desk with `amount_raw` of the first one's collateral.

    At each but the last `borrow_bps` of the value just pledged is borrowed, and all of that is
    pledged at the next one.
    """

    account: Address
    amount_raw: int
    stops: tuple[Desk, ...]
    borrow_bps: int


@dataclass
class Walked:
    """What was done, stop by stop; `transactions` are the hashes of all of it, in order."""

    way: Way
    pledged_raw: list[int] = field(default_factory=list)
    borrowed_raw: list[int] = field(default_factory=list)
    transactions: list[str] = field(default_factory=list)

    @property
    def hops(self) -> int:
        """How many times borrowed money was pledged again."""
        return len(self.pledged_raw) - 1


def turns(desk: Desk, count: int) -> tuple[Desk, ...]:
    """The stops of one desk, borrowed at so often."""
    return (desk,) * (count + 1)


async def prepare(world: World, *ways: Way) -> None:
    """Equity out of nothing, approvals and e-modes; one block."""
    txs: list[Tx] = []
    for way in ways:
        txs += await way.stops[0].grants(way.account, way.amount_raw)
        for before, desk in zip((way.stops[0], *way.stops), way.stops, strict=False):
            txs += desk.allows(way.account, before.debt)
        for desk in dict.fromkeys(way.stops):
            txs += desk.joins(way.account)
    await world.block(*txs)


async def walk(world: World, *ways: Way, arbitrage: bool = False) -> list[Walked]:
    """All ways in step, a block a stop; an account walks one way at a time.

    With `arbitrage` the pools are brought back to the feeds' prices at the end of each block.
    """
    walked = [Walked(way, [way.amount_raw]) for way in ways]
    for stop in range(max(len(way.stops) for way in ways)):
        active = [each for each in walked if stop < len(each.way.stops)]
        planned = [await _stop(each, stop) for each in active]
        before = await _next_balances(world, active, stop)
        tail = arbitrage_pools(world, await oracle_prices(world)) if arbitrage else []
        receipts = await world.block(*(tx for txs in planned for tx in txs), *tail)
        after = await _next_balances(world, active, stop)
        for each, txs, had, has in zip(active, planned, before, after, strict=True):
            _note(each, stop, [receipts.pop(0) for _ in txs], has - had)
    return walked


async def _stop(each: Walked, stop: int) -> list[Tx]:
    way, desk = each.way, each.way.stops[stop]
    txs = [desk.pledge(way.account, each.pledged_raw[stop])]
    if stop + 1 < len(way.stops):
        borrowed = await desk.worth(each.pledged_raw[stop]) * way.borrow_bps // 10_000
        each.borrowed_raw.append(borrowed)
        txs.append(desk.borrow(way.account, borrowed))
        txs += way.stops[stop + 1].obtain(way.account, desk.debt, borrowed)
    return txs


def _note(each: Walked, stop: int, receipts: Sequence[Receipt], gained: int) -> None:
    each.transactions += [receipt.transaction_hash for receipt in receipts]
    stops = each.way.stops
    if stop + 1 < len(stops):
        spent = each.pledged_raw[stop] if stops[stop].token == stops[stop + 1].token else 0
        each.pledged_raw.append(gained + spent)


async def _next_balances(world: World, active: Sequence[Walked], stop: int) -> list[int]:
    """What each has of what it pledges next."""
    desks = [each.way.stops[min(stop + 1, len(each.way.stops) - 1)] for each in active]
    return await world.read(
        [
            View(desk.token, BALANCE, (each.way.account,))
            for desk, each in zip(desks, active, strict=True)
        ]
    )
