"""The command on Morpho alone: what it lists, what it keeps, what `check` says."""

from collections.abc import Mapping
from pathlib import Path

from daemon_process import command, daemon_process
from devnet import Address, WideTerms, WideWorld, account, open_wide_world
from devnet.morpho_deployment import MORPHO_FEE_RECIPIENT
from morpho_following import id_of
from stage import free_port
from stored import digest_of

WETH_USDC, WBTC_USDC = "WETH/USDC", "WBTC/USDC"
BORROWERS = 24
DAY_SECONDS = 86_400
PRICE_SCALE = 10**36


def configured(wide: WideWorld, folder: Path, ids: str, name: str = "morpho") -> tuple[Path, int]:
    """Morpho, and a feed for every token, so that its amounts are worth something."""
    port, path = free_port(), folder / f"{name}.toml"
    assets = "".join(
        f'[assets.{symbol}]\naddress = "{wide.token(symbol)}"\nprice_feed = "{feed}"\n'
        for symbol, feed in wide.addresses.feeds.items()
    )
    path.write_text(f"""
[chain]
chain_id = {wide.anvil.chain_id}
endpoints = ["{wide.anvil.http_url}", "{wide.anvil.ws_url}"]
poll_seconds = 0.2
[store]
state_dir = "{folder / name}"
[[markets]]
name = "morpho"
protocol = "morpho_blue"
address = "{wide.addresses.morpho.morpho}"
market_ids = {ids}
{assets}
[http]
listen = "127.0.0.1:{port}"
""")
    return path, port


async def expected_row(
    wide: WideWorld, market: str, who: Address, block: str
) -> Mapping[str, object]:
    """What the contract says of an account, after interest up to the block's second."""
    accrued = await wide.morpho.accrued(market, [who], block)
    held, state = accrued.positions[0], accrued.state
    debt = state.owed_raw(held.borrow_shares)
    lltv = wide.morpho.params(market).lltv_wad
    price = await wide.morpho.price_e36(market, block)
    limit = held.collateral_raw * price // PRICE_SCALE * lltv // 10**18
    lent = state.supplied_raw(held.supply_shares)
    return {
        "collateral": [str(held.collateral_raw)] if held.collateral_raw else [],
        "debt": [str(debt)] if debt else [],
        "supply": [str(lent)] if lent else [],
        "health_factor": str(limit * 10**18 // debt) if debt else None,
        "liquidatable": limit < debt,
    }


async def test_positions__of_every_market_id__equal_the_contracts(tmp_path: Path) -> None:
    async with open_wide_world(WideTerms(borrowers=BORROWERS)) as wide:
        await wide.jump(DAY_SECONDS)
        await wide.morpho.accrue_interest(MORPHO_FEE_RECIPIENT, WBTC_USDC)
        head = await wide.jump(DAY_SECONDS)
        config, port = configured(wide, tmp_path, '"all"')
        async with daemon_process(config, port) as daemon:
            await daemon.reached(head.hash)
            _, metrics = await daemon.get("/metrics")
            _, page = await daemon.get("/api/v1/positions?market=morpho&limit=1000")
        names = {id_of(wide.morpho, name): name for name in wide.addresses.morpho.markets}
        rows = page["positions"]
        assert {row["sub_market"] for row in rows} == set(names)
        assert len([row for row in rows if row["debt"]]) == BORROWERS
        assert any(row["account"].lower() == MORPHO_FEE_RECIPIENT for row in rows)
        for row in rows:
            told = {
                side: [line["amount"] for line in row.get(side, [])]
                for side in ("collateral", "debt", "supply")
            } | {key: row[key] for key in ("health_factor", "liquidatable")}
            market, who = names[row["sub_market"]], row["account"].lower()
            assert told == await expected_row(wide, market, who, head.hash)
            assert "unknown" not in row
        assert 'utilisation_ratio{asset="USDC",market="morpho"}' in metrics


async def test_restart__of_the_daemon__goes_on_and_ends_in_a_fresh_state(
    tmp_path: Path, wide: WideWorld
) -> None:
    alice, morpho = account("alice"), wide.morpho
    await wide.fund(alice, WETH=wide.raw("WETH", 10))
    chosen = f'["{id_of(morpho, WETH_USDC)}"]'
    config, port = configured(wide, tmp_path, chosen)
    async with daemon_process(config, port) as daemon:
        await daemon.reached((await wide.head()).hash)
        receipt = await morpho.supply_collateral(alice, WETH_USDC, wide.raw("WETH", 10))
        await daemon.reached(receipt.block_hash)
    await morpho.borrow(alice, WETH_USDC, wide.raw("USDC", 1_000))
    async with daemon_process(config, port) as daemon:
        await daemon.reached((await wide.jump(DAY_SECONDS)).hash)
    fresh, _ = configured(wide, tmp_path, chosen, "fresh")
    finished = await command("run", "--config", str(fresh), "--once", "--json")
    assert finished.code == 0, finished.err
    assert await digest_of(config) == await digest_of(fresh)


async def test_check__of_morpho__names_its_markets_and_prices(
    tmp_path: Path, wide: WideWorld
) -> None:
    config, _ = configured(wide, tmp_path, '"all"')
    checked = await command("check", "--config", str(config))
    assert checked.code == 0, checked.out + checked.err
    assert "morpho_blue, 4 markets of 5 assets" in checked.out


async def test_check__of_what_is_no_morpho__says_so(tmp_path: Path, wide: WideWorld) -> None:
    config, _ = configured(wide, tmp_path, '"all"')
    wrong = config.read_text().replace(wide.addresses.morpho.morpho, wide.token("WETH"))
    config.write_text(wrong)
    checked = await command("check", "--config", str(config))
    assert checked.code != 0
    assert "should be Morpho Blue's" in checked.out
