"""The first block after a start looks at everybody; whoever else is there is served meanwhile."""

import asyncio
from collections.abc import Sequence
from fractions import Fraction

from builders import USDC, WETH, a_block, a_market, a_position, a_price, a_reserve, an_address

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.keys import market_key, position_key, price_key, reserve_key
from monitor.core.ledger import Ledger
from monitor.core.overlay import Overlay
from monitor.core.ports import Code, ViewCall, ViewResult
from monitor.core.units import Address, MarketId
from monitor.engine.ownership import KnownAccounts
from monitor.engine.recursion import TURN, Recursion, Rules
from monitor.leverage.steps import FlowTerms
from monitor.library import abi_library
from monitor.protocols.aave_v3.rules import AaveRules

MARKET = MarketId("aave")
PEOPLE = 5 * TURN
NOBODYS_CODE = Code("", b"")


class Aave(AaveRules):
    protocol = "aave_v3"
    market = MARKET


class Keys:
    """A chain on which everybody is a key, and nothing moves."""

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        return [NOBODYS_CODE for _ in accounts]

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        return [0 for _ in slots]

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        return []

    async def transfers_of(
        self, block: BlockRef, accounts: frozenset[Address]
    ) -> tuple[RawLog, ...]:
        return ()


async def test_first_look__at_everybody__lets_others_have_their_turn() -> None:
    ledger = Ledger(
        {
            market_key(MARKET): a_market(),
            **{
                reserve_key(MARKET, asset): a_reserve(asset, symbol=name)
                for asset, name in ((WETH, "WETH"), (USDC, "USDC"))
            },
            **{price_key(MARKET, asset): a_price() for asset in (WETH, USDC)},
            **{
                position_key(MARKET, an_address(f"account {n}")): a_position(owed_scaled=10**18)
                for n in range(PEOPLE)
            },
        }
    )
    known = KnownAccounts({}, abi_library("accounts/Account"))
    rules = Rules([Aave(MARKET)], FlowTerms(3_600, Fraction(1, 20)), known, lambda view: {})
    recursion = Recursion(rules, Keys(), Keys())
    recursion.begin(ledger)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    await recursion.fold(a_block(), Overlay(ledger), ())
    waiting.cancel()
    assert turns >= PEOPLE // TURN
