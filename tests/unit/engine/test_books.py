"""Books and worlds are made beside the event loop, and each once."""

import asyncio
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from builders import USDC, a_block, a_market, a_position, a_price, a_reserve, an_address

from monitor.core.events import Place
from monitor.core.keys import market_key, position_key, price_key, reserve_key
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.risk import MarketSheet
from monitor.core.units import MarketId
from monitor.engine.books import Books
from monitor.engine.cascade_runner import CascadeRunner, CurvePlan, Plan
from monitor.protocols.aave_v3.rules import AaveRules
from monitor.simulation.options import Options

MARKET = MarketId("aave")
LEDGER = Ledger(
    {
        market_key(MARKET): a_market(),
        reserve_key(MARKET, USDC): a_reserve(USDC, symbol="USDC"),
        price_key(MARKET, USDC): a_price(10**8),
        position_key(MARKET, an_address("alice")): a_position(0, 10**18),
    }
)
PATIENCE_SECONDS = 10


class Held(AaveRules):
    """A market that is read no further until somebody lets it go."""

    protocol = "aave_v3"
    market = MARKET

    def __init__(self) -> None:
        super().__init__(MARKET)
        self.reached, self.let_go = threading.Event(), threading.Event()
        self.times = 0

    def places(self, view: LedgerView) -> Iterator[Place]:
        self._wait()
        yield from super().places(view)

    def sheets(self, view: LedgerView, at_unix: int) -> tuple[MarketSheet, ...]:
        self._wait()
        return super().sheets(view, at_unix)

    def _wait(self) -> None:
        self.times += 1
        self.reached.set()
        assert self.let_go.wait(PATIENCE_SECONDS), "the event loop was not free to let it go"


async def until_read(market: Held) -> None:
    assert await asyncio.to_thread(market.reached.wait, PATIENCE_SECONDS)


async def test_books__being_made__leave_the_loop_free() -> None:
    market = Held()
    books = Books([market], str)
    making = asyncio.create_task(books.make(LEDGER, a_block()))
    await until_read(market)
    market.let_go.set()
    await making
    assert len(books.at(LEDGER, a_block()).rows) == 1


async def test_books__asked_for_while_they_are_made__are_made_once() -> None:
    market = Held()
    books = Books([market], str)
    making = asyncio.create_task(books.make(LEDGER, a_block()))
    await until_read(market)
    asking = asyncio.create_task(books.made())
    await asyncio.sleep(0)
    assert not asking.done()
    market.let_go.set()
    await asyncio.gather(making, asking)
    assert len(books.at(LEDGER, a_block()).rows) == 1
    assert market.times == 1


async def test_books__that_could_not_be_made__are_waited_for_no_longer() -> None:
    broken = Ledger({key: r for key, r in LEDGER.records() if key != reserve_key(MARKET, USDC)})
    market = Held()
    market.let_go.set()
    books = Books([market], str)
    with pytest.raises(Exception, match=USDC):
        await books.make(broken, a_block())
    await books.made()


async def test_run__of_scenarios__leaves_the_loop_free_and_reads_the_market_once() -> None:
    market = Held()
    names = ("one", "other")
    plan = CurvePlan("USDC", Decimal("-0.5"), 2)
    plans = [Plan(name, {}, plan, Options()) for name in names]
    runner = CascadeRunner([market], (), {}, {}, plans)
    running = asyncio.create_task(runner.run(LEDGER, a_block()))
    await until_read(market)
    market.let_go.set()
    answers, _ = await running
    assert [answers[name].result is not None for name in names] == [True, True]
    assert market.times == 1
