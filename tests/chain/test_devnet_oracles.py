"""The doubles of price sources answer what their formulas say, computed here once more in ints.

The formulas are those of accounting.md 1.9; Morpho's composed oracle is in test_devnet_vaults.
"""

from dataclasses import replace
from typing import Any

import pytest
from devnet import ADMIN, USD, Deployer, RevertError, World, event_topic
from devnet.abi import Address, function
from devnet.oracle_deployment import (
    SET_ANSWER,
    SET_RATE,
    RatioCap,
    StakedEther,
    deploy_ratio_cap,
    deploy_sick_feed,
    deploy_staked_ether,
    set_cap,
)

WAD = 10**18
RATE, GROWTH = 1_234_567_890_123_456_789, 987_654_321
DAY, WEEK, YEAR = 86_400, 7 * 86_400, 365 * 86_400
ANSWER = "latestAnswer()(int256)"
CAPPED = "isCapped()(bool)"
POOLED = "getPooledEthByShares(uint256)(uint256)"
ASSETS = "convertToAssets(uint256)(uint256)"
CAP_PARAMETERS_UPDATED = event_topic("CapParametersUpdated(uint256,uint256,uint256,uint16)")
PRICE_CAP_UPDATED = event_topic("PriceCapUpdated(int256)")
FIXED_PRICE_UPDATED = event_topic("FixedPriceUpdated(int256,int256)")
DISCOUNT_UPDATED = event_topic("DiscountRatePerYearUpdated(uint64,uint64)")


async def ask(world: World, to: Address, signature: str, *args: Any) -> Any:
    """As of the head itself: a call of "latest" may be dated a block later."""
    return await world.call(to, signature, *args, block=(await world.head()).hash)


async def now(world: World) -> int:
    return (await world.head()).timestamp


async def staked(world: World) -> tuple[StakedEther, int]:
    """The staked token, and when its rate was `RATE`."""
    made = await deploy_staked_ether(Deployer(world), RATE, GROWTH)
    receipt = await world.tx(ADMIN, made.rebasing, SET_RATE, RATE, GROWTH)
    return made, (await world.block_at(receipt.block_number)).timestamp


async def capped(world: World, cap: RatioCap) -> tuple[Address, StakedEther, int]:
    tokens, since = await staked(world)
    base = world.addresses.feeds["WETH"]
    return await deploy_ratio_cap(Deployer(world), base, tokens.rebasing, cap), tokens, since


def growth_scaled(cap: RatioCap) -> int:
    return cap.ratio * cap.yearly_bps * 10**6 // 10**4 // YEAR


def highest_ratio(cap: RatioCap, at_unix: int) -> int:
    return cap.ratio + growth_scaled(cap) * (at_unix - cap.taken_unix) // 10**6


async def test_staked_ether__its_rate_grows_by_the_second(world: World) -> None:
    tokens, since = await staked(world)
    for seconds in (1, 12, YEAR):
        await world.jump(seconds)
        rate = RATE + GROWTH * (await now(world) - since)
        for amount in (1, 10**18, 7_777_777_777_777_777_777):
            pooled = amount * rate // WAD
            assert await ask(world, tokens.rebasing, POOLED, amount) == pooled
            assert (
                await ask(world, tokens.wrapped, "getStETHByWstETH(uint256)(uint256)", amount)
                == pooled
            )
        assert await ask(world, tokens.wrapped, "stEthPerToken()(uint256)") == rate
        assert await ask(world, tokens.wrapped, "tokensPerStEth()(uint256)") == WAD * WAD // rate


async def test_staked_ether__a_balance_grows_with_the_rate(world: World) -> None:
    tokens, _ = await staked(world)
    await world.tx(ADMIN, tokens.rebasing, "mint(address,uint256)", ADMIN, 50 * WAD)
    shares = await ask(world, tokens.rebasing, "sharesOf(address)(uint256)", ADMIN)
    before = await world.balance_of(tokens.rebasing, ADMIN)
    await world.tx(ADMIN, tokens.rebasing, SET_RATE, 2 * RATE, 0)
    assert await world.balance_of(tokens.rebasing, ADMIN) == shares * 2 * RATE // WAD > before


async def test_ratio_cap__below_the_line__is_base_times_ratio(world: World) -> None:
    cap = RatioCap(RATE, await now(world) - WEEK)
    adapter, tokens, _ = await capped(world, cap)
    base = world.terms.asset("WETH").price_e8
    ratio = await ask(world, tokens.rebasing, POOLED, WAD)
    assert await ask(world, adapter, "getRatio()(int256)") == ratio
    assert ratio < highest_ratio(cap, await now(world))
    assert await ask(world, adapter, ANSWER) == base * ratio // WAD
    assert not await ask(world, adapter, CAPPED)


async def test_ratio_cap__at_the_line_and_one_above__binds_where_its_own_view_says(
    world: World,
) -> None:
    cap = RatioCap(RATE, await now(world) - WEEK)
    adapter, tokens, _ = await capped(world, cap)
    base = world.terms.asset("WETH").price_e8
    for above in (-1, 0, 1, WAD):
        second = await now(world) + 12
        line = highest_ratio(cap, second)
        tx = world.tx(ADMIN, tokens.rebasing, SET_RATE, line + above, 0)
        await world.block(tx, timestamp=second)
        assert await ask(world, adapter, CAPPED) is (above > 0)
        assert await ask(world, adapter, ANSWER) == base * min(line + above, line) // WAD


async def test_ratio_cap__while_it_binds__rises_each_second_without_a_log(world: World) -> None:
    cap = RatioCap(RATE, await now(world) - WEEK)
    adapter, tokens, _ = await capped(world, cap)
    await world.tx(ADMIN, tokens.rebasing, SET_RATE, 2 * RATE, 0)
    base, answers = world.terms.asset("WETH").price_e8, []
    for _ in range(3):
        await world.jump(DAY)
        answers.append(await ask(world, adapter, ANSWER))
        assert answers[-1] == base * highest_ratio(cap, await now(world)) // WAD
        assert await world.receipts_of((await world.head()).number) == []
    assert answers == sorted(set(answers))


async def test_ratio_cap__new_parameters__are_logged_with_truncated_growth(world: World) -> None:
    cap = RatioCap(RATE, await now(world) - 2 * WEEK)
    adapter, _, _ = await capped(world, cap)
    newer = RatioCap(RATE + 10**15, cap.taken_unix + DAY, 500)
    receipt = await set_cap(world, adapter, newer)
    (log,) = receipt.logs_of(adapter, CAP_PARAMETERS_UPDATED)
    logged = function("_(uint256,uint256,uint256,uint16)").inputs
    assert function(f"_()({','.join(logged)})").decode(log.data) == (
        *(newer.ratio, newer.taken_unix, growth_scaled(newer) // 10**6),
        newer.yearly_bps,
    )
    scaled = "getMaxRatioGrowthPerSecondScaled()(uint256)"
    assert await ask(world, adapter, scaled) == growth_scaled(newer)
    with pytest.raises(RevertError, match="InvalidRatioTimestamp"):
        await set_cap(world, adapter, replace(newer, taken_unix=await now(world)))


async def test_ratio_cap__over_a_cap__counts_both_lines(world: World) -> None:
    """A market price under a cap, times a capped ratio: adapters nest."""
    base = world.terms.asset("WETH").price_e8
    outer = await Deployer(world).deploy(
        "StableCapAdapter", world.addresses.feeds["WETH"], base, ""
    )
    tokens, _ = await staked(world)
    cap = RatioCap(RATE // 2, await now(world) - WEEK)
    adapter = await deploy_ratio_cap(Deployer(world), outer, tokens.rebasing, cap)
    await world.move_feed("WETH", 2 * base)
    assert await ask(world, adapter, ANSWER) == base * highest_ratio(cap, await now(world)) // WAD


async def test_ratio_cap__of_a_vault_and_of_a_feed__reads_its_own_ratio(world: World) -> None:
    deployer, base = Deployer(world), world.terms.asset("WETH").price_e8
    cap = RatioCap(WAD, await now(world) - WEEK, 10_000)
    vault = await deployer.deploy("Vault", world.token("WETH"), "Vault", "vWETH")
    rate, _ = await deploy_sick_feed(deployer, "rETH / ETH", 18, 3 * WAD // 2)
    feed = world.addresses.feeds["WETH"]
    of_vault = await deployer.deploy("VaultPriceCapAdapter", feed, vault, 18, WEEK)
    of_feed = await deployer.deploy("CLRatePriceCapAdapter", feed, rate, WEEK)
    for adapter in (of_vault, of_feed):
        await set_cap(world, adapter, cap)
    ratios = [await ask(world, each, "getRatio()(int256)") for each in (of_vault, of_feed)]
    assert ratios == [await ask(world, vault, ASSETS, WAD), 3 * WAD // 2]
    assert await ask(world, of_vault, ANSWER) == base * ratios[0] // WAD
    line = highest_ratio(cap, await now(world))
    assert await ask(world, of_feed, ANSWER) == base * min(ratios[1], line) // WAD


async def test_ratio_cap__base_of_zero_or_less__answers_zero(world: World) -> None:
    proxy, aggregator = await deploy_sick_feed(Deployer(world), "ETH / USD", 8, 2_000 * USD)
    tokens, _ = await staked(world)
    cap = RatioCap(RATE, await now(world) - WEEK)
    adapter = await deploy_ratio_cap(Deployer(world), proxy, tokens.rebasing, cap)
    assert await ask(world, adapter, ANSWER) > 0
    for answer in (0, -1):
        await world.tx(ADMIN, aggregator, SET_ANSWER, answer, await now(world))
        assert await ask(world, adapter, ANSWER) == 0


async def test_stable_cap__takes_the_lower_and_says_when(world: World) -> None:
    cap = 104 * USD // 100
    feed = world.addresses.feeds["USDC"]
    adapter = await Deployer(world).deploy("StableCapAdapter", feed, cap, "Capped USDC / USD")
    for price in (98 * USD // 100, cap, cap + 1, 3 * USD):
        await world.move_feed("USDC", price)
        assert await ask(world, adapter, ANSWER) == min(price, cap)
        assert await ask(world, adapter, CAPPED) is (price > cap)
    with pytest.raises(RevertError, match="CapLowerThanActualPrice"):
        await world.tx(ADMIN, adapter, "setPriceCap(int256)", 3 * USD - 1)
    receipt = await world.tx(ADMIN, adapter, "setPriceCap(int256)", 3 * USD)
    (log,) = receipt.logs_of(adapter, PRICE_CAP_UPDATED)
    assert int.from_bytes(log.data) == await ask(world, adapter, "getPriceCap()(int256)") == 3 * USD


async def test_euro_cap__its_line_moves_with_the_euro(world: World) -> None:
    euro, aggregator = await deploy_sick_feed(Deployer(world), "EUR / USD", 8, 108_123_456)
    ratio, asset = 1_040_000, world.addresses.feeds["USDC"]
    adapter = await Deployer(world).deploy("EuroCapAdapter", asset, euro, 6, ratio)
    await world.move_feed("USDC", 2 * USD)
    for price in (108_123_456, 99_999_999):
        await world.tx(ADMIN, aggregator, SET_ANSWER, price, await now(world))
        assert await ask(world, adapter, ANSWER) == price * ratio // 10**6
        assert await ask(world, adapter, CAPPED)


async def test_fixed_price__moves_when_told(world: World) -> None:
    adapter = await Deployer(world).deploy("FixedPriceAdapter", 8, USD, "Fixed GHO / USD")
    receipt = await world.tx(ADMIN, adapter, "setPrice(int256)", 99 * USD // 100)
    (log,) = receipt.logs_of(adapter, FIXED_PRICE_UPDATED)
    assert function("_()(int256,int256)").decode(log.data) == (USD, 99 * USD // 100)
    assert await ask(world, adapter, ANSWER) == 99 * USD // 100


async def test_exchange_rate__a_depeg_in_the_market__leaves_it_alone(world: World) -> None:
    tokens, since = await staked(world)
    ether = world.addresses.feeds["WETH"]
    oracle = await Deployer(world).deploy("ExchangeRateOracle", tokens.rebasing, ether)
    await world.move_feed("wstETH", 1 * USD)
    rate = RATE + GROWTH * (await now(world) - since)
    assert await ask(world, oracle, ANSWER) == rate * world.terms.asset("WETH").price_e8 // WAD
    await world.move_feed("WETH", 1_111 * USD)
    rate = RATE + GROWTH * (await now(world) - since)
    assert await ask(world, oracle, ANSWER) == rate * 1_111 * USD // WAD


async def test_discount__shrinks_by_the_second_until_maturity(world: World) -> None:
    yearly, price = WAD // 5, world.terms.asset("USDC").price_e8
    maturity = await now(world) + 90 * DAY
    asset = (world.addresses.feeds["USDC"], world.token("USDC"))
    adapter = await Deployer(world).deploy("DiscountAdapter", *asset, maturity, WAD, yearly)
    for seconds in (1, 12, DAY, 90 * DAY):
        await world.jump(seconds)
        discount = max(0, maturity - await now(world)) * yearly // YEAR
        assert await ask(world, adapter, ANSWER) == price * (WAD - discount) // WAD
    assert await ask(world, adapter, ANSWER) == price
    receipt = await world.tx(ADMIN, adapter, "setDiscountRatePerYear(uint64)", yearly // 2)
    (log,) = receipt.logs_of(adapter, DISCOUNT_UPDATED)
    assert function("_()(uint64,uint64)").decode(log.data) == (yearly, yearly // 2)


async def test_synchronicity__two_feeds__are_multiplied(world: World) -> None:
    deployer = Deployer(world)
    peg, aggregator = await deploy_sick_feed(deployer, "WBTC / BTC", 18, 998 * 10**15)
    base = world.addresses.feeds["WBTC"]
    adapter = await deployer.deploy("SynchronicityAdapter", base, peg, 8, "WBTC/BTC/USD")
    price = world.terms.asset("WBTC").price_e8
    for told in (998 * 10**15, 10**18 + 1, 0, -1):
        await world.tx(ADMIN, aggregator, SET_ANSWER, told, await now(world))
        expected = told * price * 10**8 // 10**26 if told > 0 else 0
        assert await ask(world, adapter, ANSWER) == expected


async def test_worked_cases__of_caps_and_discounts__are_what_the_doubles_answer(
    world: World,
) -> None:
    """capo-cap-binding, capo-not-binding and pt-linear-discount of the reference, on chain."""
    deployer, feed = Deployer(world), world.addresses.feeds["WETH"]
    await world.move_feed("WETH", 3_000 * USD)
    start = await now(world) + 31 * DAY
    tokens = await deploy_staked_ether(deployer, WAD, 0)
    maturity = start + 90 * DAY
    discount = await deployer.deploy("DiscountAdapter", feed, feed, maturity, WAD, WAD // 10)
    adapter = await deployer.deploy("WstEthPriceCapAdapter", feed, tokens.rebasing, WEEK)
    await world.mine(timestamp=start - WEEK)
    await set_cap(world, adapter, RatioCap(12 * WAD // 10, start - 30 * DAY, 968))
    await world.tx(ADMIN, tokens.rebasing, SET_RATE, 1_250 * WAD // 1_000, 0)
    await world.mine(timestamp=start)
    assert round(await ask(world, adapter, ANSWER) / USD, 3) == 3_628.642
    assert await ask(world, adapter, CAPPED)
    assert round(await ask(world, discount, ANSWER) / (3_000 * USD), 7) == 0.9753425
    second = world.tx(ADMIN, tokens.rebasing, SET_RATE, 1_205 * WAD // 1_000, 0)
    await world.block(second, timestamp=start + 1)
    assert await ask(world, adapter, ANSWER) == 3_615 * USD
    assert not await ask(world, adapter, CAPPED)
