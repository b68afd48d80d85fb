"""Who holds a vault's shares, beside what the contract says of everybody, block after block."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from daemon_process import command
from devnet import Address as Account
from devnet import Deployer, Tx, WideWorld, World, account
from devnet.configuration import Wiring, configuration
from devnet.morpho_deployment import VAULT_FEE_RECIPIENT
from devnet.odd_tokens import deploy_odd_token
from fuzz.monitored import Monitored
from stage import free_port

from monitor.core.keys import Kind, receipt_key
from monitor.core.ledger import Ledger, each, find
from monitor.core.receipts import Holder, Receipt, ReceiptKind
from monitor.core.sources import EventSource
from monitor.core.units import WAD, Address, AssetId, MarketId
from monitor.engine.holders import holders_of, untold
from monitor.library import abi_library
from monitor.receipts.claims import ReceiptAbi, VaultClaim
from monitor.receipts.holders import Register
from monitor.receipts.source import ReceiptSource
from monitor.store.embedded import EmbeddedRedis

ALICE, BOB, CAROL = account("alice"), account("bob"), account("carol")
DEPOSITORS = (account("vault depositor 1"), account("vault depositor 2"))
PEOPLE = (ALICE, BOB, CAROL, *DEPOSITORS, VAULT_FEE_RECIPIENT)
DAY_SECONDS = 86_400
SUPPLY = "totalSupply()(uint256)"


def source_of(token: Account, from_block: int = 0) -> EventSource:
    erc20, at = abi_library("erc20/Token"), Address(token)
    abi = ReceiptAbi(
        erc20,
        abi_library("erc4626/Vault"),
        abi_library("erc4626/MetaMorpho"),
        abi_library("aave_v3/AToken"),
    )
    return ReceiptSource(
        at,
        ReceiptKind.ERC4626,
        VaultClaim(at, abi),
        erc20,
        abi_library("erc20/Bytes32Token"),
        Register(at, from_block, abi_library("erc20/Transfer"), erc20),
    )


@asynccontextmanager
async def following(world: World, folder: Path, token: Account) -> AsyncIterator[Monitored]:
    """A life that begins with the head, over a Redis of its own."""
    async with EmbeddedRedis(folder) as redis:
        monitored = Monitored(world, redis.url, "holders", sources=[source_of(token)])
        await monitored.begin((await world.head()).number)
        try:
            yield monitored
        finally:
            await monitored.end()


def held_in(ledger: Ledger, token: Account) -> dict[str, int]:
    found = each(ledger, Kind.HOLDER, MarketId(token), Holder)
    return {key.subject: holder.shares for key, holder in found}


async def snapshot(world: World, token: Account, number: int) -> dict[str, int]:
    """Who holds what at a block, as somebody finds out who only starts there."""
    fresh = Monitored(world, "redis://unused", sources=[source_of(token)])
    try:
        records = await fresh.snapshot(number)
    finally:
        await fresh.end()
    return held_in(Ledger(records), token)


async def compare(
    world: World, monitored: Monitored, token: Account, people: Sequence[Account] = PEOPLE
) -> dict[str, int]:
    """The ledger at the head: everybody's shares, which add up, as the contract has them."""
    head = await world.head()
    ledger = await monitored.ledger_at(head.hash)
    held = held_in(ledger, token)
    balances = await world.balances_of([token], people, head.hash)
    assert held == {who: raw for (_, who), raw in balances.items() if raw}
    assert sum(held.values()) == await world.call(token, SUPPLY, block=head.hash)
    assert held == await snapshot(world, token, head.number)
    receipt = find(ledger, receipt_key(AssetId(token)), Receipt)
    assert receipt is not None
    assert untold(receipt) == ""
    return held


def acts(wide: WideWorld) -> list[tuple[Tx, ...]]:
    """Blocks: what people do with shares of a curated vault."""
    vault, some = wide.vault, wide.raw("USDC", 10_000)
    return [
        (vault.deposit(ALICE, some), vault.deposit(BOB, 3 * some, CAROL)),
        (vault.mint(ALICE, 5 * WAD, BOB), vault.transfer(ALICE, ALICE, WAD)),
        (vault.transfer(ALICE, BOB, 1_000 * WAD), vault.transfer(BOB, CAROL, 0)),
        (vault.withdraw(DEPOSITORS[0], some), vault.redeem(CAROL, 7 * WAD, ALICE)),
        (vault.set_fee_recipient(ALICE), vault.set_fee(WAD // 4)),
    ]


async def borrowed(wide: WideWorld) -> None:
    """So that the vault earns, and its fee is minted in shares."""
    await wide.fund(ALICE, USDC=wide.raw("USDC", 100_000), WETH=1_000 * WAD)
    await wide.fund(BOB, USDC=wide.raw("USDC", 100_000))
    await wide.block(
        wide.morpho.supply_collateral(ALICE, "WETH/USDC", 900 * WAD),
        wide.morpho.borrow(ALICE, "WETH/USDC", wide.raw("USDC", 900_000)),
    )


async def test_holders__of_a_curated_vault__are_followed_share_for_share(
    wide: WideWorld, tmp_path: Path
) -> None:
    await borrowed(wide)
    token, fees = wide.vault.address, 0
    async with following(wide, tmp_path, token) as monitored:
        await compare(wide, monitored, token)
        for txs in acts(wide):
            await wide.jump(30 * DAY_SECONDS)
            await wide.block(*txs)
            held = await compare(wide, monitored, token)
            assert held.get(VAULT_FEE_RECIPIENT, 0) >= fees
            fees = held.get(VAULT_FEE_RECIPIENT, 0)
        assert fees > 0
        everything = await wide.vault.shares_of(CAROL)
        await wide.vault.redeem(CAROL, everything)
        assert CAROL not in await compare(wide, monitored, token)
        assert monitored.reverted == 0


async def test_holders__whose_blocks_are_gone__are_as_before(
    wide: WideWorld, tmp_path: Path
) -> None:
    await borrowed(wide)
    token = wide.vault.address
    async with following(wide, tmp_path, token) as monitored:
        for txs in acts(wide):
            await wide.block(*txs)
        await compare(wide, monitored, token)
        some = wide.raw("USDC", 1_000)
        await wide.reorg(3, [wide.vault.deposit(BOB, some)], [wide.vault.deposit(ALICE, some)])
        await compare(wide, monitored, token)
        assert monitored.reverted == 3
        stored = held_in(Ledger(await monitored.stored()), token)
        assert stored == await snapshot(wide, token, (await wide.head()).number)


async def test_holders__of_a_vault_deployed_later__are_all_known(
    world: World, tmp_path: Path
) -> None:
    before = await world.snapshot()
    vault = await Deployer(world).deploy("Vault", world.token("DAI"), "Saved DAI", "sDAI")
    await world.revert(before)
    async with following(world, tmp_path, vault) as monitored:
        await world.fund(ALICE, DAI=10 * WAD)
        assert vault == await Deployer(world).deploy(
            "Vault", world.token("DAI"), "Saved DAI", "sDAI"
        )
        await world.block(
            world.approve(ALICE, "DAI", vault),
            world.tx(ALICE, vault, "deposit(uint256,address)", 4 * WAD, ALICE),
            world.tx(ALICE, vault, "transfer(address,uint256)", BOB, WAD),
        )
        assert await compare(world, monitored, vault) == {ALICE: 3 * WAD, BOB: WAD}


async def test_holders__looked_for_from_too_late__are_not_known(wide: WideWorld) -> None:
    token = wide.vault.address
    number = (await wide.mine()).number
    late = Monitored(wide, "redis://unused", sources=[source_of(token, from_block=number)])
    try:
        ledger = Ledger(await late.snapshot(number))
    finally:
        await late.end()
    assert holders_of(ledger, AssetId(token)) is None
    receipt = find(ledger, receipt_key(AssetId(token)), Receipt)
    assert receipt is not None
    assert f"have 0 of {receipt.supply} shares. Set its from_block" in untold(receipt)


async def test_holders__of_a_token_with_a_fee_that_it_logs__are_followed(
    world: World, tmp_path: Path
) -> None:
    token = await deploy_odd_token(Deployer(world), "fee on transfer")
    async with following(world, tmp_path, token) as monitored:
        await world.block(
            world.tx(ALICE, token, "mint(address,uint256)", ALICE, 10 * WAD),
            world.tx(ALICE, token, "transfer(address,uint256)", BOB, 4 * WAD),
        )
        held = await compare(world, monitored, token)
        assert held == {ALICE: 6 * WAD, BOB: 4 * WAD * 999 // 1000}


@pytest.mark.parametrize("rate_wad", [3 * WAD, WAD // 2])
async def test_holders__of_a_token_that_rebases__are_not_known_from_then_on(
    world: World, tmp_path: Path, rate_wad: int
) -> None:
    token = await deploy_odd_token(Deployer(world), "rebasing")
    async with following(world, tmp_path, token) as monitored:
        await world.tx(ALICE, token, "mint(address,uint256)", ALICE, 10 * WAD)
        assert await compare(world, monitored, token) == {ALICE: 10 * WAD}
        await world.tx(ALICE, token, "setRate(uint256,uint256)", rate_wad, 0)
        ledger = await monitored.ledger_at((await world.head()).hash)
        receipt = find(ledger, receipt_key(AssetId(token)), Receipt)
        assert receipt is not None
        assert holders_of(ledger, AssetId(token)) is None
        assert f"have {10 * WAD} of {10 * rate_wad} shares" in untold(receipt)


async def test_holders__of_a_token_that_gives_more_than_its_logs_know__are_not_known(
    world: World, tmp_path: Path
) -> None:
    token = await deploy_odd_token(Deployer(world), "rebasing")
    async with following(world, tmp_path, token) as monitored:
        await world.block(
            world.tx(ALICE, token, "mint(address,uint256)", ALICE, 10 * WAD),
            world.tx(ALICE, token, "setRate(uint256,uint256)", 3 * WAD, 0),
            world.tx(ALICE, token, "transfer(address,uint256)", BOB, 20 * WAD),
            world.tx(ALICE, token, "setRate(uint256,uint256)", WAD, 0),
        )
        ledger = await monitored.ledger_at((await world.head()).hash)
        receipt = find(ledger, receipt_key(AssetId(token)), Receipt)
        assert receipt is not None
        assert (receipt.supply, receipt.held) == (10 * WAD, None)
        assert "gave more than it had" in untold(receipt)


async def test_status__of_a_vault__tells_who_holds_it(wide: WideWorld, tmp_path: Path) -> None:
    await borrowed(wide)
    await wide.vault.deposit(ALICE, wide.raw("USDC", 50_000))
    config = tmp_path / "monitor.toml"
    config.write_text(configuration(wide, Wiring(state_dir=tmp_path / "state", port=free_port())))
    finished = await command("run", "--config", str(config), "--once", "--json")
    assert finished.code == 0, finished.err
    [row] = (each for each in json.loads(finished.out)["receipts"] if each["kind"] == "erc4626")
    shares = [await wide.vault.shares_of(who) for who in PEOPLE]
    whole = await wide.call(wide.vault.address, SUPPLY)
    held = row["holders"]
    assert held["count"] == sum(1 for each in shares if each)
    assert held["hhi"] == pytest.approx(sum(each**2 for each in shares) / whole**2)
    assert [int(each["shares"]) for each in held["top"]] == sorted(filter(None, shares))[::-1]
    largest = held["top"][0]
    assert largest["account"].lower() == largest["owner"].lower() == DEPOSITORS[0]
    assert largest["share"] == pytest.approx(shares[PEOPLE.index(DEPOSITORS[0])] / whole)
    assert int(largest["assets"]) == pytest.approx(
        await wide.vault.assets_of(int(largest["shares"])), rel=1e-6
    )
    stopped = await command("status", "--config", str(config), "--json")
    assert json.loads(stopped.out)["receipts"] == json.loads(finished.out)["receipts"]
    shown = await command("status", "--config", str(config))
    assert f"{held['count']}, the largest has" in shown.out
