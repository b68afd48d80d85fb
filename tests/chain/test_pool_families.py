"""Pools of other families: a real Uniswap V2 pair and doubles of StableSwap pools.

Trades to the unit, the ledger beside the contracts, and crashes executed through them.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from daemon_process import command, daemon_process
from devnet import ADMIN, Executed, World, WorldTerms, crash, open_world
from devnet.configuration import Wiring, configuration
from devnet.pool_families import PAIR, Families, open_families
from devnet.staging import DEMO_TERMS
from stage import free_port

from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockRef
from monitor.core.curves import DepthCurve, StableSwapCurve
from monitor.core.ledger import Ledger
from monitor.core.overlay import Overlay
from monitor.core.units import Address, BlockHash
from monitor.engine.folding import Folder
from monitor.engine.reducer import reduce_all
from monitor.library import abi_library
from monitor.liquidity.source import Venue
from monitor.schema import Liquidity
from monitor.simulation.pools import pools_of
from monitor.venues import venue_of

SELL = "sell(address,uint256,address)"
GET_DY = "get_dy(int128,int128,uint256)(uint256)"
RESERVES = "getReserves()(uint112,uint112,uint32)"
FIGURES = ("liquidated_usd", "seized_usd", "bad_debt_usd", "unliquidated_usd")
LEFT = {"WETH/USDC": Fraction(4, 10), "DAI/USDC": Fraction(4, 10), "wstETH/WETH": Fraction(7, 10)}
"""What providers leave in each pool when dollars and staked ether get thin."""
THIN = {"liquidity:USDC": 0.4, "liquidity:wstETH": 0.7, "WETH": -0.15, "wstETH": -0.22}
SHOCKS = ({"WETH": -0.25}, {"WETH": -0.15, "wstETH": -0.22}, {"WBTC": -0.30, "DAI": -0.03}, THIN)
ERROR, CENTS = 1e-5, 0.03
TERMS = WorldTerms(pools=DEMO_TERMS.pools, borrowers=60, seed=3)


@pytest.fixture
async def node(world: World) -> AsyncIterator[Node]:
    settings = NodeSettings([world.anvil.http_url], 31337, timeout_seconds=10)
    node = Node(settings, abi_library("multicall3/Multicall3").functions["aggregate3"], _silent)
    yield node
    await node.close()


def _silent(*_: object) -> None:
    """Nobody counts requests here."""


async def curve(world: World, node: Node, venue: Venue) -> DepthCurve:
    """As the ledger has it that begins at the head."""
    head = await world.head()
    at = BlockRef(head.number, BlockHash(head.hash), BlockHash(head.parent_hash), head.timestamp)
    overlay = Overlay(Ledger())
    reduce_all(overlay, await venue.bootstrap(node.reader, at, at))
    await Folder((venue,), node.follower, node.reader).poll(at, overlay)
    found = venue.curve(overlay)
    assert found is not None
    return found


def venue(kind: str, pool: str) -> Venue:
    return venue_of(Liquidity.model_validate({"kind": kind, "pool": pool}), None)


def sold(told: DepthCurve, amount: int, inward: int) -> float:
    (pool,) = pools_of([told], dict[Address, float]().get).pools
    return pool.sold(float(amount), inward, 1 - inward)[0]


async def test_pair__trades__give_to_the_unit_what_the_pair_allows(
    world: World, node: Node
) -> None:
    families = await open_families(world)
    pair, here = venue("uniswap_v2", families.pair), families.world
    facade = here.addresses.pools[PAIR]
    symbols = sorted(PAIR.split("/"), key=lambda symbol: int(world.token(symbol), 16))
    for number, share_ppm in enumerate((1, 3_000, 150_000, 900_000)):
        inward = number % 2
        token = world.token(symbols[inward])
        told = await curve(here, node, pair)
        assert told.pool == families.pair.lower()
        reserves = (await world.call(families.pair, RESERVES))[:2]
        assert told.mid(0, 1) == Fraction(reserves[1], reserves[0])
        amount = reserves[inward] * share_ppm // 10**6
        kept = amount * 997
        given = kept * reserves[1 - inward] // (reserves[inward] * 1000 + kept)
        await world.block(world.mint(facade, symbols[inward], amount))
        before = await world.balance_of(world.token(symbols[1 - inward]), ADMIN)
        await world.block(world.tx(ADMIN, facade, SELL, token, amount, ADMIN))
        after = await world.balance_of(world.token(symbols[1 - inward]), ADMIN)
        assert after - before == given
        assert sold(told, amount, inward) == pytest.approx(given, rel=1e-12, abs=1)


@pytest.mark.parametrize("name", ["wstETH/WETH", "DAI/USDC"])
async def test_stable_pool__trades__give_to_the_unit_what_get_dy_says(
    world: World, node: Node, name: str
) -> None:
    families = await open_families(world)
    pool, here = families.stable[name], families.world
    for symbol in (*name.split("/"), name.split("/")[0]):
        told = await curve(here, node, venue("stableswap", pool))
        assert isinstance(told, StableSwapCurve)
        inward = name.split("/").index(symbol)
        for share_ppm in (1, 1_000, 100_000, 950_000, 3_000_000):
            amount = told.balances[inward] * share_ppm // 10**6
            given = await world.call(pool, GET_DY, inward, 1 - inward, amount)
            assert told.swap.given(told.balances, inward, 1 - inward, amount) == given
            assert sold(told, amount, inward) == pytest.approx(given, rel=1e-9, abs=3)
        amount, facade = told.balances[inward] // 3, here.addresses.pools[name]
        await world.block(world.mint(facade, symbol, amount))
        await world.block(world.tx(ADMIN, facade, SELL, world.token(symbol), amount, ADMIN))


async def test_check__of_every_family__tells_its_terms_and_names_what_is_no_pool(
    world: World, tmp_path: Path
) -> None:
    families = await open_families(world)
    config = tmp_path / "monitor.toml"
    text = _configured(families.world, families, Wiring(tmp_path / "state"))
    stated = (
        f'[[liquidity]]\nkind = "parametric"\nasset = "{world.token("WBTC")}"\n'
        f'quote = "{world.token("USDC")}"\ndepth_at_2_percent_usd = 2_500_000\n'
    )
    wrong = (
        f'[[liquidity]]\nkind = "stableswap"\npool = "{world.addresses.pool}"\n'
        f'[[liquidity]]\nkind = "uniswap_v2"\npool = "{world.token("DAI")}"\n'
    )
    config.write_text(text.replace("[assets.", f"{stated}{wrong}[assets.", 1))
    checked = await command("check", "--config", str(config))
    assert checked.code == 1
    for words in (
        "WETH/USDC, fee 0.3 %",
        "wstETH/WETH, A 50, fee 0.04 %",
        "DAI/USDC, A 500, fee 0.01 %",
        "WBTC/USDC off chain, 2,500,000 USD move its price by 2 %",
        "does not answer coins(0) and coins(1)",
        "Expected a Uniswap V2 pair: correct `pool`.",
    ):
        assert words in checked.out + checked.err
    assert "Traceback" not in checked.err


@dataclass(frozen=True, slots=True)
class Played:
    """One crash, as projected and as executed."""

    projected: dict[str, Any]
    executed: Executed


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    return asyncio.run(_played(tmp_path_factory.mktemp("families")))


async def _played(folder: Path) -> list[Played]:
    async with open_world(TERMS, epoch_slots=1) as bare:
        families = await open_families(bare)
        world = families.world
        await world.mine(4)
        port = free_port()
        config = folder / "monitor.toml"
        config.write_text(_configured(world, families, Wiring(folder / "state", port)))
        async with daemon_process(config, port) as daemon:
            await daemon.reached((await world.head()).hash, 60)
            projected = [await _projected(port, shocks) for shocks in SHOCKS]
        return [
            Played(told, await _executed(families, shocks))
            for told, shocks in zip(projected, SHOCKS, strict=True)
        ]


def _configured(world: World, families: Families, wiring: Wiring) -> str:
    """The usual configuration, with the pools themselves instead of their facades."""
    text = configuration(world, wiring)
    start, end = text.index("[[liquidity]]"), text.index("[assets.")
    return text[:start] + families.liquidity() + text[end:]


async def _projected(port: int, shocks: Mapping[str, float]) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/api/v1/project"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"shocks": dict(shocks)}) as answer,
    ):
        document: dict[str, Any] = await answer.json()
        assert answer.status == 200, document
        result: dict[str, Any] = document["result"]
        assert (result["unknown"], result["left_out"]) == ([], [])
        return result


async def _executed(families: Families, shocks: Mapping[str, float]) -> Executed:
    world, prices = families.world, {key: by for key, by in shocks.items() if ":" not in key}
    snapshot = await world.snapshot()
    if prices != shocks:
        leaving = [await families.leave(pool, factor) for pool, factor in LEFT.items()]
        await world.block(*(tx for txs in leaving for tx in txs))
    executed = await crash(world, {asset: Fraction(str(by)) for asset, by in prices.items()})
    await world.revert(snapshot)
    return executed


def near(value: object) -> Any:
    return pytest.approx(float(str(value)), rel=ERROR, abs=CENTS)


@pytest.mark.parametrize("number", range(len(SHOCKS)))
def test_projection__over_three_families__is_what_the_contracts_do(
    played: list[Played], number: int
) -> None:
    projected, executed = played[number].projected, played[number].executed
    told = executed.as_dict()
    assert executed.liquidations > 5
    for figure in (*FIGURES, "first_round_usd", "bad_debt_realised_usd"):
        assert float(projected[figure]) == near(told[figure]), figure
    assert (projected["rounds"], projected["converged"]) == (told["rounds"], told["converged"])
    for symbol, path in projected["prices"].items():
        assert float(path["shocked"]) == near(float(executed.prices[symbol].shocked))
        assert float(path["after"]) == near(float(executed.prices[symbol].after))


def test_crashes__through_the_families__fed_on_themselves(played: list[Played]) -> None:
    assert max(each.executed.amplification for each in played) > Fraction(11, 10)
    assert max(each.executed.rounds for each in played) >= 2
