"""Headers with and without proof: what is believed, on which chain, and what is said of it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
from bare_chain import REGISTER, BareChain
from builders import a_block, a_hash, an_address
from devnet import Anvil, World
from fake_node import FakeBlock, FakeNode
from feed_listener import listening
from quick_node import genesis, quick_node, until

from monitor.chain.endpoints import Endpoints
from monitor.chain.headers import Headers
from monitor.chain.proof import ALIKE, HeaderProof
from monitor.chain.wire import read_header
from monitor.core.blocks import BlockAdded, BlocksReverted
from monitor.core.units import Address
from monitor.errors import RpcInconsistent

POOL = an_address("pool")
Json = dict[str, Any]
WRONG: dict[str, Json] = {
    "no time": {"timestamp": "0x0"},
    "another time": {"timestamp": "0x25"},
    "another parent": {"parentHash": a_hash("another parent")},
    "another hash": {"hash": a_hash("another hash")},
    "another bloom": {"logsBloom": "0x" + "0" * 512},
    "another root": {"receiptsRoot": a_hash("another root")},
    "a field less": {"requestsHash": None},
    "a field more": {"timestamp": "0x0", "anotherHash": a_hash("another field")},
}


def pool() -> frozenset[Address]:
    return frozenset({POOL})


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of a chain without proof."""
    return [
        record.getMessage()
        for record in caplog.records
        if "cannot be proven" in record.message and record.levelno == logging.WARNING
    ]


def of_another_kind(number: int) -> Json:
    """Fields of a header that its chain hashes in its own way."""
    return {"hash": a_hash(f"own {number}"), "extDataHash": a_hash(f"data {number}")}


def add_of_another_kind(fake: FakeNode, count: int) -> None:
    for _ in range(count):
        fake.add(POOL, changed=of_another_kind(len(fake.blocks)))


@pytest.fixture
async def foreign() -> AsyncIterator[FakeNode]:
    """A node of a chain whose headers all are of another kind."""
    block = FakeBlock(a_block(number=0), changed=of_another_kind(0))
    async with FakeNode(blocks=[block]) as foreign:
        yield foreign


# Headers that were changed.


@pytest.mark.parametrize("transport", ["http_url", "ws_url"])
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_header__changed_in_an_answer__is_never_believed(
    fake: FakeNode, wrong: Json, transport: str
) -> None:
    async with (
        quick_node(getattr(fake, transport)) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        first = fake.add(POOL)
        assert await feed.blocks(1) == [first]
        second = fake.add(POOL)
        fake.headers[2] = fake.blocks[-1].header() | wrong
        await until(
            lambda: (
                "the header of block 2 was changed"
                in node.follower.waiting_for + node.clock.waiting_for
            )
        )
        assert feed.events.empty()
        fake.headers.clear()
        [event] = await feed.take(1)
    assert event == BlockAdded(second, event.logs if isinstance(event, BlockAdded) else ())
    assert node.follower.newest_head == second


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_header__changed_by_one_endpoint__is_asked_of_the_other(
    fake: FakeNode, other: FakeNode, wrong: Json
) -> None:
    blocks = [fake.add(POOL), fake.add(POOL)]
    other.blocks = list(fake.blocks)
    fake.headers[2] = fake.blocks[2].header() | wrong
    async with (
        quick_node(fake.http_url, other.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        assert await feed.blocks(2) == blocks


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_header__changed_when_pushed__is_asked_for(fake: FakeNode, wrong: Json) -> None:
    heads = []
    async with (
        quick_node(fake.ws_url, poll_seconds=60) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await fake.subscribed.wait()
        for _ in range(3):
            block = fake.add(POOL)
            await fake.announce(fake.blocks[-1].header() | wrong)
            assert await feed.blocks(1) == [block]
            heads.append(node.follower.newest_head)
    assert heads == [block.ref for block in fake.blocks[1:]]


async def test_header__of_the_final_chain__is_proven_one_by_one(fake: FakeNode) -> None:
    blocks = [fake.add(*[POOL] * (number % 2)) for number in range(40)]
    fake.finalized = 38
    fake.headers[20] = fake.blocks[20].header() | {"timestamp": "0x0"}
    async with (
        quick_node(fake.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        await until(lambda: "the header of block 20 was changed" in node.follower.waiting_for)
        assert feed.events.empty()
        fake.headers.clear()
        assert await feed.blocks(40) == blocks


# Chains whose headers have no proof.


@pytest.mark.parametrize("transport", ["http_url", "ws_url"])
async def test_chain__of_headers_without_proof__is_followed_with_one_warning(
    foreign: FakeNode, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    add_of_another_kind(foreign, 3)
    async with (
        quick_node(getattr(foreign, transport)) as node,
        listening(node.follower, genesis(foreign), pool) as feed,
    ):
        await feed.blocks(3)
        add_of_another_kind(foreign, 2)
        await foreign.announce()
        await feed.blocks(2)
        del foreign.blocks[4:]
        foreign.add(POOL, fork="b", changed=of_another_kind(100))
        foreign.add(POOL, fork="b", changed=of_another_kind(101))
        [turned, *_] = await feed.take(3)
    assert isinstance(turned, BlocksReverted)
    [said] = warnings(caplog)
    assert "believed where it is plausible" in said


async def test_chain__of_headers_without_proof__in_a_long_catch_up__is_followed(
    foreign: FakeNode,
) -> None:
    add_of_another_kind(foreign, 60)
    foreign.finalized = 50
    async with (
        quick_node(foreign.http_url) as node,
        listening(node.follower, genesis(foreign), pool) as feed,
    ):
        assert await feed.blocks(60) == [block.ref for block in foreign.blocks[1:]]


@pytest.mark.parametrize("finalized", [None, 25])
async def test_chain__of_headers_without_proof__a_child_before_its_parent__is_not_believed(
    foreign: FakeNode, finalized: int | None
) -> None:
    add_of_another_kind(foreign, 1 if finalized is None else 30)
    async with (
        quick_node(foreign.http_url) as node,
        listening(node.follower, genesis(foreign), pool) as feed,
    ):
        count = len(foreign.blocks) - 1
        if finalized is None:
            await feed.blocks(1)
            add_of_another_kind(foreign, 1)
        foreign.finalized = finalized
        last = foreign.blocks[-1 if finalized is None else 20]
        foreign.headers[last.ref.number] = last.header() | {"timestamp": "0x1"}
        await until(lambda: "which is before its parent's" in node.follower.waiting_for)
        foreign.headers.clear()
        await feed.blocks(1 if finalized is None else count)


async def test_chain__told_not_to_prove_headers__is_followed_without_a_word(
    foreign: FakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    add_of_another_kind(foreign, 2)
    async with (
        quick_node(foreign.http_url, prove_headers=False) as node,
        listening(node.follower, genesis(foreign), pool) as feed,
    ):
        assert len(await feed.blocks(2)) == 2
    assert not warnings(caplog)


@pytest.mark.parametrize("transport", ["http_url", "ws_url"])
async def test_fork__that_brings_a_new_field__is_followed_with_one_warning(
    fake: FakeNode, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        quick_node(getattr(fake, transport)) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        for _ in range(3):
            fake.add(POOL)
            await feed.blocks(1)
        add_of_another_kind(fake, 1)
        await until(lambda: "the header of block 4 was changed" in node.clock.waiting_for)
        assert not warnings(caplog)
        add_of_another_kind(fake, 1)
        assert await feed.blocks(2) == [block.ref for block in fake.blocks[4:]]
        add_of_another_kind(fake, 1)
        assert await feed.blocks(1) == [fake.blocks[-1].ref]
    assert len(warnings(caplog)) == 1


# How a chain's kind is told from damage.


class ClumsyNode(FakeNode):
    """Changes the headers of its first answers, in the way `changes` says of each."""

    changes: Sequence[Json] = ()
    answered = 0

    def _block(self, name: str) -> Json | None:
        header = super()._block(name)
        if header is None or name == "0x0":
            return header
        self.answered += 1
        change = self.changes[self.answered - 1] if self.answered <= len(self.changes) else {}
        return header | change


ALWAYS = [{"timestamp": "0x1"}] * (ALIKE - 1)
EVER_ANOTHER = [{"timestamp": hex(number)} for number in range(20)]


@pytest.mark.parametrize("changes", [ALWAYS, EVER_ANOTHER], ids=["alike", "ever another"])
async def test_demand__after_damage_at_the_start__stands(
    changes: Sequence[Json], caplog: pytest.LogCaptureFixture
) -> None:
    async with ClumsyNode() as clumsy:
        clumsy.changes = changes
        clumsy.add(POOL)
        async with (
            quick_node(clumsy.http_url, poll_seconds=0.02) as node,
            listening(node.follower, genesis(clumsy), pool) as feed,
        ):
            assert await feed.blocks(1) == [clumsy.blocks[-1].ref]
            clumsy.add(POOL)
            clumsy.headers[2] = clumsy.blocks[2].header() | {"timestamp": "0x0"}
            await until(lambda: "block 2 was changed" in node.clock.waiting_for)
            assert feed.events.empty()
    assert not warnings(caplog)


async def test_demand__where_one_endpoint_strips_a_field__stands(
    fake: FakeNode, other: FakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(4):
        fake.add(POOL)
    other.blocks = list(fake.blocks)
    for block in fake.blocks[1:]:
        fake.headers[block.ref.number] = block.header() | {"requestsHash": None}
    async with (
        quick_node(fake.http_url, other.http_url) as node,
        listening(node.follower, genesis(fake), pool) as feed,
    ):
        assert await feed.blocks(4) == [block.ref for block in fake.blocks[1:]]
    assert not warnings(caplog)


async def test_demand__once_proven__outlasts_an_endpoint_that_only_lies(fake: FakeNode) -> None:
    fake.add()
    seen: list[tuple[int, str, str]] = []
    endpoints = Endpoints([fake.http_url], 1, lambda *one: seen.append(one), timeout_seconds=1)
    proof = HeaderProof(endpoints)
    headers = Headers(endpoints, proof)
    try:
        await headers.by_number(1)
        fake.add()
        for block in fake.blocks[1:]:
            fake.headers[block.ref.number] = block.header() | {"timestamp": "0x1"}
        for _ in range(ALIKE + 1):
            with pytest.raises(RpcInconsistent, match="the header of block 2 was changed"):
                await headers.by_number(2)
        assert proof.is_demanded
        assert seen[-1] == (0, "eth_getBlockByNumber", "error")
    finally:
        await endpoints.close()


async def test_first_block__without_proof__has_to_be_told_twice(foreign: FakeNode) -> None:
    endpoints = Endpoints([foreign.http_url], 1, lambda *_: None, timeout_seconds=1)
    right = foreign.blocks[0].ref.hash
    wrong = foreign.blocks[0].header() | {"hash": a_hash("a slip")}
    told = iter([wrong])
    truly = foreign._block
    foreign._block = lambda name: next(told, None) or truly(name)  # type: ignore[method-assign]
    try:
        assert await endpoints.genesis_hash() == right
    finally:
        await endpoints.close()


# The real thing.


async def test_anvil__every_header_answered_and_pushed__is_proven() -> None:
    async with Anvil(slots_in_an_epoch=2) as anvil:
        chain = BareChain(anvil)
        await chain.put_contracts()
        endpoints = Endpoints([anvil.ws_url], 31337, lambda *_: None)
        pushed = []
        try:
            for number in range(4):
                waiting = asyncio.create_task(endpoints.next_head(read_header))
                while not waiting.done():  # until it has subscribed, nothing is pushed
                    await chain.write(number)
                    await chain.mine()
                    await asyncio.wait({waiting}, timeout=0.5)
                pushed.append(await waiting)
        finally:
            await endpoints.close()
        await anvil.rpc("anvil_reorg", 3, [])
        await anvil.rpc("anvil_mine", hex(5))
        assert all(header is not None and header.is_proven for header in pushed)
        await every_header_is_proven(anvil, least=10)


async def test_anvil__a_world_with_a_market__is_proven(world: World) -> None:
    await every_header_is_proven(world.anvil, least=100)


async def every_header_is_proven(anvil: Anvil, least: int) -> None:
    newest = int(await anvil.rpc("eth_blockNumber"), 16)
    names = [hex(number) for number in range(newest + 1)]
    told = await anvil.batch([("eth_getBlockByNumber", (name, False)) for name in names])
    assert len(told) >= least
    for header in told:
        read = read_header(msgspec.Raw(json.dumps(header).encode()))
        assert read is not None
        assert read.is_proven, header


async def test_anvil__followed_through_a_reorganisation__is_never_doubted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Anvil() as anvil:
        chain = BareChain(anvil)
        await chain.put_contracts()
        async with (
            quick_node(anvil.ws_url, chain_id=31337, timeout_seconds=10) as node,
            listening(node.follower, [await chain.newest()], lambda: frozenset({REGISTER})) as feed,
        ):
            await chain.write(1)
            await chain.mine(3)
            await feed.blocks(3)
            await anvil.rpc("anvil_reorg", 2, [])
            await feed.take(3)
    assert not [record for record in caplog.records if "was changed" in record.getMessage()]
    assert not warnings(caplog)
