import pytest

from monitor.chain.faults import RpcRefused, RpcTimeout
from monitor.chain.slices import in_slices
from monitor.errors import RpcInconsistent


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
    parts = in_slices(start, stop, widest, provider.ask)
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
