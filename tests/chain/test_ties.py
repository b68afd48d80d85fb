"""What is pegged to what on the local chain: by real oracles, and by no price that moves."""

from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import pytest
from devnet import USD, WideWorld
from price_graph import PriceGraph, price_graph

from monitor.core.units import AssetId, MarketId, address
from monitor.leverage.ties import DOLLAR, Ties, ties_of

MORPHO = MarketId("morpho")


@pytest.fixture
async def graph(wide: WideWorld, tmp_path: Path) -> AsyncIterator[PriceGraph]:
    async with price_graph(wide, tmp_path) as made:
        yield made


async def ties(graph: PriceGraph) -> Ties:
    return ties_of(await graph.view(), graph.parts.markets, {})


async def test_ties__of_the_wide_world__are_those_of_its_oracles(
    wide: WideWorld, graph: PriceGraph
) -> None:
    found = await ties(graph)
    tokens = {symbol: AssetId(address(token)) for symbol, token in wide.addresses.tokens.items()}
    families: dict[str, set[str]] = {}
    for symbol, token in tokens.items():
        families.setdefault(found.root(token), set()).add(symbol)
    assert families.pop(DOLLAR) == {"USDC", "DAI"}
    assert sorted(map(sorted, families.values())) == [["WBTC"], ["WETH", "wstETH"]]
    rated = "0x" + wide.morpho.params("wstETH/WETH").id.hex()
    assert found.pairs == {(MORPHO, rated)}


async def test_ties__when_a_staked_token_leaves_its_peg__stay(
    wide: WideWorld, graph: PriceGraph
) -> None:
    before = await ties(graph)
    await wide.move_pool_to("wstETH/WETH", Fraction(9, 10))
    await wide.move_feed("wstETH", 1_800 * USD)
    await wide.move_feed("WETH", 900 * USD)
    await graph.begin()
    assert await ties(graph) == before
