"""Tokens that move other amounts than they are told to, lent on Aave: what is booked is followed.

A fee on transfer arrives nowhere, yet Aave books all that was sent; a balance that rebases moves
without a log, and Aave 3.0.2 reckons its rates from it.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aave_told import judged
from aave_versions import Version
from devnet import (
    ADMIN,
    USD,
    AssetTerms,
    Deployer,
    RevertError,
    World,
    account,
    find_tokens,
    listing,
    open_world,
)
from devnet.aave_3_0_deployment import deploy_aave_3_0
from devnet.feed_deployment import deploy_feed
from devnet.odd_tokens import deploy_odd_token
from devnet.terms import VOLATILE_RATES
from following import following

ALICE, BOB = account("alice"), account("bob")
WAD, DAY_SECONDS = 10**18, 86_400
SET_RATE = "setRate(uint256,uint256)"
FEE, REBASING = "FEE", "stETH"
ODDITIES = {FEE: "fee on transfer", REBASING: "rebasing"}


@pytest.fixture(params=[Version.V3_6, Version.V3_0])
async def version(request: pytest.FixtureRequest) -> Version:
    return Version(request.param)


@pytest.fixture(params=ODDITIES)
async def symbol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def market(version: Version, symbol: str) -> AsyncIterator[World]:
    """One that lists the odd token beside the others."""
    terms = AssetTerms(symbol, 18, 2 * USD, 6000, 6500, 10700, 2000, VOLATILE_RATES)
    async with open_world() as world:
        at, deployer = world.addresses, Deployer(world)
        at.tokens[symbol] = await deploy_odd_token(deployer, ODDITIES[symbol])
        at.feeds[symbol], at.aggregators[symbol] = await deploy_feed(deployer, terms, at.reporter)
        world.terms = replace(world.terms, assets=(*world.terms.assets, terms))
        if version is Version.V3_6:
            await world.block(*await listing(world, symbol))
            await find_tokens(world, symbol)
            yield world
        else:
            yield world.of_market(await deploy_aave_3_0(deployer, world.terms, at.tokens, at.feeds))


async def test_odd_reserve__lent_and_borrowed__is_what_the_contracts_book(
    market: World, version: Version, symbol: str, tmp_path: Path
) -> None:
    people = (ALICE, BOB)
    async with following(market, tmp_path) as monitored:
        for who in people:
            await market.fund(who, WETH=100 * WAD, **{symbol: 1_000 * WAD})
            await market.supply(who, symbol, 900 * WAD)
        await judged(market, version, people, monitored)
        await market.supply(ALICE, "WETH", 100 * WAD)
        await market.borrow(ALICE, symbol, 500 * WAD)
        await market.jump(DAY_SECONDS)
        await market.repay(ALICE, symbol, 100 * WAD)
        await market.withdraw(BOB, symbol, 10 * WAD)
        await judged(market, version, people, monitored)
        if symbol == REBASING:
            for rate_wad in (3 * WAD, WAD // 2):
                await market.tx(ADMIN, market.token(symbol), SET_RATE, rate_wad, 10**9)
                await market.jump(DAY_SECONDS)
                await judged(market, version, people, monitored)
                await market.supply(ALICE, symbol, WAD)
                await judged(market, version, people, monitored)
        atoken = market.addresses.atokens[symbol]
        left = await market.balance_of(market.token(symbol), atoken)
        owed = await market.balance_of(market.addresses.debt_tokens[symbol], ALICE)
        claimed = await market.balance_of(atoken, ALICE) + await market.balance_of(atoken, BOB)
        # More is booked than is there, so that the last ones out get nothing.
        assert left + owed < claimed
        await market.fund(ALICE, **{symbol: 1_000 * WAD})
        await market.repay(ALICE, symbol)
        with pytest.raises(RevertError):
            await market.block(market.withdraw(ALICE, symbol), market.withdraw(BOB, symbol))
        await judged(market, version, people, monitored)
