"""Facts that decoding needs: read at the block, else at the head, else waited for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from builders import a_block, a_price, an_address

from monitor.core.blocks import BlockAdded, BlockRef, RawLog
from monitor.core.events import DomainEvent, PriceMoved
from monitor.core.keys import price_key
from monitor.core.ledger import Ledger, LedgerView, find
from monitor.core.ports import Readings, ViewCall, ViewResult
from monitor.core.prices import Price
from monitor.core.units import Address, AssetId, BlockHash, MarketId
from monitor.engine.folding import Folder
from monitor.errors import RpcUnavailable, StateUnavailable
from monitor.library import abi_library

MARKET, EMITTER = MarketId("m"), an_address("emitter")
ASSET = AssetId(an_address("asset"))
QUESTION = ViewCall(EMITTER, abi_library("erc20/Token").functions["decimals"])
BLOCK, HEAD = a_block(number=100), a_block(number=1_000)
LOG = RawLog(EMITTER, ("0x1",), "", BLOCK.hash, 0, "0x2")


class Curious:
    """A source whose only log cannot be decoded without an answer, which becomes a price."""

    name = "curious"

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        return frozenset({EMITTER})

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        return (QUESTION,) if logs else ()

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> "Decoder":
        return Decoder(facts)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        return ()

    async def bootstrap(self, *_: object) -> tuple[DomainEvent, ...]:
        return ()


@dataclass
class Decoder:
    facts: Readings

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        answer = self.facts[QUESTION]
        assert isinstance(answer, tuple)
        return (PriceMoved(MARKET, ASSET, a_price(answer[0])),)


@dataclass
class Node:
    """Feed and reader in one. `remembers`: the blocks whose state it has."""

    remembers: set[BlockHash]
    newest_head: BlockRef | None = HEAD
    asked: list[int] = field(default_factory=list)

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        self.asked.append(at.number)
        if at.hash not in self.remembers:
            raise StateUnavailable("pruned")
        return [(at.number,) for _ in calls]


async def folded(node: Node) -> Price | None:
    folder = Folder([Curious()], node, node)  # type: ignore[arg-type]
    delta = (await folder.fold(Ledger(), BlockAdded(BLOCK, (LOG,)))).delta
    return find(
        Ledger({c.key: c.after for c in delta.changes if c.after}), price_key(MARKET, ASSET), Price
    )


async def test_fold__state_of_the_block_is_there__is_asked_for_no_other() -> None:
    node = Node({BLOCK.hash, HEAD.hash})
    assert await folded(node) == a_price(BLOCK.number)
    assert node.asked == [BLOCK.number]


async def test_fold__state_of_the_block_is_forgotten__asks_at_the_head() -> None:
    assert await folded(Node({HEAD.hash})) == a_price(HEAD.number)


@pytest.mark.parametrize("head", [HEAD, None])
async def test_fold__nobody_can_answer__is_to_be_tried_again(head: BlockRef | None) -> None:
    with pytest.raises(RpcUnavailable, match="raise 1 questions about contracts"):
        await folded(Node(set(), head))
