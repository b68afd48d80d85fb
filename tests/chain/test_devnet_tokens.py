"""The odd tokens are as odd as they say, and nothing else about them is."""

import pytest
from devnet import Deployer, RevertError, World, account
from devnet.abi import Address
from devnet.odd_tokens import LONG_SYMBOL, NOT_UTF_8, ODD_TOKENS, deploy_odd_token

ALICE, BOB = account("alice"), account("bob")
SYMBOL = "symbol()(bytes)"
"""A string and bytes are encoded alike; read as bytes, anything can be in it."""
SYMBOLS = {
    "0 decimals": b"WHOLE",
    "77 decimals": b"TINY",
    "symbol not UTF-8": NOT_UTF_8,
    "symbol of 10 kB": LONG_SYMBOL,
    "symbol empty": b"",
    "symbol of WETH": b"WETH",
    "symbol with controls": b"A\x00B\n\x1b[31m",
    "decimals missing": b"NODEC",
    "fee on transfer": b"FEE",
    "rebasing": b"stETH",
}
DECIMALS = {"0 decimals": 0, "77 decimals": 77}


@pytest.mark.parametrize("oddity", ODD_TOKENS)
async def test_odd_token__read__answers_or_fails_as_named(world: World, oddity: str) -> None:
    token = await deploy_odd_token(Deployer(world), oddity)
    if oddity == "symbol a word":
        word = await world.call(token, "symbol()(bytes32)")
        assert word == b"MKR".ljust(32, b"\0")
    elif oddity == "symbol reverting":
        with pytest.raises(RevertError, match="NoSymbol"):
            await world.call(token, SYMBOL)
    else:
        assert await world.call(token, SYMBOL) == SYMBOLS[oddity]
    if oddity == "decimals missing":
        with pytest.raises(RevertError):
            await world.call(token, "decimals()(uint8)")
    else:
        assert await world.call(token, "decimals()(uint8)") == DECIMALS.get(oddity, 18)


@pytest.mark.parametrize("oddity", ODD_TOKENS)
async def test_odd_token__sent__arrives_whole_but_for_the_one_with_a_fee(
    world: World, oddity: str
) -> None:
    token = await deploy_odd_token(Deployer(world), oddity)
    await world.tx(ALICE, token, "mint(address,uint256)", ALICE, 10_000)
    if oddity == "rebasing":
        await double_its_rate(world, token)
    owned = await world.balance_of(token, ALICE)
    await world.tx(ALICE, token, "transfer(address,uint256)", BOB, owned)
    fee = owned // 1000 if oddity == "fee on transfer" else 0
    assert owned == (20_000 if oddity == "rebasing" else 10_000)
    assert await world.balance_of(token, BOB) == owned - fee
    assert await world.balance_of(token, ALICE) == 0


async def double_its_rate(world: World, token: Address) -> None:
    await world.tx(ALICE, token, "setRate(uint256,uint256)", 2 * 10**18, 0)
