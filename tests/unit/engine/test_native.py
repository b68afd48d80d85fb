"""Whose native coins are read in a block, and what is made of the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from builders import WETH, a_block, a_hash, an_address

from monitor.core.blocks import BlockRef
from monitor.core.keys import trail_key
from monitor.core.ledger import Ledger
from monitor.core.ports import Code, ViewCall, ViewFailed, ViewResult
from monitor.core.trails import Lot, Side, Trail
from monitor.core.units import Address, BlockHash, MarketId, RawAmount
from monitor.engine.native import MOST_READ, MOST_WALLETS, NativeCoin, NativeFlows
from monitor.errors import StateUnavailable
from monitor.leverage.steps import Act, FlowTerms, Step
from monitor.library import abi_library

COIN = NativeCoin(
    WETH,
    abi_library("erc20/Token").functions["balanceOf"],
    abi_library("multicall3/Multicall3").functions["getEthBalance"],
)
TERMS = FlowTerms(3600, Fraction(1, 20))
BLOCK = a_block()
ALICE, BOB = sorted(an_address(name) for name in ("Alice", "Bob"))


@dataclass
class Balances:
    """`coins` by block hash and account; the wrapped coin is none of anybody's. `asked`: where,
    and for how many views.
    """

    coins: Mapping[tuple[BlockHash, Address], int] = field(default_factory=dict)
    forgotten: bool = False
    mute: bool = False
    asked: list[tuple[BlockHash, int]] = field(default_factory=list)

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        self.asked.append((at.hash, len(calls)))
        if self.forgotten and at.hash == BLOCK.parent_hash:
            raise StateUnavailable("pruned")
        if self.mute:
            return [ViewFailed("no contract code") for _ in calls]
        return [
            (self.coins.get((at.hash, call.args[0]), 0) if call.to != WETH else 0,)
            for call in calls
        ]

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        raise AssertionError("not asked")

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        raise AssertionError("not asked")


def carrying(*owners: Address) -> Ledger:
    """Each has 100 borrowed."""
    ledger = Ledger()
    for owner in owners:
        side = Side(MarketId("aave"), "", owner, WETH)
        lot = Lot(WETH, RawAmount(100), side, RawAmount(100), 0, (a_hash("tx"),))
        ledger.put(trail_key(owner), Trail((lot,)))
    return ledger


async def joined(
    balances: Balances,
    wallets: Mapping[Address, Address],
    steps: Mapping[Address, Sequence[Step]] | None = None,
    coin: NativeCoin | None = COIN,
) -> Mapping[Address, Sequence[Step]]:
    owners = sorted(set(wallets.values()))
    told = {owner: (steps or {}).get(owner, ()) for owner in owners}
    flows = NativeFlows(coin, TERMS, balances)
    return await flows.joined(BLOCK, carrying(*owners), wallets, told, lambda *_: None)


def paid(account: Address, before: int, after: int) -> dict[tuple[BlockHash, Address], int]:
    return {(BLOCK.parent_hash, account): before, (BLOCK.hash, account): after}


async def test_coins__that_moved_between_an_owner_s_wallets__are_still_there() -> None:
    balances = Balances(paid(ALICE, 100, 0) | paid(BOB, 0, 100))
    assert await joined(balances, {ALICE: ALICE, BOB: ALICE}) == {ALICE: []}
    assert balances.asked == [(BLOCK.hash, 4), (BLOCK.parent_hash, 4)]


async def test_coins__that_left__are_a_step_of_their_owner() -> None:
    balances = Balances(paid(ALICE, 100, 0) | paid(BOB, 100, 100))
    found = await joined(balances, {ALICE: ALICE, BOB: BOB})
    [step] = found[ALICE]
    assert (step.act, step.asset, step.raw) == (Act.SENT, WETH, 100)
    assert not found[BOB]


async def test_settled_block__with_nobody_to_follow__asks_nothing() -> None:
    balances = Balances()
    assert await joined(balances, {}) == {}
    assert await joined(balances, {ALICE: ALICE}, coin=None) == {ALICE: ()}
    assert not balances.asked


@pytest.mark.parametrize("balances", [Balances(forgotten=True), Balances(mute=True)])
async def test_balances__that_nobody_tells__change_nothing(balances: Balances) -> None:
    assert await joined(balances, {ALICE: ALICE}) == {ALICE: ()}
    assert balances.asked


async def test_owner__of_very_many_wallets__is_not_read() -> None:
    crowd = {an_address(str(number)): ALICE for number in range(MOST_WALLETS + 1)}
    balances = Balances()
    await joined(balances, crowd | {BOB: BOB})
    assert balances.asked == [(BLOCK.hash, 2), (BLOCK.parent_hash, 2)]


async def test_crowd__of_owners__is_read_to_a_bound_and_who_acts_comes_first() -> None:
    crowd = {an_address(str(number)): an_address(str(number)) for number in range(MOST_READ + 9)}
    last = max(crowd)
    step = Step(a_hash("tx"), 1, Act.RECEIVED, an_address("stETH"), 100, None)
    balances = Balances(paid(last, 100, 0))
    found = await joined(balances, crowd, {last: [step]})
    assert balances.asked[0] == (BLOCK.hash, 2 * MOST_READ)
    assert [each.act for each in found[last]] == [Act.RECEIVED, Act.SENT]
