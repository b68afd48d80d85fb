"""Which code a market of Aave 3.0.2 runs, when nothing shows it yet, and when it is replaced."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aave_acts import ALICE, BOB, ODD_SECONDS, PEOPLE, VERBS, lend
from aave_told import judged
from aave_versions import Version, open_market
from daemon_process import command
from devnet import World
from devnet.configuration import Wiring, configuration
from devnet.spark_deployment import rounding_upgrade, upgrade_rounding
from following import NAMESPACE, following, market_of
from fuzz.monitored import Monitored
from stage import free_port

from monitor.errors import ConfigError, ContractUpgraded
from monitor.store.embedded import EmbeddedRedis


@pytest.fixture
async def empty() -> AsyncIterator[World]:
    """A market of 3.0.2 that nobody has been to."""
    async with open_market(Version.V3_0) as market:
        yield market


async def verbs(market: World, version: Version, monitored: Monitored) -> None:
    for act in VERBS:
        await market.block(*act.txs(market))
        await judged(market, version, PEOPLE, monitored)
        await market.jump(ODD_SECONDS)


async def stops(market: World, monitored: Monitored, what: str) -> None:
    """Not a step further, and it says why."""
    with pytest.raises((ContractUpgraded, ConfigError), match=what):
        await monitored.ledger_at((await market.head()).hash)


@pytest.mark.timeout(180)
async def test_spark__rounds_anew_when_nobody_shows_it__stops_at_the_first_fraction(
    empty: World, tmp_path: Path
) -> None:
    """Whole amounts at an index of one ray display alike under any rounding."""
    async with following(empty, tmp_path) as monitored:
        await upgrade_rounding(empty)
        await judged(empty, Version.SPARK, PEOPLE, monitored)
        await lend(empty)
        await stops(empty, monitored, "round as version 'spark'")
    async with following(empty, tmp_path / "anew") as monitored:
        await verbs(empty, Version.SPARK, monitored)


async def test_upgrade__while_stopped__next_life_decodes_both_sides_of_it(
    empty: World, tmp_path: Path
) -> None:
    await lend(empty)
    async with EmbeddedRedis(tmp_path) as redis:
        first = Monitored(market_of(empty), redis.url, NAMESPACE)
        await first.begin((await empty.head()).number)
        await judged(empty, Version.V3_0, PEOPLE, first)
        await first.end()
        for act in VERBS[:5]:
            await empty.block(*act.txs(empty))
        await upgrade_rounding(empty)
        for act in VERBS[5:10]:
            await empty.block(*act.txs(empty))
        second = Monitored(market_of(empty), redis.url, NAMESPACE)
        await second.resume()
        await judged(empty, Version.SPARK, PEOPLE, second)
        await second.end()


async def test_upgrade__reorganised_away__rounds_as_before(empty: World, tmp_path: Path) -> None:
    await lend(empty)
    async with following(empty, tmp_path) as monitored:
        await judged(empty, Version.V3_0, PEOPLE, monitored)
        await upgrade_rounding(empty)
        await empty.supply(ALICE, "WETH", 10**18 + 1)
        await judged(empty, Version.SPARK, PEOPLE, monitored)
        await empty.rollback(2)
        await empty.supply(ALICE, "WETH", 10**18 + 1)
        await empty.withdraw(BOB, "USDC", 1_234_567)
        await judged(empty, Version.V3_0, PEOPLE, monitored)


@pytest.mark.parametrize("part", ["one token alone", "all but one token"])
async def test_upgrade__of_some_tokens__stops(empty: World, tmp_path: Path, part: str) -> None:
    """How tokens round is asked of all of them: a mixture is nobody's version."""
    await lend(empty)
    async with following(empty, tmp_path) as monitored:
        await judged(empty, Version.V3_0, PEOPLE, monitored)
        pool, *tokens = await rounding_upgrade(empty)
        weth = tokens[0]
        some = {
            "one token alone": [weth],
            "all but one token": [pool, *tokens[1:]],
        }
        await empty.block(*some[part])
        await empty.jump(ODD_SECONDS)
        await stops(empty, monitored, "round")


@pytest.mark.parametrize("version", list(Version))
async def test_check_and_run__of_a_market_by_its_address_alone__know_its_version(
    version: Version, tmp_path: Path
) -> None:
    """A fork is followed by configuration alone: nothing in there says what it is."""
    async with open_market(version) as market:
        await lend(market)
        config = tmp_path / "monitor.toml"
        wiring = Wiring(state_dir=tmp_path / "state", port=free_port())
        config.write_text(configuration(market, wiring))
        checked = await command("check", "--config", str(config))
        assert checked.code == 0, checked.out + checked.err
        assert f"market aave-core  aave_v3 {version}, 5 assets" in checked.out
        ran = await command("run", "--config", str(config), "--once")
        assert ran.code == 0, ran.out + ran.err
