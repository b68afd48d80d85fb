"""The vault with switches, and Morpho's composed oracle over it and feeds (accounting.md 4.4)."""

from typing import Any

import pytest
from devnet import ADMIN, USD, Deployer, RevertError, World
from devnet.abi import ZERO_ADDRESS, Address
from devnet.oracle_deployment import (
    SET_ANSWER,
    OracleSide,
    deploy_composed_oracle,
    deploy_sick_feed,
    deploy_staked_ether,
)

WAD = 10**18
ROUND = "latestRoundData()(uint80,int256,uint256,uint256,uint80)"
PRICE = "price()(uint256)"
ASSETS = "convertToAssets(uint256)(uint256)"
TOTAL = "totalAssets()(uint256)"
MAX_WITHDRAW = "maxWithdraw(address)(uint256)"
WITHDRAW = "withdraw(uint256,address,address)"


async def ask(world: World, to: Address, signature: str, *args: Any) -> Any:
    """As of the head itself: a call of "latest" may be dated a block later."""
    return await world.call(to, signature, *args, block=(await world.head()).hash)


async def filled_vault(world: World, asset: str, deposit: int, gift: int) -> Address:
    """An ERC-4626 vault with the admin's deposit, and a gift that raised its rate."""
    token = world.token(asset)
    vault = await Deployer(world).deploy("Vault", token, "Vault", f"v{asset}")
    await world.fund(ADMIN, **{asset: deposit + gift})
    await world.tx(ADMIN, token, "approve(address,uint256)", vault, deposit)
    await world.tx(ADMIN, vault, "deposit(uint256,address)", deposit, ADMIN)
    await world.tx(ADMIN, token, "transfer(address,uint256)", vault, gift)
    return vault


async def answer(world: World, feed: Address) -> int:
    answered: int = (await ask(world, feed, ROUND))[1]
    return answered


async def test_vault__a_gift_and_a_loss__move_its_rate_at_once(world: World) -> None:
    vault = await filled_vault(world, "WETH", 10 * WAD, 3 * WAD)
    assert await ask(world, vault, ASSETS, WAD) == WAD * (13 * WAD + 1) // (10 * WAD + 1)
    await world.tx(ADMIN, vault, "lose(uint256)", 8 * WAD)
    assert await ask(world, vault, ASSETS, WAD) == WAD * (5 * WAD + 1) // (10 * WAD + 1)
    await world.tx(ADMIN, vault, "lose(uint256)", 5 * WAD)
    assert (await ask(world, vault, TOTAL), await ask(world, vault, ASSETS, WAD)) == (0, 0)


async def test_vault__broken__its_rate_reverts_until_it_is_mended(world: World) -> None:
    vault = await filled_vault(world, "WETH", 10 * WAD, 0)
    await world.tx(ADMIN, vault, "setBroken(bool)", True)
    for view, args in ((TOTAL, ()), (ASSETS, (WAD,)), (MAX_WITHDRAW, (ADMIN,))):
        with pytest.raises(RevertError, match="VaultBroken"):
            await ask(world, vault, view, *args)
    await world.tx(ADMIN, vault, "setBroken(bool)", False)
    assert await ask(world, vault, ASSETS, WAD) == WAD


async def test_vault__withdrawals_limited__pays_that_much_and_refuses_more(world: World) -> None:
    vault = await filled_vault(world, "WETH", 10 * WAD, 0)
    await world.tx(ADMIN, vault, "limitWithdrawals(uint256)", WAD)
    assert await ask(world, vault, MAX_WITHDRAW, ADMIN) == WAD
    assert await ask(world, vault, "maxRedeem(address)(uint256)", ADMIN) == WAD
    with pytest.raises(RevertError, match="ERC4626ExceededMaxWithdraw"):
        await world.tx(ADMIN, vault, WITHDRAW, WAD + 1, ADMIN, ADMIN)
    before = await world.balance_of(world.token("WETH"), ADMIN)
    await world.tx(ADMIN, vault, WITHDRAW, WAD, ADMIN, ADMIN)
    assert await world.balance_of(world.token("WETH"), ADMIN) == before + WAD


async def test_composed_oracle__vault_and_four_feeds__is_the_formula(world: World) -> None:
    deployer, feeds = Deployer(world), world.addresses.feeds
    tokens = await deploy_staked_ether(deployer)
    rate = await deployer.deploy("ExchangeRateFeed", tokens.rebasing)
    euro, _ = await deploy_sick_feed(deployer, "EUR / USD", 6, 1_081_234)
    vault = await filled_vault(world, "WETH", 10 * WAD, 3 * WAD)
    base = OracleSide(18, vault, 10**18, rate, feeds["WETH"])
    quote = OracleSide(6, feed_1=feeds["USDC"], feed_2=euro)
    oracle = await deploy_composed_oracle(deployer, base, quote)
    scale = 10 ** (36 + 6 + 8 + 6 - 18 - 18 - 8) // 10**18
    assert await ask(world, oracle, "SCALE_FACTOR()(uint256)") == scale
    for price in (2_000 * USD, 1_999 * USD + 1):
        await world.move_feed("WETH", price)
        above = await ask(world, vault, ASSETS, 10**18) * await answer(world, rate) * price
        below = world.terms.asset("USDC").price_e8 * 1_081_234
        assert await ask(world, oracle, PRICE) == scale * above // below


async def test_composed_oracle__two_feeds_alone__names_what_it_reads(world: World) -> None:
    feeds = world.addresses.feeds
    base, quote = OracleSide(8, feed_1=feeds["WBTC"]), OracleSide(6, feed_1=feeds["USDC"])
    oracle = await deploy_composed_oracle(Deployer(world), base, quote)
    prices = [world.terms.asset(symbol).price_e8 for symbol in ("WBTC", "USDC")]
    assert await ask(world, oracle, PRICE) == 10**34 * prices[0] // prices[1]
    expected = {
        "BASE_FEED_1": feeds["WBTC"],
        "QUOTE_FEED_1": feeds["USDC"],
        **dict.fromkeys(("BASE_FEED_2", "QUOTE_FEED_2", "BASE_VAULT", "QUOTE_VAULT"), ZERO_ADDRESS),
    }
    read = {name: await ask(world, oracle, f"{name}()(address)") for name in expected}
    assert read == expected


async def test_composed_oracle__a_feed_at_zero_or_below__zero_or_revert(world: World) -> None:
    proxy, aggregator = await deploy_sick_feed(Deployer(world), "SICK / USD", 8, USD)
    base, quote = OracleSide(18, feed_1=proxy), OracleSide(6)
    oracle = await deploy_composed_oracle(Deployer(world), base, quote)
    assert await ask(world, oracle, PRICE) == 10**16 * USD
    await world.tx(ADMIN, aggregator, SET_ANSWER, 0, (await world.head()).timestamp)
    assert await ask(world, oracle, PRICE) == 0
    await world.tx(ADMIN, aggregator, SET_ANSWER, -1, (await world.head()).timestamp)
    with pytest.raises(RevertError, match="negative answer"):
        await ask(world, oracle, PRICE)
