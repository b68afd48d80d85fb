"""Verbs in one transaction and in a flash loan's callback: logs in an order of their own."""

from pathlib import Path

import pytest
from aave_acts import ALICE, BOB, DAVE, ODD_SECONDS, PEOPLE, lend
from aave_told import judged
from aave_versions import Version, open_market
from devnet import ADMIN, USD, Deployer, Tx, World
from devnet.flash_actor import FlashActor
from devnet.world import VARIABLE_RATE
from following import following

SENDER = BOB


async def actor_on(market: World) -> FlashActor:
    """With money, some of it supplied, and a debt."""
    actor = FlashActor(market, await Deployer(market).deploy("FlashActor"))
    who, unit = actor.address, market.raw
    await market.fund(who, WETH=unit("WETH", 1_000), USDC=unit("USDC", 10**7), DAI=10**25)
    await actor.bundle(
        SENDER, market.supply(who, "WETH", unit("WETH", 100)), market.borrow(who, "USDC", 10**10)
    )
    return actor


def nested(market: World, actor: FlashActor) -> list[tuple[str, Tx]]:
    """(what, one transaction)."""
    who, pool = actor.address, market.addresses.pool

    def with_treasury(*symbols: str) -> Tx:
        tokens = [market.token(symbol) for symbol in symbols]
        return market.tx(who, pool, "mintToTreasury(address[])", tokens)

    bundles = {
        "verbs of one reserve": (
            market.supply(who, "USDC", 10**9 + 1),
            market.borrow(who, "USDC", 10**8 + 1),
            market.repay(who, "USDC", 10**7 + 1),
            market.withdraw(who, "USDC", 10**6 + 1),
        ),
        "the lent asset supplied": (
            actor.flash_loan("USDC", 10**10 + 1, market.supply(who, "USDC", 10**10)),
        ),
        "the lent asset borrowed": (
            actor.flash_loan("USDC", 10**10 + 3, market.borrow(who, "USDC", 10**9)),
        ),
        "a loan of it in a loan of it": (
            actor.flash_loan(
                "USDC",
                10**10 + 1,
                actor.flash_loan("USDC", 10**9 + 7),
                market.repay(who, "USDC", 5),
            ),
        ),
        "two loans, one after the other": (
            actor.flash_loan("USDC", 10**10 + 1),
            actor.flash_loan("USDC", 10**10 + 9),
        ),
        "loans of another asset, nested": (
            actor.flash_loan(
                "WETH",
                10**19,
                actor.flash_loan("USDC", 10**10, actor.flash_loan("WETH", 10**18)),
            ),
        ),
        "kept as a debt, with a loan inside": (
            actor.flash_loans(
                {"USDC": (10**9, VARIABLE_RATE), "WETH": (10**18, 0)},
                actor.flash_loan("USDC", 10**8 + 3),
                market.supply(who, "WETH", 10**18),
            ),
        ),
        "to the treasury inside": (
            actor.flash_loan("USDC", 10**10 + 5, with_treasury("USDC", "WETH")),
            with_treasury("USDC"),
        ),
        "collateral and e-mode inside": (
            actor.flash_loan(
                "DAI",
                10**20,
                market.supply(who, "DAI", 10**19),
                market.set_collateral(who, "DAI", False),
                market.transfer_atoken(who, "DAI", DAVE, 10**18),
            ),
        ),
        "a liquidation inside": (
            actor.flash_loan("USDC", 10**10, market.liquidate(who, ALICE, "WETH", "USDC", 10**9)),
        ),
        "a liquidation for aTokens inside, and of them": (
            actor.flash_loan(
                "WETH",
                10**18,
                market.liquidate(who, ALICE, "WETH", "USDC", 10**9, receive_atoken=True),
                market.withdraw(who, "WETH", 10**17),
            ),
        ),
        "everything out": (
            market.repay(who, "USDC"),
            actor.flash_loan("USDC", 10**9, market.withdraw(who, "WETH")),
        ),
    }
    return [(name, actor.bundle(SENDER, *actions)) for name, actions in bundles.items()]


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.timeout(180)
async def test_bundle__of_nested_verbs__ledger_equals_the_contracts_after_each(
    version: Version, tmp_path: Path
) -> None:
    async with open_market(version) as market:
        await lend(market)
        actor = await actor_on(market)
        people = (*PEOPLE, actor.address)
        async with following(market, tmp_path) as monitored:
            for name, bundle in nested(market, actor):
                if name == "a liquidation inside":
                    await market.move_feed("WETH", 1_700 * USD)
                await market.jump(ODD_SECONDS)
                await bundle
                await judged(market, version, people, monitored)


@pytest.mark.parametrize("version", [Version.V3_0, Version.SPARK])
async def test_flash_loan__without_a_premium__moves_no_index(
    version: Version, tmp_path: Path
) -> None:
    async with open_market(version) as market:
        await lend(market)
        actor = await actor_on(market)
        people, at = (*PEOPLE, actor.address), market.addresses
        async with following(market, tmp_path) as monitored:
            await market.tx(ADMIN, at.configurator, "updateFlashloanPremiumTotal(uint128)", 0)
            await actor.bundle(SENDER, actor.flash_loan("USDC", 10**10))
            await judged(market, version, people, monitored)
