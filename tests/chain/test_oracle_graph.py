"""Where prices come from, on the wide world: what moves each, what binds it, what reading costs."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from daemon_process import command, daemon_process
from devnet import ADMIN, USD, ZERO_ADDRESS, Deployer, WideWorld
from devnet.configuration import Wiring, configuration
from devnet.oracle_deployment import (
    OracleSide,
    RatioCap,
    deploy_composed_oracle,
    deploy_sick_feed,
    phase_switch,
    set_cap,
)
from price_graph import PriceGraph, price_graph
from stage import free_port

from monitor.core.prices import Price, PriceKind

CORE, OLD, MORPHO = "aave-core", "aave-3-0-2", "morpho"
WAD, DAY, WEEK = 10**18, 86_400, 7 * 86_400
ANSWER = "latestAnswer()(int256)"
CAPPED = "isCapped()(bool)"
POOLED = "getPooledEthByShares(uint256)(uint256)"
FEED_2_PERCENT = "heartbeat_seconds = 3600\ndeviation = 0.02\n"


@pytest.fixture
async def graph(wide: WideWorld, tmp_path: Path) -> AsyncIterator[PriceGraph]:
    async with price_graph(wide, tmp_path) as made:
        yield made


def pair_of(wide: WideWorld, name: str) -> str:
    """The market id of a pair."""
    return "0x" + wide.morpho.params(name).id.hex()


def reports(wide: WideWorld, price: Price) -> list[tuple[str, int]]:
    """Symbol and exponent of every market price that a price rests on."""
    names = {token.lower(): symbol for symbol, token in wide.addresses.tokens.items()}
    leaves = [edge for edge in price.path if edge.reports_market]
    return [(names[edge.asset or ""], edge.exponent) for edge in leaves]


async def test_kind__of_every_price__is_what_may_move_it(
    wide: WideWorld, graph: PriceGraph
) -> None:
    expected = {
        (CORE, "wstETH", ""): (PriceKind.CAPPED, [("WETH", 1)]),
        (CORE, "WETH", ""): (PriceKind.MARKET, [("WETH", 1)]),
        (OLD, "wstETH", ""): (PriceKind.MARKET, [("wstETH", 1)]),
        (MORPHO, "WETH", pair_of(wide, "WETH/USDC")): (
            PriceKind.MARKET,
            [("WETH", 1), ("USDC", -1)],
        ),
        (MORPHO, "wstETH", pair_of(wide, "wstETH/WETH")): (PriceKind.EXCHANGE_RATE, []),
        (MORPHO, "WETH", pair_of(wide, "WETH/DAI")): (None, []),
    }
    for place, (kind, leaves) in expected.items():
        price = await graph.price(*place)
        assert (price.kind, reports(wide, price)) == (kind, leaves), place
        assert not any(edge.fault for edge in price.path)


async def test_settled_graph__is_read__by_one_call_a_block(
    wide: WideWorld, graph: PriceGraph
) -> None:
    await wide.mine()
    await graph.book()
    graph.requests.clear()
    await graph.book()
    assert graph.requests["eth_call"] == 1


async def test_new_source__is_found_out_once__then_read_with_the_rest(
    wide: WideWorld, graph: PriceGraph
) -> None:
    steth, feed = wide.addresses.staked_ether, wide.addresses.feeds["WETH"]
    source = await Deployer(wide).deploy("ExchangeRateOracle", steth, feed)
    await wide.replace_source("wstETH", source)
    graph.requests.clear()
    assert (await graph.price(CORE, "wstETH")).kind is PriceKind.EXCHANGE_RATE
    assert graph.requests["eth_call"] > 1
    await graph.begin()
    graph.requests.clear()
    assert (await graph.price(CORE, "wstETH")).kind is PriceKind.EXCHANGE_RATE
    assert graph.requests["eth_call"] == 1


async def test_depeg__in_the_pool__moves_no_exchange_rate__and_shows_as_deviation(
    wide: WideWorld, graph: PriceGraph
) -> None:
    pair = pair_of(wide, "wstETH/WETH")
    places = ((CORE, "wstETH"), (OLD, "wstETH"), (MORPHO, "wstETH", pair))
    before = [await graph.price(*place) for place in places]
    await wide.move_pool_to("wstETH/WETH", Fraction(9, 10))
    await wide.move_feed("wstETH", 1_800 * USD)
    await graph.begin()
    capped, fed, rated = [await graph.row(*place) for place in places]
    assert fed.price.value == 1_800 * USD
    for row, then in ((capped, before[0]), (rated, before[2])):
        assert row.price.value is not None
        assert then.value is not None
        assert then.value <= row.price.value < then.value * (1 + Fraction(1, 10**6))
        rate = Fraction(await wide.call(wide.addresses.staked_ether, POOLED, WAD), WAD)
        assert row.deviation is not None
        assert abs(row.deviation - (rate / Fraction(9, 10) - 1)) < Fraction(1, 10**4)
    assert fed.deviation is not None
    assert abs(fed.deviation) < Fraction(1, 10**3)


async def test_cap__of_any_parameters__binds_where_the_adapters_own_view_says(
    wide: WideWorld, graph: PriceGraph
) -> None:
    dice, adapter, bound = random.Random(7), wide.addresses.capped_wsteth, set()
    for _ in range(24):
        await wide.jump(dice.randint(8 * DAY, 40 * DAY))
        taken = (await wide.head()).timestamp - dice.randint(WEEK, 8 * DAY)
        ratio, yearly = dice.randint(1, 3 * WAD), dice.randint(0, 65_535)
        await set_cap(wide, adapter, RatioCap(ratio, taken, yearly))
        near = ratio * (1 + Fraction(yearly, 10_000) * 8 / 365) * dice.randint(95, 105) / 100
        await wide.set_staking_rate(max(1, int(near)), dice.choice((0, 10**9)))
        head = (await wide.head()).hash
        root = (await graph.price(CORE, "wstETH")).path[0]
        assert root.kind is PriceKind.CAPPED, root.fault
        assert root.cap is not None
        assert root.uncapped is not None
        answer = await wide.call(adapter, ANSWER, block=head)
        assert min(root.cap, root.uncapped) == answer
        is_capped = await wide.call(adapter, CAPPED, block=head)
        assert root.binds is is_capped
        bound.add(is_capped)
    assert bound == {True, False}


async def test_vault__as_collateral_of_a_pair__is_worth_its_rate__and_unknown_while_it_is_broken(
    wide: WideWorld, graph: PriceGraph
) -> None:
    deployer, known = Deployer(wide), wide.addresses
    vault = await deployer.deploy("Vault", known.tokens["WETH"], "Vault", "vWETH")
    await wide.fund(ADMIN, WETH=10 * WAD)
    await wide.tx(ADMIN, known.tokens["WETH"], "approve(address,uint256)", vault, 10 * WAD)
    await wide.tx(ADMIN, vault, "deposit(uint256,address)", 10 * WAD, ADMIN)
    oracle = await deploy_composed_oracle(
        deployer,
        OracleSide(18, vault, WAD, feed_1=known.feeds["WETH"]),
        OracleSide(6, feed_1=known.feeds["USDC"]),
    )
    like = wide.morpho.params("WETH/USDC")
    params = replace(like, collateral=vault, oracle=oracle)
    await wide.morpho.create_market(ADMIN, params)
    await graph.begin()
    place = (MORPHO, "vWETH", "0x" + params.id.hex())
    whole = await graph.price(*place)
    assert (whole.value, whole.kind) == (2_000 * 10**24, PriceKind.EXCHANGE_RATE)
    assert reports(wide, whole) == [("WETH", 1), ("USDC", -1)]
    await wide.tx(ADMIN, vault, "lose(uint256)", 5 * WAD)
    half = await graph.price(*place)
    assert half.value is not None
    assert 0 <= 1_000 * 10**24 - half.value < 10**10
    await wide.tx(ADMIN, vault, "setBroken(bool)", True)
    broken = await graph.price(*place)
    assert (broken.value, broken.kind) == (None, PriceKind.EXCHANGE_RATE)
    assert "reverts" in broken.reason
    await wide.tx(ADMIN, vault, "setBroken(bool)", False)
    await wide.tx(ADMIN, vault, "lose(uint256)", 5 * WAD)
    assert (await graph.price(*place)).value == 0


async def test_phase_switch__of_a_proxy__is_followed_in_its_block(
    wide: WideWorld, graph: PriceGraph
) -> None:
    proxy = wide.addresses.feeds["WETH"]
    _, new = await deploy_sick_feed(Deployer(wide), "ETH / USD", 8, 1_234 * USD)
    await wide.block(*phase_switch(wide, proxy, new))
    for market in (CORE, OLD):
        price = await graph.price(market, "WETH")
        assert (price.value, price.emitter) == (1_234 * USD, new.lower())
        assert [edge.what for edge in price.path] == ["Chainlink proxy, phase 2", "ETH / USD"]
    rated = await graph.price(CORE, "wstETH")
    assert new.lower() in {edge.source for edge in rated.path}
    pair = await graph.price(MORPHO, "WETH", pair_of(wide, "WETH/USDC"))
    assert pair.value == 1_234 * 10**24
    await graph.begin()
    watched = {a for source in graph.parts.sources for a in source.addresses(graph.kept)}
    assert new.lower() in watched
    assert wide.addresses.aggregators["WETH"].lower() not in watched


async def test_fallback_oracle__answers_where_there_is_no_source__and_where_one_is_sick(
    wide: WideWorld, graph: PriceGraph
) -> None:
    fallback = wide.addresses.aave_3_0.oracle
    await wide.tx(ADMIN, wide.addresses.oracle, "setFallbackOracle(address)", fallback)
    await wide.replace_source("DAI", ZERO_ADDRESS)
    sick = await Deployer(wide).deploy("FixedSource", -5)
    proxy, _ = await deploy_sick_feed(Deployer(wide), "USDC / USD", 8, -5)
    await wide.replace_source("USDC", proxy)
    await wide.replace_source("WBTC", sick)
    dai, usdc = await graph.price(CORE, "DAI"), await graph.price(CORE, "USDC")
    assert (dai.value, dai.source, dai.kind) == (USD, fallback.lower(), None)
    assert (usdc.value, usdc.source, usdc.kind) == (USD, proxy.lower(), None)
    assert usdc.path[0].fault == "it answers 100000000, where what it reads makes -5"
    assert (await graph.price(CORE, "WBTC")).value == 60_000 * USD


async def test_category__priced_by_a_source_of_its_own__has_that_price_as_long_as_it_asks(
    wide: WideWorld, graph: PriceGraph
) -> None:
    view, stranger = wide.aave_3_0, wide.addresses.staked_ether
    sources = "setAssetSources(address[],address[])"
    feed = wide.addresses.feeds["WETH"]
    await wide.tx(ADMIN, view.addresses.oracle, sources, [stranger], [feed])
    set_category = "setEModeCategory(uint8,uint16,uint16,uint16,address,string)"
    terms = (1, 9_300, 9_500, 10_100)
    configurator = view.addresses.configurator
    await wide.tx(ADMIN, configurator, set_category, *terms, stranger, "ETH correlated")
    await graph.begin()
    assert stranger.lower() in await graph.subjects(OLD)
    await wide.tx(ADMIN, configurator, set_category, *terms, ZERO_ADDRESS, "ETH correlated")
    await graph.begin()
    assert stranger.lower() not in await graph.subjects(OLD)


async def test_check__draws_every_price__and_warns_of_what_it_does_not_know(
    wide: WideWorld, tmp_path: Path
) -> None:
    broken = await Deployer(wide).deploy("RevertingSource")
    await wide.replace_source("WBTC", broken)
    config = tmp_path / "wide.toml"
    config.write_text(configuration(wide, Wiring(tmp_path / "state")))
    drawn = await command("check", "--config", str(config))
    asked = await command("check", "--config", str(config), "--json")
    found = {row["subject"]: row for row in asked.document["findings"]}
    assert "reverts" in found[f"price {CORE}/WBTC"]["fault"]
    mock = found[f"price {MORPHO}/{pair_of(wide, 'WETH/DAI')}/WETH"]
    assert "not recognised" in mock["warning"]
    capped = found[f"price {CORE}/wstETH"]
    assert [edge["depth"] for edge in capped["path"]] == [0, 1, 2, 1]
    assert capped["path"][0]["capped"] is False
    assert "does not bind" in drawn.out
    assert "WETH / USD: market, reports WETH in USD, answers 2000" in drawn.out
    assert "Chainlink proxy, phase 1" in drawn.out


async def test_prices__of_a_running_daemon__are_told_with_age_cadence_and_deviation(
    wide: WideWorld, tmp_path: Path
) -> None:
    port, config = free_port(), tmp_path / "wide.toml"
    text = configuration(wide, Wiring(tmp_path / "state", port))
    proxy = wide.addresses.feeds["WETH"]
    config.write_text(f'{text}\n[[feeds]]\naddress = "{proxy}"\n{FEED_2_PERCENT}')
    await wide.move_pool_to("WETH/USDC", 1_600)
    async with daemon_process(config, port) as daemon:
        await daemon.reached((await wide.head()).hash)
        _, fresh = await daemon.get(f"/api/v1/prices?market={CORE}")
        _, metrics = await daemon.get("/metrics")
        await wide.jump(2 * 3_600)
        await daemon.reached((await wide.head()).hash)
        _, late = await daemon.get("/api/v1/prices")
        code, _ = await daemon.get("/api/v1/prices?market=nowhere")
    rows = {row["symbol"]: row for row in fresh["prices"]}
    assert {row["market"] for row in fresh["prices"]} == {CORE}
    weth = rows["WETH"]
    assert (weth["heartbeat_seconds"], weth["deviation"], weth["stale"]) == (3_600, 0.02, False)
    assert weth["oracle_deviation"] == pytest.approx(0.25, abs=1e-6)
    assert rows["wstETH"]["kind"] == "capped"
    assert f'oracle_deviation_ratio{{asset="WETH",market="{CORE}"}} 0.25' in metrics
    assert 'oracle_deviation_ratio{asset="WETH",market="morpho"}' in metrics
    stale = {(row["market"], row["symbol"]) for row in late["prices"] if row["stale"]}
    assert {(CORE, "WETH"), (CORE, "wstETH"), (OLD, "WETH"), (MORPHO, "WETH")} <= stale
    assert (OLD, "wstETH") not in stale
    assert code == 404
