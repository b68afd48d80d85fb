"""The local chain's Aave 3.0.2 and the double of Spark's upgrade do what other tests rely on."""

from dataclasses import replace

import pytest
from aave_contracts import CHECKPOINT, SCALED
from aave_versions import Version, open_market
from devnet import (
    MAX,
    USD,
    AccountData,
    Deployer,
    RevertError,
    World,
    WorldTerms,
    account,
    event_topic,
    new_world,
)
from devnet.aave_3_0_deployment import STABLE_RATE, allow_stable_rate, deploy_aave_3_0
from devnet.world import NO_REFERRAL

ALICE, BOB, LENDER = account("alice"), account("bob"), account("lender")
RAY = 10**27
YEAR_SECONDS = 31_536_000
INCOME = "getReserveNormalizedIncome(address)(uint256)"
NORMAL_DEBT = "getReserveNormalizedVariableDebt(address)(uint256)"
LIQUIDATION_CALL = event_topic(
    "LiquidationCall(address,address,address,uint256,uint256,address,bool)"
)
MINT = event_topic("Mint(address,address,uint256,uint256,uint256)")
BALANCE_TRANSFER = event_topic("BalanceTransfer(address,address,uint256,uint256)")


async def lend(market: World) -> None:
    """A lender's 1,000,000 USDC, and Alice's 12,000 of them against 10 WETH."""
    usdc, weth = market.raw("USDC", 1_000_000), market.raw("WETH", 10)
    await market.fund(LENDER, USDC=usdc)
    await market.supply(LENDER, "USDC", usdc)
    await market.fund(ALICE, WETH=10 * weth, USDC=usdc)
    await market.block(
        market.supply(ALICE, "WETH", weth), market.borrow(ALICE, "USDC", market.raw("USDC", 12_000))
    )


async def test_the_recorded_figures_of_a_market_of_3_0_2() -> None:
    """Those of the prototype that the reference was measured with."""
    terms = WorldTerms()
    weth = replace(terms.asset("WETH"), ltv_bps=8000, threshold_bps=8250)
    terms = replace(terms, assets=(weth, *terms.assets[1:]))
    async with new_world(terms) as world:
        at = world.addresses
        made = await deploy_aave_3_0(Deployer(world), terms, at.tokens, at.feeds)
        market = world.of_market(made)
        await lend(market)
        assert await market.user_account_data(ALICE) == AccountData(
            *(2_000_000_000_000, 1_200_000_000_000, 400_000_000_000),
            *(8250, 8000, 1_375_000_000_000_000_000),
        )
        await market.withdraw(ALICE, "WETH", market.raw("WETH", 1))
        await market.repay(ALICE, "USDC", market.raw("USDC", 1_000))
        await market.move_feed("WETH", 1_350 * USD)
        # 9 x 1350 x 0.8250 / 11000, and some seconds of interest
        health = (await market.user_account_data(ALICE)).health_factor_wad
        assert health == pytest.approx(911_250_000_000_000_000, rel=1e-6)
        # Below 0.95 all of the debt may go at once.
        bot = account("bot")
        await market.fund(bot, USDC=market.raw("USDC", 20_000))
        receipt = await market.liquidate(bot, ALICE, "WETH", "USDC")
        [call] = receipt.logs_of(made.pool, LIQUIDATION_CALL)
        repaid, seized = (int.from_bytes(call.data[at : at + 32]) for at in (0, 32))
        assert await market.balance_of(made.debt_tokens["USDC"], ALICE) == 0
        assert repaid == pytest.approx(11_000 * 10**6, rel=1e-4)
        # 5 % more than what was repaid, less the treasury's tenth of that.
        assert seized == pytest.approx(repaid * 10**12 * 1_045 // 1_000 // 1_350, rel=1e-6)


async def test_two_markets__on_one_chain__know_nothing_of_each_other() -> None:
    async with open_market(Version.V3_0) as first:
        at = first.addresses
        made = await deploy_aave_3_0(Deployer(first), first.terms, at.tokens, at.feeds, "Spark")
        second = first.of_market(made)
        await lend(first)
        assert (await second.user_account_data(ALICE)).debt_e8 == 0
        await lend(second)
        await first.fund(ALICE, USDC=10**12)
        await first.repay(ALICE, "USDC")
        assert (await first.user_account_data(ALICE)).debt_e8 == 0
        assert (await second.user_account_data(ALICE)).debt_e8 >= 12_000 * USD
        view = "getMarketId()(string)"
        assert await first.call(made.addresses_provider, view) == "Spark"


async def test_stable_rate__switched_on__is_borrowed_at() -> None:
    async with open_market(Version.V3_0) as market:
        await lend(market)
        signature = "borrow(address,uint256,uint256,uint16,address)"
        args = (market.token("USDC"), 10**8, STABLE_RATE, NO_REFERRAL, ALICE)
        borrow = market.tx(ALICE, market.addresses.pool, signature, *args)
        with pytest.raises(RevertError):
            await borrow
        await allow_stable_rate(market, "USDC")
        await borrow
        await market.jump(YEAR_SECONDS)
        view = "getUserReserveData(address,address)(uint256,uint256,uint256)"
        provider = market.addresses.data_provider
        _, stable, _ = await market.call(provider, view, market.token("USDC"), ALICE)
        assert stable > 10**8


def up(value: int, unit: int) -> int:
    return -(-value // unit)


async def scaled(market: World, token: str, who: str) -> int:
    held: int = await market.call(token, SCALED, who)
    return held


@pytest.mark.parametrize("amount", [10**8 + 1, 10**8 + 3, 10**8 + 4, 10**8 + 5, 10**8 + 6])
async def test_spark__after_its_upgrade__rounds_every_delta_to_its_own_side(amount: int) -> None:
    """Section 1.12 of the accounting reference, figure by figure."""
    async with open_market(Version.SPARK) as market:
        at, pool, usdc = market.addresses, market.addresses.pool, market.token("USDC")
        atoken, debt = at.atokens["USDC"], at.debt_tokens["USDC"]
        await lend(market)
        await market.jump(YEAR_SECONDS)

        before = await scaled(market, atoken, ALICE), await scaled(market, debt, ALICE)
        supplied = await market.supply(ALICE, "USDC", amount)
        index = await market.call(pool, INCOME, usdc, block=supplied.block_hash)
        minted = await scaled(market, atoken, ALICE) - before[0]
        assert minted == amount * RAY // index
        [mint] = supplied.logs_of(atoken, MINT)
        assert int.from_bytes(mint.data[:32]) == amount  # as before the upgrade, not what it shows

        borrowed = await market.borrow(ALICE, "USDC", amount)
        debt_index = await market.call(pool, NORMAL_DEBT, usdc, block=borrowed.block_hash)
        assert await scaled(market, debt, ALICE) - before[1] == up(amount * RAY, debt_index)

        held = await scaled(market, debt, ALICE)
        repaid = await market.repay(ALICE, "USDC", amount)
        debt_index = await market.call(pool, NORMAL_DEBT, usdc, block=repaid.block_hash)
        assert held - await scaled(market, debt, ALICE) == amount * RAY // debt_index

        held = await scaled(market, atoken, LENDER)
        moved = await market.transfer_atoken(LENDER, "USDC", BOB, amount)
        index = await market.call(pool, INCOME, usdc, block=moved.block_hash)
        given = up(amount * RAY, index)
        assert held - await scaled(market, atoken, LENDER) == given
        assert await scaled(market, atoken, BOB) == given
        [transfer] = moved.logs_of(atoken, BALANCE_TRANSFER)
        assert int.from_bytes(transfer.data[:32]) == given

        held = await scaled(market, atoken, LENDER)
        drawn = await market.withdraw(LENDER, "USDC", amount)
        index = await market.call(pool, INCOME, usdc, block=drawn.block_hash)
        assert held - await scaled(market, atoken, LENDER) == up(amount * RAY, index)
        assert await market.call(atoken, CHECKPOINT, LENDER) == index


async def test_spark__after_its_upgrade__shows_less_supply_more_debt_and_a_sharper_health() -> None:
    async with open_market(Version.SPARK) as market:
        at, pool = market.addresses, market.addresses.pool
        await lend(market)
        head = await market.jump(YEAR_SECONDS // 3 + 1)
        usdc, weth = market.token("USDC"), market.token("WETH")
        index = await market.call(pool, INCOME, usdc, block=head.hash)
        debt_index = await market.call(pool, NORMAL_DEBT, usdc, block=head.hash)
        held = await scaled(market, at.atokens["USDC"], LENDER)
        owed = await scaled(market, at.debt_tokens["USDC"], ALICE)
        assert await market.balance_of(at.atokens["USDC"], LENDER) == held * index // RAY
        debt_raw = up(owed * debt_index, RAY)
        assert await market.balance_of(at.debt_tokens["USDC"], ALICE) == debt_raw
        # The feed of USDC is not 1 USD sharp, so that values have something to round.
        moved = await market.move_feed("USDC", USD + 7)
        income = await market.call(pool, INCOME, weth, block=moved.block_hash)
        debt_index = await market.call(pool, NORMAL_DEBT, usdc, block=moved.block_hash)
        pledged = await scaled(market, at.atokens["WETH"], ALICE)
        collateral = pledged * income // RAY * 2_000 * USD // 10**18
        debt = up(up(owed * debt_index, RAY) * (USD + 7), 10**6)
        data = await market.user_account_data(ALICE, moved.block_hash)
        weighted = collateral * market.terms.asset("WETH").threshold_bps
        health = (weighted * 10**18 + debt // 2) // debt // 10_000
        assert (data.collateral_e8, data.debt_e8) == (collateral, debt)
        assert data.health_factor_wad == health


async def test_spark__everything_withdrawn_and_repaid__leaves_nothing() -> None:
    async with open_market(Version.SPARK) as market:
        await lend(market)
        for seconds in (1, 12, 86_399):
            await market.jump(seconds)
            await market.repay(ALICE, "USDC", MAX)
            await market.withdraw(LENDER, "USDC", MAX)
            tokens = market.addresses.debt_tokens["USDC"], market.addresses.atokens["USDC"]
            for token, who in zip(tokens, (ALICE, LENDER), strict=True):
                assert await scaled(market, token, who) == 0
            await market.supply(LENDER, "USDC", 10**10 + 7)
            await market.borrow(ALICE, "USDC", 10**9 + 3)
