"""Random damage to what a node answers and pushes: it is outlived, and ends in the truth."""

import asyncio
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest
from builders import an_address
from fake_node import FakeNode
from feed_listener import FeedListener, listening
from quick_node import genesis, quick_node, until

from monitor.core.blocks import BlockAdded, BlocksReverted
from monitor.core.units import Address

POOL = an_address("pool")
HEADERS = frozenset({"eth_getBlockByNumber", "eth_getBlockByHash"})
DAMAGED = 8
JUNK: list[Any] = [
    None, 0, -1, 1.5, True, "", "0x", "0xzz", "0x-1", "0x0", "0x1", "0x" + "f" * 64,
    "0x" + "f" * 600, "latest", [], {}, [[]], {"code": 3, "message": "execution reverted"},
]  # fmt: skip


def pool() -> frozenset[Address]:
    return frozenset({POOL})


def mangled(value: Any, random: Random) -> Any:
    """The value with some of its parts exchanged, left out or doubled."""
    if random.random() < 0.08:
        return random.choice(JUNK)
    if isinstance(value, str):
        return with_other_digit(value, random)
    if isinstance(value, dict):
        parts = {key: maybe_mangled(part, random) for key, part in value.items()}
        if parts and random.random() < 0.05:
            del parts[random.choice(list(parts))]
        return parts
    if isinstance(value, list):
        items = [maybe_mangled(item, random) for item in value]
        if items and random.random() < 0.2:
            del items[random.randrange(len(items))]
        if items and random.random() < 0.2:
            items.append(random.choice(items))
        return items
    return value


def with_other_digit(text: str, random: Random) -> str:
    """Looks as right as before: what an answer says, but not how."""
    place = random.randrange(2, len(text)) if text.startswith("0x") and len(text) > 2 else None
    if place is None:
        return text
    return text[:place] + random.choice("0123456789abcdef") + text[place + 1 :]


def maybe_mangled(value: Any, random: Random) -> Any:
    return mangled(value, random) if random.random() < 0.3 else value


class MangledNode(FakeNode):
    """Every other answer is damaged, by the seed, until it is `healed`.

    `methods`: whose answers alone are; None: all.
    """

    def __init__(self, seed: int, methods: frozenset[str] | None = None) -> None:
        super().__init__()
        self.healed = False
        self.damaged = 0
        self._methods = methods
        self._random = Random(seed)

    async def announce(self, header: dict[str, Any] | None = None) -> None:
        pushed = mangled(self.blocks[-1].header(), self._random)
        await super().announce(pushed if isinstance(pushed, dict) else header)

    def _answer(self, asked: dict[str, Any], fault: str | None) -> dict[str, Any]:
        answer = super()._answer(asked, fault)
        is_spared = self._methods is not None and asked["method"] not in self._methods
        if self.healed or is_spared or self._random.random() < 0.5:
            return answer
        if "result" in answer and self._random.random() < 0.9:
            damaged = answer | {"result": mangled(answer["result"], self._random)}
        else:
            damaged = mangled(answer, self._random)
        self.damaged += damaged != answer
        return damaged


async def followed(feed: FeedListener, count: int) -> list[BlockAdded]:
    """The blocks that stand once there are so many and the last has come."""
    chain: list[BlockAdded] = []
    async with asyncio.timeout(60):
        while len(chain) < count:
            [event] = await feed.take(1)
            if isinstance(event, BlocksReverted):
                del chain[-len(event.blocks) :]
            else:
                chain.append(event)
    return chain


@pytest.mark.parametrize("transport", ["http_url", "ws_url"])
@pytest.mark.parametrize("seed", range(6))
async def test_follower__answers_damaged_at_random__ends_in_the_truth(
    seed: int, transport: str
) -> None:
    async with (
        MangledNode(seed) as node_,
        quick_node(getattr(node_, transport), poll_seconds=0.02) as node,
        listening(node.follower, genesis(node_), pool) as feed,
    ):
        async with asyncio.timeout(60):
            while node_.damaged < DAMAGED:
                node_.add(*([POOL] if len(node_.blocks) % 2 else []), an_address("a stranger"))
                await node_.announce()
                await asyncio.sleep(0.05)
        node_.healed = True
        node_.add(POOL)
        chain = await followed(feed, len(node_.blocks) - 1)
    assert [event.block for event in chain] == [block.ref for block in node_.blocks[1:]]
    for event, block in zip(chain, node_.blocks[1:], strict=True):
        assert [log.address for log in event.logs] == [POOL] * (POOL in block.emitters)


@pytest.mark.parametrize("seed", range(4))
async def test_catch_up__headers_damaged_at_random__ends_in_the_truth(seed: int) -> None:
    """Half a dozen endpoints, each with its own damage: the final chain is pulled all the same."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(MangledNode(seed, HEADERS))
        for number in range(60):
            first.add(*([POOL] if number % 2 else []), an_address("a stranger"))
        first.finalized = 50
        nodes = [first]
        for other in range(1, 6):
            node_ = await stack.enter_async_context(MangledNode(100 * other + seed, HEADERS))
            node_.blocks, node_.finalized = first.blocks, 50
            nodes.append(node_)
        urls = [node_.http_url for node_ in nodes]
        node = await stack.enter_async_context(quick_node(*urls, poll_seconds=0.02))
        following = listening(node.follower, genesis(first), pool)
        feed = await stack.enter_async_context(following)
        await until(lambda: sum(node_.damaged for node_ in nodes) >= DAMAGED)
        for node_ in nodes:
            node_.healed = True
        chain = await followed(feed, 60)
    assert [event.block for event in chain] == [block.ref for block in first.blocks[1:]]
