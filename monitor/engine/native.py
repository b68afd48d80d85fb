"""Reads what a block did to the native coins of those whose borrowed money is followed.

Balances are views of a block: what moved in it is read at its end and at its parent's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.core.abi import FunctionAbi
from monitor.core.blocks import BlockRef
from monitor.core.ledger import LedgerView
from monitor.core.ports import AccountReader, ViewCall, ViewFailed
from monitor.core.trails import Trail
from monitor.core.units import Address, AssetId
from monitor.engine.trails import trail_of
from monitor.errors import StateUnavailable
from monitor.leverage.native import Coins, Terms, is_concerned, unseen_steps
from monitor.leverage.steps import FlowTerms, Step, Worth
from monitor.oracles.family import MULTICALL3

MOST_WALLETS = 20
"""Of one owner; whoever has more is followed by logs alone."""
MOST_READ = 200
"""Wallets in a block. Who did something in it comes first."""
WRAPPED = {
    1: "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
    10: "0x4200000000000000000000000000000000000006",
    8453: "0x4200000000000000000000000000000000000006",
    42161: "0x82af49447d8a07e3bd95bd0d56f35241523fbab1",
}
"""WETH by chain id: Ethereum, Optimism, Base, Arbitrum One."""
Steps = Mapping[Address, Sequence[Step]]
"""By owner, in log order."""


@dataclass(frozen=True, slots=True)
class NativeCoin:
    """`wrapped`: the token it counts as. `balance` is the token's view, `coins` Multicall3's."""

    wrapped: AssetId
    balance: FunctionAbi
    coins: FunctionAbi


class NativeFlows:
    """Without a `coin` there are none."""

    def __init__(self, coin: NativeCoin | None, terms: FlowTerms, reader: AccountReader) -> None:
        self._coin = coin
        self._terms = terms
        self._reader = reader

    async def joined(
        self,
        block: BlockRef,
        view: LedgerView,
        wallets: Mapping[Address, Address],
        steps: Steps,
        worth: Worth,
    ) -> Steps:
        """The steps of a block with those that native coins took, where its state can be read.

        `wallets`: their owners.
        """
        coin = self._coin
        asked = _asked(coin, view, wallets, steps) if coin else {}
        if coin is None or not asked:
            return steps
        coins = await self._coins(coin, block, asked)
        terms = Terms(coin.wrapped, worth, self._terms.tolerance)
        found = dict(steps)
        for owner, had in coins.items():
            lots = (trail_of(view, owner) or Trail()).lots
            unseen = unseen_steps(lots, steps[owner], had, terms)
            found[owner] = sorted((*steps[owner], *unseen), key=lambda step: step.log_index)
        return found

    async def _coins(
        self, coin: NativeCoin, block: BlockRef, asked: Mapping[Address, Sequence[Address]]
    ) -> Mapping[Address, Coins]:
        """By owner; nothing of those whose balances do not say."""
        accounts = [account for wallets in asked.values() for account in wallets]
        # A view is read by number and hash; what else a block has of its parent is not known here.
        parent = BlockRef(block.number - 1, block.parent_hash, block.parent_hash, block.timestamp)
        try:
            after = await self._balances(coin, block, accounts)
            before = await self._balances(coin, parent, accounts)
        except StateUnavailable:
            return {}
        found = {}
        for owner, wallets in asked.items():
            held, had = ([told[account] for account in wallets] for told in (after, before))
            known = [raw for raw in held if raw is not None]
            known_before = [raw for raw in had if raw is not None]
            if len(known) == len(known_before) == len(wallets):
                found[owner] = Coins(sum(known), sum(known) - sum(known_before))
        return found

    async def _balances(
        self, coin: NativeCoin, at: BlockRef, accounts: Sequence[Address]
    ) -> Mapping[Address, int | None]:
        """Of the native coin and its wrapped form together."""
        calls = [
            call
            for account in accounts
            for call in (
                ViewCall(MULTICALL3, coin.coins, (account,)),
                ViewCall(coin.wrapped, coin.balance, (account,)),
            )
        ]
        answers = await self._reader.read(at, calls)
        found: dict[Address, int | None] = {}
        for account, native, wrapped in zip(accounts, answers[::2], answers[1::2], strict=True):
            told = [one[0] for one in (native, wrapped) if not isinstance(one, ViewFailed)]
            found[account] = sum(told) if len(told) == 2 else None
        return found


def _asked(
    coin: NativeCoin, view: LedgerView, wallets: Mapping[Address, Address], steps: Steps
) -> Mapping[Address, Sequence[Address]]:
    """Whose wallets are read, by owner."""
    of_owner: dict[Address, list[Address]] = {}
    for account, owner in sorted(wallets.items()):
        of_owner.setdefault(owner, []).append(account)
    asked: dict[Address, list[Address]] = {}
    room = MOST_READ
    for owner in sorted(of_owner, key=lambda owner: (not steps[owner], owner)):
        mine = of_owner[owner]
        trail = trail_of(view, owner) or Trail()
        is_few = len(mine) <= min(MOST_WALLETS, room)
        if is_few and is_concerned(trail, steps[owner], coin.wrapped):
            asked[owner] = mine
            room -= len(mine)
    return asked
