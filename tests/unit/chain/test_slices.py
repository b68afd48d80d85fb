import asyncio

import pytest

from monitor.chain.faults import RateLimited, RpcRefused, RpcTimeout
from monitor.chain.slices import Width, in_slices
from monitor.errors import RpcInconsistent, RpcUnavailable


class Provider:
    """Serves at most `widest` numbers at once."""

    def __init__(self, widest: int, fault: type[Exception] = RpcRefused) -> None:
        self.widest = widest
        self.fault = fault
        self.asked: list[int] = []

    async def ask(self, start: int, stop: int) -> list[int]:
        self.asked.append(stop - start)
        if stop - start > self.widest:
            raise self.fault("too wide")
        return list(range(start, stop))


async def collected(provider: Provider, start: int, stop: int, widest: int) -> list[int]:
    parts = in_slices(start, stop, Width(widest), provider.ask)
    return [number async for part in parts for number in part]


async def test_in_slices__within_the_limit__asks_once() -> None:
    provider = Provider(100)
    assert await collected(provider, 3, 10, 100) == list(range(3, 10))
    assert provider.asked == [7]


async def test_in_slices__an_empty_range__asks_nothing() -> None:
    provider = Provider(100)
    assert await collected(provider, 5, 5, 100) == []
    assert not provider.asked


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 99])
@pytest.mark.parametrize("fault", [RpcRefused, RpcTimeout])
async def test_in_slices__over_the_limit__halves_and_misses_nothing(
    limit: int, fault: type[Exception]
) -> None:
    assert await collected(Provider(limit, fault), 0, 1000, 400) == list(range(1000))


async def test_in_slices__a_limit_met__is_mostly_kept_to() -> None:
    provider = Provider(10)
    await collected(provider, 0, 1000, 1000)
    assert len(provider.asked) < 2 * 1000 / 5


async def test_in_slices__a_single_one_refused__raises() -> None:
    with pytest.raises(RpcRefused):
        await collected(Provider(0), 0, 4, 4)


async def test_in_slices__another_failure__is_not_halved() -> None:
    provider = Provider(1, RpcInconsistent)
    with pytest.raises(RpcInconsistent):
        await collected(provider, 0, 4, 4)
    assert provider.asked == [4]


@pytest.mark.parametrize("limit", [1, 9, 10, 77, 499])
async def test_width__a_limit_met_once__is_kept_between_questions(limit: int) -> None:
    provider, width = Provider(limit), Width(500)
    for start in range(0, 5000, 500):
        await collected_with(width, provider, start, start + 500)
    refused = sum(asked > limit for asked in provider.asked)
    assert refused < 20 + 0.06 * len(provider.asked)
    assert len(provider.asked) < 1.2 * 5000 / limit + 40


async def test_width__a_limit_that_went_away__is_outgrown() -> None:
    provider, width = Provider(5), Width(500)
    await collected_with(width, provider, 0, 500)
    provider.widest = 1000
    for start in range(0, 40_000, 500):
        await collected_with(width, provider, start, start + 500)
    assert width.now == 500


async def test_width__an_offer_of_the_node__is_asked_for_next() -> None:
    provider = Provider(130)
    asked: list[tuple[int, int]] = []

    async def ask(start: int, stop: int) -> list[int]:
        asked.append((start, stop))
        if stop - start > 130:
            raise RpcRefused("too much", offered=(start, start + 129))
        return await provider.ask(start, stop)

    parts = in_slices(1000, 2000, Width(1000), ask)
    assert [n async for part in parts for n in part] == list(range(1000, 2000))
    assert asked[:2] == [(1000, 2000), (1000, 1130)]


@pytest.mark.parametrize("offered", [(0, 50), (1000, 5000), (1000, 999), (1001, 1100)])
async def test_width__an_offer_that_makes_no_sense__is_halved(offered: tuple[int, int]) -> None:
    asked: list[tuple[int, int]] = []

    async def ask(start: int, stop: int) -> list[int]:
        asked.append((start, stop))
        if len(asked) == 1:
            raise RpcRefused("too much", offered=offered)
        return list(range(start, stop))

    parts = in_slices(1000, 1100, Width(1000), ask)
    assert [n async for part in parts for n in part] == list(range(1000, 1100))
    assert asked[1] == (1000, 1050)


async def test_in_slices__an_answer_cut_off_at_a_size__is_asked_for_in_less() -> None:
    provider, width = Provider(130, RpcUnavailable), Width(500)
    assert await collected_with(width, provider, 0, 400) == list(range(400))


async def test_in_slices__a_node_that_is_away__says_so_soon_and_is_asked_for_much_again() -> None:
    provider, width = Provider(0, RpcUnavailable), Width(500)
    with pytest.raises(RpcUnavailable):
        await collected_with(width, provider, 0, 500)
    assert provider.asked == [500, 250, 125]
    provider.widest = 1000
    for start in range(0, 2000, 500):
        await collected_with(width, provider, start, start + 500)
    assert width.now == 500


async def test_in_slices__limited_in_rate__asks_for_no_less() -> None:
    provider, width = Provider(0, RateLimited), Width(500)
    with pytest.raises(RateLimited):
        await collected_with(width, provider, 0, 500)
    assert provider.asked == [500]
    assert width.now == 500


async def collected_with(width: Width, provider: Provider, start: int, stop: int) -> list[int]:
    parts = in_slices(start, stop, width, provider.ask)
    return [number async for part in parts for number in part]


class Pacing:
    """Answers each slice when it is told to, and notes what was asked and what was given up."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.news: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        self.given_up: list[tuple[int, int]] = []
        self.answers: dict[tuple[int, int], asyncio.Future[None]] = {}

    async def ask(self, start: int, stop: int) -> list[int]:
        self.asked.append((start, stop))
        self.news.put_nowait((start, stop))
        answer = self.answers[start, stop] = asyncio.get_running_loop().create_future()
        try:
            await answer
        except asyncio.CancelledError:
            self.given_up.append((start, stop))
            raise
        return list(range(start, stop))

    async def is_asked(self, *slices: tuple[int, int]) -> None:
        """Waits until these are asked for, after what was awaited before."""
        async with asyncio.timeout(5):
            assert [await self.news.get() for _ in slices] == list(slices)


def served_width(widest: int) -> Width:
    width = Width(widest)
    width.serve(widest)
    return width


async def test_in_slices__a_width_served_before__asks_one_slice_ahead() -> None:
    pacing = Pacing()
    parts = in_slices(0, 40, served_width(10), pacing.ask)
    first = asyncio.ensure_future(anext(parts))
    await pacing.is_asked((0, 10), (10, 20))
    pacing.answers[0, 10].set_result(None)
    assert await first == list(range(10))
    assert pacing.asked == [(0, 10), (10, 20)]
    second = asyncio.ensure_future(anext(parts))
    await pacing.is_asked((20, 30))
    pacing.answers[10, 20].set_result(None)
    assert await second == list(range(10, 20))
    await parts.aclose()


async def test_in_slices__a_width_never_served__is_tried_alone() -> None:
    pacing = Pacing()
    parts = in_slices(0, 40, Width(10), pacing.ask)
    first = asyncio.ensure_future(anext(parts))
    await pacing.is_asked((0, 10))
    for _ in range(5):
        await asyncio.sleep(0)
    assert pacing.asked == [(0, 10)]
    pacing.answers[0, 10].set_result(None)
    await first
    await parts.aclose()


async def test_in_slices__a_refusal__gives_the_slice_ahead_up() -> None:
    pacing = Pacing()
    parts = in_slices(0, 40, served_width(10), pacing.ask)
    first = asyncio.ensure_future(anext(parts))
    await pacing.is_asked((0, 10), (10, 20))
    pacing.answers[0, 10].set_exception(RpcRefused("too much"))
    await pacing.is_asked((0, 5))
    assert pacing.given_up == [(10, 20)]
    pacing.answers[0, 5].set_result(None)
    assert await first == list(range(5))
    await parts.aclose()


async def test_in_slices__nobody_reads_on__gives_the_slice_ahead_up() -> None:
    pacing = Pacing()
    parts = in_slices(0, 40, served_width(10), pacing.ask)
    first = asyncio.ensure_future(anext(parts))
    await pacing.is_asked((0, 10), (10, 20))
    pacing.answers[0, 10].set_result(None)
    await first
    await parts.aclose()
    assert pacing.given_up == [(10, 20)]


async def test_in_slices__cancelled__gives_both_up() -> None:
    pacing = Pacing()
    parts = in_slices(0, 40, served_width(10), pacing.ask)
    first = asyncio.ensure_future(anext(parts))
    await pacing.is_asked((0, 10), (10, 20))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert sorted(pacing.given_up) == [(0, 10), (10, 20)]


def test_width__dense_answers__are_asked_for_in_less_and_sparse_ones_in_more() -> None:
    width = Width(1000)
    width.weigh(400, 8000, 2000)
    width.serve(400)
    assert width.now == 100
    width.weigh(100, 1000, 2000)
    width.serve(100)
    assert width.now == 200
    width.weigh(200, 0, 2000)
    for _ in range(4):
        width.serve(width.now)
    assert width.now == 1000


def test_width__a_block_beyond_all_measure__is_asked_for_alone() -> None:
    width = Width(1000)
    width.weigh(2, 100_000, 2000)
    assert width.now == 1
