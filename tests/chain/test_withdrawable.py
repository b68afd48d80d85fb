"""What can be taken out of a vault now, beside depositors who really try to take out all.

They try inside one eth_call at the block in question: each takes what `maxWithdraw` allows, one
after the other, by way of Multicall3, to which all have approved their shares.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from devnet import ADMIN, MAX, USD, Address, RevertError, WideWorld, World, account
from devnet.chain import MULTICALL3, View
from devnet.morpho_deployment import VAULT_FEE_RECIPIENT
from quick_node import quick_node

from monitor.core.blocks import BlockRef
from monitor.engine.folding import Folder, bootstrap
from monitor.engine.receipts import Account, accounts_of
from monitor.parts import parts_of
from monitor.settings import load

ALICE, BOB = account("alice"), account("bob")
DEPOSITORS = (account("vault depositor 1"), account("vault depositor 2"))
HOLDERS = (*DEPOSITORS, VAULT_FEE_RECIPIENT)
WETH_USDC, WBTC_USDC = "WETH/USDC", "WBTC/USDC"
DAI, UNIT = "DAI", 10**18
YEAR_SECONDS = 365 * 86_400
MOST_WITHDRAW = "maxWithdraw(address)(uint256)"
WITHDRAW = "withdraw(uint256,address,address)(uint256)"


async def told(
    world: World, folder: Path, market: tuple[str, Address], receipt: tuple[str, Address]
) -> tuple[Account, BlockRef]:
    """What the monitor says of a claim at the head, read from the contracts: of a protocol's market
    and a kind's receipt, each with its address.
    """
    config = folder / "claim.toml"
    config.write_text(
        f"""
        [chain]
        chain_id = {world.anvil.chain_id}
        endpoints = ["{world.anvil.http_url}"]
        [store]
        state_dir = {json.dumps(str(folder))}
        [[markets]]
        name = "lender"
        protocol = "{market[0]}"
        address = "{market[1]}"
        [[receipts]]
        kind = "{receipt[0]}"
        token = "{receipt[1]}"
        """
    )
    parts = parts_of(load(config))
    async with quick_node(world.anvil.http_url, chain_id=world.anvil.chain_id) as node:
        folding = Folder(parts.sources, node.follower, node.reader)
        head = await node.block_by("latest")
        ledger = await bootstrap(parts.sources, folding, node.reader, head, head)
    [claim] = accounts_of(ledger, head, parts.markets)
    return claim, head


async def taken_out(wide: WideWorld, holders: Sequence[Address], block: str) -> int:
    """What the holders get when each takes all he can, in turn."""
    done: list[View] = []
    for who in holders:
        most = View(wide.vault.address, MOST_WITHDRAW, (who,))
        *_, raw = await wide.read([*done, most], block)
        done.append(View(wide.vault.address, WITHDRAW, (raw, who, who)))
    await wide.read(done, block)
    return sum(view.args[0] for view in done)


async def borrow(wide: WideWorld, market: str, usage_percent: int) -> None:
    """Alice takes that much of what the market has to lend."""
    collateral = market.split("/")[0]
    pledged = wide.raw(collateral, 10_000)
    await wide.fund(ALICE, **{collateral: pledged})
    lendable = (await wide.morpho.market(market)).supply_raw
    await wide.block(
        wide.morpho.supply_collateral(ALICE, market, pledged),
        wide.morpho.borrow(ALICE, market, lendable * usage_percent // 100),
    )


async def nothing(wide: WideWorld) -> None:
    """Everything lies there."""


async def interest(wide: WideWorld) -> None:
    await borrow(wide, WETH_USDC, 80)
    await borrow(wide, WBTC_USDC, 95)
    await wide.jump(YEAR_SECONDS)


async def one_market_is_dry(wide: WideWorld) -> None:
    await borrow(wide, WETH_USDC, 100)
    await borrow(wide, WBTC_USDC, 60)
    await wide.jump(86_400)


async def all_is_lent(wide: WideWorld) -> None:
    await borrow(wide, WETH_USDC, 100)
    await borrow(wide, WBTC_USDC, 100)
    await wide.jump(86_400)


async def a_market_is_left(wide: WideWorld) -> None:
    """The vault moves out of the second market and strikes it from its queue."""
    everything = wide.raw("USDC", 4_000_000)
    await wide.vault.submit_cap(WETH_USDC, everything)
    await wide.jump(86_400)
    await wide.vault.accept_cap(WETH_USDC)
    await wide.vault.reallocate((WBTC_USDC, 0), (WETH_USDC, MAX))
    await wide.vault.submit_cap(WBTC_USDC, 0)
    await wide.vault.update_withdraw_queue(0)
    await borrow(wide, WETH_USDC, 70)


async def others_lend_there_too(wide: WideWorld) -> None:
    await wide.fund(BOB, USDC=wide.raw("USDC", 1_000_000))
    await wide.morpho.supply(BOB, WETH_USDC, wide.raw("USDC", 1_000_000))
    await borrow(wide, WETH_USDC, 90)
    await wide.jump(YEAR_SECONDS)


async def bad_debt(wide: WideWorld) -> None:
    await wide.fund(ALICE, WETH=wide.raw("WETH", 1_000))
    await wide.fund(BOB, USDC=wide.raw("USDC", 2_000_000))
    await wide.block(
        wide.morpho.supply_collateral(ALICE, WETH_USDC, wide.raw("WETH", 1_000)),
        wide.morpho.borrow(ALICE, WETH_USDC, wide.raw("USDC", 1_600_000)),
    )
    await wide.move_feed("WETH", 1_200 * USD)
    await wide.morpho.liquidate(BOB, WETH_USDC, ALICE, seized_raw=wide.raw("WETH", 1_000))


async def a_gift(wide: WideWorld) -> None:
    """What is sent straight to the vault, or to Morpho, belongs to nobody."""
    await borrow(wide, WETH_USDC, 100)
    gift = wide.raw("USDC", 50_000)
    usdc = wide.token("USDC")
    await wide.fund(BOB, USDC=2 * gift)
    for to in (wide.vault.address, wide.addresses.morpho.morpho):
        await wide.tx(BOB, usdc, "transfer(address,uint256)", to, gift)


@pytest.mark.parametrize(
    "happens",
    [
        nothing,
        interest,
        one_market_is_dry,
        all_is_lent,
        a_market_is_left,
        others_lend_there_too,
        bad_debt,
        a_gift,
    ],
    ids=lambda happens: happens.__name__,
)
async def test_withdrawable__of_a_curated_vault__is_what_its_holders_get(
    wide: WideWorld, tmp_path: Path, happens: Callable[[WideWorld], Awaitable[None]]
) -> None:
    approve = "approve(address,uint256)"
    await wide.block(*(wide.tx(h, wide.vault.address, approve, MULTICALL3, MAX) for h in HOLDERS))
    await happens(wide)
    market, receipt = wide.addresses.morpho.morpho, wide.vault.address
    vault, head = await told(wide, tmp_path, ("morpho_blue", market), ("erc4626", receipt))
    got = await taken_out(wide, HOLDERS, head.hash)
    assert vault.withdrawable_raw is not None
    # Each holder's part is rounded down.
    assert 0 <= vault.withdrawable_raw - got <= len(HOLDERS)


async def lent_in_part(market: World) -> None:
    await market.borrow(BOB, DAI, 400 * UNIT)


async def lent_whole(market: World) -> None:
    await market.borrow(BOB, DAI, 1_000 * UNIT)


async def repaid_with_interest(market: World) -> None:
    """The treasury's part lies there too, which no aToken claims yet."""
    await market.borrow(BOB, DAI, 900 * UNIT)
    await market.jump(YEAR_SECONDS)
    await market.fund(BOB, DAI=1_000 * UNIT)
    await market.repay(BOB, DAI, MAX)


async def given_more(market: World) -> None:
    """Sent straight to the aToken: Aave 3.6 keeps its own books, 3.0.2 lends what is there."""
    await market.borrow(BOB, DAI, 400 * UNIT)
    await market.fund(BOB, DAI=100 * UNIT)
    gift = ("transfer(address,uint256)", market.addresses.atokens[DAI], 100 * UNIT)
    await market.tx(BOB, market.token(DAI), *gift)


async def paused(market: World) -> None:
    pause = ("setReservePause(address,bool)", market.token(DAI), True)
    await market.tx(ADMIN, market.addresses.configurator, *pause)


async def frozen(market: World) -> None:
    freeze = ("setReserveFreeze(address,bool)", market.token(DAI), True)
    await market.tx(ADMIN, market.addresses.configurator, *freeze)


@pytest.mark.parametrize("version", ["3.6", "3.0.2"])
@pytest.mark.parametrize(
    "happens",
    [lent_in_part, lent_whole, repaid_with_interest, given_more, paused, frozen],
    ids=lambda happens: happens.__name__,
)
async def test_withdrawable__of_an_atoken__is_the_most_that_can_be_withdrawn(
    wide: WideWorld, tmp_path: Path, happens: Callable[[World], Awaitable[None]], version: str
) -> None:
    market: World = wide if version == "3.6" else wide.aave_3_0
    await market.fund(ALICE, DAI=1_000 * UNIT)
    await market.fund(BOB, WETH=10 * UNIT)
    await market.supply(ALICE, DAI, 1_000 * UNIT)
    await market.supply(BOB, "WETH", 10 * UNIT)
    await happens(market)
    at = market.addresses
    provider, receipt = ("aave_v3", at.addresses_provider), ("aave_atoken", at.atokens[DAI])
    claim, head = await told(market, tmp_path, provider, receipt)
    assert claim.withdrawable_raw is not None

    async def withdraw(raw: int) -> None:
        asked = (market.token(DAI), raw, ALICE)
        signature = "withdraw(address,uint256,address)(uint256)"
        await market.call(at.pool, signature, *asked, block=head.hash, sender=ALICE)

    if claim.withdrawable_raw:
        await withdraw(claim.withdrawable_raw)
    with pytest.raises(RevertError):
        await withdraw(claim.withdrawable_raw + 1)
