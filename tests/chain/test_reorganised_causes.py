"""What becomes of an alert when the chain takes its cause back, keeps it, or brings it back.

Between two heads nothing is mined: what is awaited comes within one block of the reorganisation.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from daemon_process import DaemonProcess, daemon_process
from devnet import USD, Tx
from devnet.receiver import Letter
from stage import Stage, new_stage
from torture.reference import drained

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALM_USD, BAD_USD = 2250, 1650
DRAIN_SECONDS = 20.0


@dataclass
class Watched:
    """A running daemon, whose receiver is read from one point to the next."""

    stage: Stage
    daemon: DaemonProcess
    read: int = 0

    async def said(self) -> list[Letter]:
        """What was said up to the judgement of the head, since the last time this was asked."""
        await self.daemon.reached(await self.stage.head())
        await drained(self.daemon, DRAIN_SECONDS)
        news = self.stage.receiver.letters[self.read :]
        self.read += len(news)
        return news

    async def price(self, usd: int) -> list[Letter]:
        """What is said when the price is this, in one block."""
        await self.stage.world.block(*self.priced(usd))
        return await self.said()

    def priced(self, usd: int) -> tuple[Tx, ...]:
        world = self.stage.world
        return (
            world.move_pool_to("WETH/USDC", usd),
            world.move_feed("wstETH", usd * USD * 6 // 5),
            world.move_feed("WETH", usd * USD),
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    async with new_stage(tmp_path_factory.mktemp("causes")) as stage:
        config, port = stage.config()
        async with daemon_process(config, port) as daemon:
            yield Watched(stage, daemon)


@pytest_asyncio.fixture(loop_scope="module")
async def tripped(watched: Watched) -> Letter:
    """All was calm, and in the newest block the breaker tripped."""
    await watched.price(CALM_USD)
    watched.stage.world.fund_anew()
    [letter] = await watched.price(BAD_USD)
    assert letter.type == "breaker.tripped"
    return letter


async def test_reorg__that_removes_the_cause__retracts_within_one_block(
    watched: Watched, tripped: Letter
) -> None:
    await watched.stage.world.reorg(1, watched.priced(CALM_USD))
    [retraction] = await watched.said()
    assert retraction.body["data"]["alert"]["retracts"] == tripped.id
    assert await watched.price(CALM_USD - 1) == []


async def test_reorg__above_the_cause__says_nothing(watched: Watched, tripped: Letter) -> None:
    assert await watched.price(BAD_USD - 1) == []
    assert await watched.price(BAD_USD - 2) == []
    await watched.stage.world.reorg(2, watched.priced(BAD_USD - 3), ())
    assert await watched.said() == []
    [cleared] = await watched.price(CALM_USD)
    assert cleared.type == "breaker.cleared"
    assert cleared.body["data"]["alert"]["episode"] == tripped.body["data"]["alert"]["episode"]


async def test_reorg__to_a_sibling_with_the_same_cause__says_it_once_of_each(
    watched: Watched, tripped: Letter
) -> None:
    await watched.stage.world.reorg(1, watched.priced(BAD_USD))
    retraction, again = await watched.said()
    assert retraction.body["data"]["alert"]["retracts"] == tripped.id
    assert again.type == "breaker.tripped"
    assert again.id != tripped.id
    assert await watched.price(BAD_USD) == []


async def test_reorg__that_brings_the_cause_back__raises_the_same_alert_again(
    watched: Watched, tripped: Letter
) -> None:
    world = watched.stage.world
    block = await world.head()
    await world.reorg(1, watched.priced(CALM_USD))
    [retraction] = await watched.said()
    assert retraction.body["data"]["alert"]["retracts"] == tripped.id
    await world.rollback(1)
    await world.block(*watched.priced(BAD_USD), timestamp=block.timestamp)
    assert (await world.head()).hash == block.hash
    [again] = await watched.said()
    assert (again.id, again.raw) == (tripped.id, tripped.raw)
