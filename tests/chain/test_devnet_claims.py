"""The executing side of claims as collateral, and of liquidity providers who leave."""

from fractions import Fraction

import pytest
from devnet import View, WideWorld, World, account, crash
from devnet.leaving import leave
from devnet.pool_families import open_families
from devnet.pool_prices import mids
from devnet.share_market import open_atoken_market, open_share_market

ALICE, BOB, CAROL, LENDER = (account(name) for name in ("alice", "bob", "carol", "lender"))
WAD = 10**18
LLTV_WAD = 860_000_000_000_000_000
VAULT = "Devnet USDC"
LIQUIDITY = "liquidity()(uint128)"
FALL = {"WETH": Fraction(-10, 100)}


async def pledge_ether_claims(wide: WideWorld, issuer: World, taken_percent: int) -> None:
    """Alice's 100 aWETH against 165,000 USDC; Bob has borrowed so much of what else lies there."""
    dollars, ether = wide.raw("USDC", 2_000_000), wide.raw("WETH", 1_000)
    market = await open_atoken_market(
        wide, issuer, ("WETH", "USDC"), LLTV_WAD, {LENDER: wide.raw("USDC", 500_000)}
    )
    await wide.fund(LENDER, WETH=ether)
    await wide.fund(ALICE, WETH=wide.raw("WETH", 100))
    await wide.fund(BOB, WBTC=wide.raw("WBTC", 100), USDC=dollars)
    await wide.block(
        issuer.supply(LENDER, "WETH", ether),
        issuer.supply(ALICE, "WETH", wide.raw("WETH", 100)),
        issuer.supply(BOB, "WBTC", wide.raw("WBTC", 100)),
        issuer.borrow(BOB, "WETH", wide.raw("WETH", 11 * taken_percent)),
    )
    atoken, morpho = issuer.addresses.atokens["WETH"], wide.addresses.morpho.morpho
    await wide.block(
        wide.tx(ALICE, atoken, "approve(address,uint256)", morpho, 2**255),
        wide.morpho.supply_collateral(ALICE, market, wide.raw("WETH", 100)),
        wide.morpho.borrow(ALICE, market, wide.raw("USDC", 165_000)),
    )


@pytest.mark.parametrize("version", ["3.6", "3.0.2"])
async def test_visit__atokens_are_pledged__they_are_withdrawn_and_sold(
    wide: WideWorld, version: str
) -> None:
    issuer = wide if version == "3.6" else wide.aave_3_0
    await pledge_ether_claims(wide, issuer, taken_percent=50)
    atoken = issuer.addresses.atokens["WETH"]
    cash = await wide.balance_of(wide.token("WETH"), atoken)
    executed = await crash(wide, FALL, seconds=0)
    (done,) = executed.done
    assert (done.account, done.debt) == (ALICE, "USDC")
    assert done.market.startswith("morpho/0x")
    assert done.received_usd == pytest.approx(float(done.repaid_usd) * 1.04384, rel=1e-4)
    assert float(done.received_usd) == pytest.approx(done.received_raw * 1_800 / WAD, rel=1e-9)
    assert executed.prices["WETH"].after < executed.prices["WETH"].shocked
    left = await wide.balance_of(wide.token("WETH"), atoken)
    assert cash - left == pytest.approx(done.received_raw, abs=1)
    assert await wide.balance_of(atoken, wide.addresses.liquidator) <= 1
    uses = {(use.market, use.asset): use for use in executed.played[0].uses}
    label = "aave-core" if version == "3.6" else "aave-3-0-2"
    used = uses[label, "WETH"].utilisation
    assert float(used) == pytest.approx(550 / (1_100 - done.received_raw / WAD), rel=1e-5)


async def test_visit__the_pool_has_less_cash_than_is_seized__takes_a_smaller_part(
    wide: WideWorld,
) -> None:
    await pledge_ether_claims(wide, wide.aave_3_0, taken_percent=97)
    executed = await crash(wide, FALL, seconds=0, max_rounds=1)
    # 33 WETH are there: all or half of the debt would take 95 or 48.
    (done,) = executed.done
    assert done.repaid_raw == pytest.approx(wide.raw("USDC", 165_000) / 4, rel=1e-5)
    assert done.received_raw < wide.raw("WETH", 33)


async def test_visit__the_pool_has_no_cash__leaves_the_account(wide: WideWorld) -> None:
    await pledge_ether_claims(wide, wide, taken_percent=100)
    executed = await crash(wide, FALL, seconds=0)
    assert executed.done == ()
    assert [each.account for each in executed.left] == [ALICE]
    assert float(executed.unliquidated_usd) == pytest.approx(165_000, rel=1e-5)


async def test_visit__a_vault_loses__its_pledged_shares_are_redeemed_there(
    wide: WideWorld,
) -> None:
    market = await open_share_market(
        wide, VAULT, "USDC", LLTV_WAD, {LENDER: wide.raw("USDC", 500_000)}
    )
    shares = wide.raw("USDC", 100_000) * 10**12
    await wide.fund(ALICE, USDC=wide.raw("USDC", 101_000))
    await wide.fund(BOB, WETH=wide.raw("WETH", 500))
    await wide.block(
        wide.vault.mint(ALICE, shares),
        wide.tx(
            ALICE,
            wide.vault.address,
            "approve(address,uint256)",
            wide.addresses.morpho.morpho,
            2**255,
        ),
        wide.morpho.supply_collateral(ALICE, market, shares),
        wide.morpho.borrow(ALICE, market, wide.raw("USDC", 84_000)),
        wide.morpho.supply_collateral(BOB, "WETH/USDC", wide.raw("WETH", 500)),
        wide.morpho.borrow(BOB, "WETH/USDC", wide.raw("USDC", 820_000)),
    )
    executed = await crash(wide, {"WETH": Fraction(-45, 100)}, seconds=0)
    first, second = executed.done[0], executed.done[-1]
    assert (first.account, first.collateral, second.account) == (BOB, "WETH", ALICE)
    assert second.collateral == VAULT
    rounds = [
        played.number
        for played in executed.played
        for each in played.liquidations
        if each.account == ALICE
    ]
    assert rounds
    assert min(rounds) > 1
    assert [each.account for each in executed.done if each.deficit_raw] == [BOB]
    assert executed.left == ()
    # A share was worth a dollar; what was written off is shared by all.
    worth = second.received_usd / Fraction(second.received_raw, WAD)
    assert 0.9 < worth < 0.97
    assert float(second.received_usd) == pytest.approx(float(second.repaid_usd) * 1.04384, rel=1e-4)


@pytest.mark.parametrize("factors", [{"WETH": Fraction(1, 2)}, {"*": Fraction(1, 2)}])
async def test_leave__half_of_it__halves_liquidity_and_moves_no_price(
    world: World, factors: dict[str, Fraction]
) -> None:
    pools = [View(pool, LIQUIDITY) for pool in world.addresses.pools.values()]
    before, prices = await world.read(pools), await mids(world)
    await world.block(*await leave(world, factors))
    after = await world.read(pools)
    for name, had, has in zip(world.addresses.pools, before, after, strict=True):
        touched = "*" in factors or "WETH" in name.split("/")
        assert has == pytest.approx(had / 2 if touched else had, abs=5)
    assert await mids(world) == prices


async def test_leave__by_two_names__leaves_their_product(world: World) -> None:
    pool = [View(world.addresses.pools["WETH/USDC"], LIQUIDITY)]
    (before,) = await world.read(pool)
    await world.block(*await leave(world, {"WETH": Fraction(1, 2), "USDC": Fraction(1, 5)}))
    assert (await world.read(pool))[0] == pytest.approx(before / 10, abs=5)


async def test_leave__more_than_there_is__is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="WETH: providers who leave keep a share from 0 to 1"):
        await leave(world, {"WETH": Fraction(2)})


async def test_leave__pools_of_another_family__are_refused(world: World) -> None:
    families = await open_families(world)
    with pytest.raises(ValueError, match="in this world another pool stands for it"):
        await leave(families.world, {"WETH": Fraction(1, 2)})
    assert await leave(families.world, {"WBTC": Fraction(1, 2)})


async def test_crash__with_thin_pools__falls_deeper(world: World) -> None:
    weth = world.raw("WETH", 500)
    dollars = world.raw("USDC", 2_000_000)
    await world.fund(LENDER, USDC=dollars)
    await world.fund(ALICE, WETH=weth)
    await world.block(
        world.supply(LENDER, "USDC", dollars),
        world.supply(ALICE, "WETH", weth),
        world.borrow(ALICE, "USDC", world.raw("USDC", 790_000)),
    )
    snapshot = await world.snapshot()
    deep = await crash(world, FALL)
    await world.revert(snapshot)
    thin = await crash(world, FALL, liquidity={"WETH": Fraction(1, 2)})
    assert deep.liquidations
    assert thin.liquidations
    assert thin.prices["WETH"].shocked == pytest.approx(float(deep.prices["WETH"].shocked))
    assert thin.prices["WETH"].after < deep.prices["WETH"].after * Fraction(98, 100)
