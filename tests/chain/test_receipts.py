"""Claims read from real vaults, aTokens and a rate provider, beside what the contracts say."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from daemon_process import command
from devnet import Deployer, WideWorld, World, account
from devnet.odd_tokens import deploy_odd_token
from quick_node import quick_node

from monitor.chain.node import Node
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger
from monitor.core.overlay import Overlay
from monitor.core.receipts import Receipt
from monitor.core.units import WAD, BlockHash
from monitor.engine.folding import Folder
from monitor.engine.receipts import receipts_in
from monitor.parts import parts_of
from monitor.receipts.source import ReceiptSource
from monitor.settings import load

DAI = "DAI"
UNIT = 10**18
SAMPLE = UNIT * 10**12
CONVERT = "convertToAssets(uint256)(uint256)"


class Desk:
    """Receipts of one configuration, read block by block, as a daemon's folding reads them."""

    def __init__(self, world: World, node: Node, config: Path) -> None:
        self._world = world
        self._node = node
        parts = parts_of(load(config))
        self.sources = [s for s in parts.sources if isinstance(s, ReceiptSource)]
        self.ledger = Ledger()

    async def read(self) -> Receipt:
        """The one receipt at the head."""
        head = await self._world.head()
        at = BlockRef(
            head.number, BlockHash(head.hash), BlockHash(head.parent_hash), head.timestamp
        )
        overlay = Overlay(self.ledger)
        await Folder(self.sources, self._node.follower, self._node.reader).poll(at, overlay)
        for key, _, after in overlay.written():
            self.ledger.put(key, after)
        [receipt] = receipts_in(self.ledger).values()
        return receipt


@asynccontextmanager
async def desk(world: World, folder: Path, **receipt: str) -> AsyncIterator[Desk]:
    entry = "\n".join(f"{key} = {json.dumps(value)}" for key, value in receipt.items())
    config = folder / "receipts.toml"
    config.write_text(
        f"""
        [chain]
        chain_id = 31337
        endpoints = ["{world.anvil.http_url}"]
        [store]
        state_dir = "{folder}"
        [[markets]]
        name = "aave-core"
        protocol = "aave_v3"
        address = "{world.addresses.addresses_provider}"
        [[receipts]]
        {entry}
        """
    )
    async with quick_node(world.anvil.http_url, chain_id=31337) as node:
        yield Desk(world, node, config)


async def plain_vault(world: World, assets_raw: int = 3 * UNIT) -> str:
    """A vault over DAI with a depositor, and a third more than was put in."""
    saver = account("saver")
    deployer = Deployer(world)
    vault = await deployer.deploy("Vault", world.token(DAI), "Saved DAI", "sDAI")
    await world.fund(saver, DAI=2 * assets_raw)
    await world.block(
        world.approve(saver, DAI, vault),
        world.tx(saver, vault, "deposit(uint256,address)", assets_raw, saver),
        world.tx(saver, world.token(DAI), "transfer(address,uint256)", vault, assets_raw // 3),
    )
    return vault


async def test_vault__as_it_earns__is_worth_what_it_says(world: World, tmp_path: Path) -> None:
    vault = await plain_vault(world)
    async with desk(world, tmp_path, token=vault, kind="erc4626") as receipts:
        receipt = await receipts.read()
        assert receipt.reason == ""
        assert receipt.underlying == world.token(DAI).lower()
        assert receipt.unit_shares == SAMPLE
        assert receipt.unit_assets_raw == await world.call(vault, CONVERT, SAMPLE)
        assert (receipt.assets_raw, receipt.supply, receipt.idle_raw) == (
            4 * UNIT,
            3 * UNIT,
            4 * UNIT,
        )
        assert receipt.queue is None


async def test_vault__over_a_balance_that_rebases__is_worth_what_it_says(
    world: World, tmp_path: Path
) -> None:
    token = await deploy_odd_token(Deployer(world), "rebasing")
    world.addresses.tokens[DAI] = token
    vault = await plain_vault(world)
    async with desk(world, tmp_path, token=vault, kind="erc4626") as receipts:
        for rate_wad in (WAD, 3 * WAD, WAD // 2):
            await world.tx(account("saver"), token, "setRate(uint256,uint256)", rate_wad, 10**9)
            await world.jump(86_400)
            receipt = await receipts.read()
            assert receipt.reason == ""
            assert receipt.unit_assets_raw == await world.call(vault, CONVERT, SAMPLE)
            assert receipt.assets_raw == receipt.idle_raw == await world.balance_of(token, vault)


async def test_vault__over_a_token_with_a_fee__is_worth_what_arrived(
    world: World, tmp_path: Path
) -> None:
    world.addresses.tokens[DAI] = await deploy_odd_token(Deployer(world), "fee on transfer")
    vault = await plain_vault(world)
    async with desk(world, tmp_path, token=vault, kind="erc4626") as receipts:
        receipt = await receipts.read()
    # A thousandth of the deposit and of the gift was lost on the way.
    assert receipt.assets_raw == receipt.idle_raw == 4 * UNIT * 999 // 1000
    assert receipt.unit_assets_raw == await world.call(vault, CONVERT, SAMPLE)


async def test_vault__loses_all__is_worth_nothing_and_says_no_more(
    world: World, tmp_path: Path
) -> None:
    vault = await plain_vault(world)
    async with desk(world, tmp_path, token=vault, kind="erc4626") as receipts:
        await receipts.read()
        await world.send(world.tx(account("saver"), vault, "lose(uint256)", 4 * UNIT))
        receipt = await receipts.read()
    assert (receipt.assets_raw, receipt.reason) == (0, "")
    # Not even one unit a share: what is left is the contract's own virtual unit of assets.
    assert receipt.unit_assets_raw == await world.call(vault, CONVERT, SAMPLE) < SAMPLE // UNIT


async def test_vault__reverts__is_unknown_with_the_reason_until_it_answers(
    world: World, tmp_path: Path
) -> None:
    vault = await plain_vault(world)
    async with desk(world, tmp_path, token=vault, kind="erc4626") as receipts:
        before = await receipts.read()
        await world.send(world.tx(account("saver"), vault, "setBroken(bool)", True))
        broken = await receipts.read()
        assert broken.unit_assets_raw is None
        assert broken.assets_raw is None
        assert "convertToAssets" in broken.reason
        await world.send(world.tx(account("saver"), vault, "setBroken(bool)", False))
        assert await receipts.read() == before


async def test_atoken__is_one_for_one_and_shows_the_cash(world: World, tmp_path: Path) -> None:
    lender, taker = account("lender"), account("taker")
    await world.fund(lender, DAI=1_000 * UNIT)
    await world.fund(taker, WETH=10 * UNIT)
    await world.supply(lender, DAI, 1_000 * UNIT)
    await world.block(world.supply(taker, "WETH", 10 * UNIT), world.borrow(taker, DAI, 400 * UNIT))
    token = world.addresses.atokens[DAI]
    async with desk(world, tmp_path, token=token, kind="aave_atoken") as receipts:
        receipt = await receipts.read()
    assert (receipt.unit_shares, receipt.unit_assets_raw) == (1, 1)
    assert receipt.underlying == world.token(DAI).lower()
    assert receipt.idle_raw == 600 * UNIT
    supply = await world.call(token, "totalSupply()(uint256)")
    assert (receipt.supply, receipt.assets_raw) == (supply, supply)


async def test_rate_provider__rate_moves__follows_it_exactly(
    wide: WideWorld, tmp_path: Path
) -> None:
    token = wide.token("wstETH")
    about = {"underlying": wide.token("WETH"), "rate_method": "stEthPerToken()"}
    async with desk(wide, tmp_path, token=token, kind="rate_provider", **about) as receipts:
        for rate_wad in (WAD, 12 * WAD // 10 + 7, 0):
            await wide.send(wide.set_staking_rate(rate_wad))
            receipt = await receipts.read()
            assert receipt.unit_shares is not None
            assert receipt.unit_assets_raw is not None
            assert receipt.unit_assets_raw * WAD == rate_wad * receipt.unit_shares
            assert receipt.reason == ""


async def test_rate_provider__view_with_a_share_on_another_contract__is_asked(
    wide: WideWorld, tmp_path: Path
) -> None:
    about = {
        "underlying": wide.token("WETH"),
        "rate_method": "getPooledEthByShares(uint256)",
        "rate_source": wide.addresses.staked_ether,
    }
    token = wide.token("wstETH")
    async with desk(wide, tmp_path, token=token, kind="rate_provider", **about) as receipts:
        receipt = await receipts.read()
    told = await wide.call(token, "stEthPerToken()(uint256)")
    assert receipt.unit_assets_raw == told * UNIT


async def test_curated_vault__shows_its_queue_in_order(wide: WideWorld, tmp_path: Path) -> None:
    async with desk(wide, tmp_path, token=wide.vault.address, kind="erc4626") as receipts:
        receipt = await receipts.read()
        queue = await wide.vault.withdraw_queue()
        assert receipt.queue == tuple("0x" + market.hex() for market in queue)
        await wide.send(wide.vault.update_withdraw_queue(*reversed(range(len(queue)))))
        receipt = await receipts.read()
        assert receipt.queue == tuple("0x" + market.hex() for market in reversed(queue))
        totals = await wide.vault.totals()
    assert receipt.assets_raw == totals.assets_raw
    assert receipt.supply == totals.shares


async def test_receipt__token_deployed_later__is_known_from_then_on(
    world: World, tmp_path: Path
) -> None:
    before = await world.snapshot()
    vault = await plain_vault(world)
    await world.revert(before)
    async with desk(world, tmp_path, token=vault, kind="erc4626") as receipts:
        assert (await receipts.read()).unit_shares is None
        assert await plain_vault(world) == vault
        receipt = await receipts.read()
    assert (receipt.unit_shares, receipt.reason) == (SAMPLE, "")


async def test_receipt__settled__is_one_round_of_questions(wide: WideWorld, tmp_path: Path) -> None:
    async with desk(wide, tmp_path, token=wide.vault.address, kind="erc4626") as receipts:
        await receipts.read()
        [source] = receipts.sources
        asked = set(source.polls(receipts.ledger))
        await wide.mine()
        await receipts.read()
        assert set(source.polls(receipts.ledger)) == asked


@pytest.mark.parametrize("token", ["no contract", "a token that is no vault"])
async def test_receipt__of_what_is_none__is_unknown_with_the_reason(
    world: World, tmp_path: Path, token: str
) -> None:
    address = account("nobody") if token == "no contract" else world.token(DAI)
    async with desk(world, tmp_path, token=address, kind="erc4626") as receipts:
        receipt = await receipts.read()
    assert receipt.unit_assets_raw is None
    assert "asset of" in receipt.reason


async def test_check__of_a_claim_that_is_none__says_what_was_expected(
    world: World, tmp_path: Path
) -> None:
    async with desk(world, tmp_path, token=world.token(DAI), kind="erc4626"):
        checked = await command("check", "--config", str(tmp_path / "receipts.toml"))
    assert checked.code == 1
    (fault,) = (line for line in checked.out.splitlines() if line.startswith("FAULT"))
    assert fault.startswith(f"FAULT receipt DAI: asset of {world.token(DAI)}: ")
    assert fault.endswith("expected a token of kind erc4626: check its [[receipts]] entry")
