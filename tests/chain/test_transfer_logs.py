"""Transfers of accounts, over a real node: out of the logs at hand, and asked for by topic."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from bare_chain import REGISTER, SENDER, BareChain
from builders import a_hash, an_address
from devnet import Anvil
from fault_proxy import Fault, FaultProxy, Json
from feed_listener import listening
from quick_node import quick_node

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.transfers import TRANSFER, topic_of
from monitor.core.units import Address
from monitor.errors import BlockUnknown, RpcInconsistent

TOKEN = Address("0x" + "d1" * 20)
"""Logs three topics and a word, as it is told to."""
NFT = Address("0x" + "d2" * 20)
"""Logs four topics."""
CODES = {
    TOKEN: "60603560005260403560203560003560206000a300",
    NFT: "60603560403560203560003560006000a400",
}
ME, YOU, HIM = (an_address(name) for name in ("me", "you", "him"))
APPROVAL = a_hash("Approval")
CHAIN_ID = 31337


@dataclass(frozen=True)
class Tokens:
    """A bare chain with two tokens on it, and one block of their logs."""

    chain: BareChain
    block: BlockRef
    before: BlockRef

    async def log(self, token: Address, *words: str) -> None:
        data = "0x" + "".join(word[2:] for word in words)
        sent = {"from": SENDER, "to": token, "data": data, "gas": hex(100_000)}
        await self.chain.anvil.rpc("eth_sendTransaction", sent)


def word(value: int) -> str:
    return f"0x{value:064x}"


@pytest.fixture
async def tokens() -> AsyncIterator[Tokens]:
    """Log 0: a write. 1: me to you. 2: you to him. 3: an NFT, me to him. 4: him to me. 5: an
    approval of mine. 6: me to myself.
    """
    async with Anvil() as anvil:
        chain = BareChain(anvil)
        await chain.put_contracts()
        for address, code in CODES.items():
            await anvil.rpc("anvil_setCode", address, "0x" + code)
        before = await chain.mine()
        tokens = Tokens(chain, before, before)
        await chain.write(7)
        me, you, him = topic_of(ME), topic_of(YOU), topic_of(HIM)
        await tokens.log(TOKEN, TRANSFER, me, you, word(100))
        await tokens.log(TOKEN, TRANSFER, you, him, word(200))
        await tokens.log(NFT, TRANSFER, me, him, word(1))
        await tokens.log(TOKEN, TRANSFER, him, me, word(300))
        await tokens.log(TOKEN, APPROVAL, me, him, word(400))
        await tokens.log(TOKEN, TRANSFER, me, me, word(500))
        yield replace(tokens, block=await chain.mine())


def amounts(logs: tuple[RawLog, ...]) -> list[int]:
    return [int(log.data, 16) for log in logs]


async def test_transfers_of__a_block_just_pulled__are_not_asked_for(tokens: Tokens) -> None:
    anvil = tokens.chain.anvil
    async with (
        FaultProxy(anvil.http_url, anvil.ws_url) as proxy,
        quick_node(proxy.http_url, chain_id=CHAIN_ID) as node,
        listening(node.follower, [tokens.before], lambda: frozenset({REGISTER})) as feed,
    ):
        assert await feed.blocks(1) == [tokens.block]
        asked = proxy.asked["eth_getLogs"]
        logs = await node.follower.transfers_of(tokens.block, frozenset({ME}))
        assert amounts(logs) == [100, 300, 500]
        assert proxy.asked["eth_getLogs"] == asked


async def test_transfers_of__an_older_block__are_asked_for_by_topic(tokens: Tokens) -> None:
    async with quick_node(tokens.chain.anvil.http_url, chain_id=CHAIN_ID) as node:
        of_mine = await node.follower.transfers_of(tokens.block, frozenset({ME}))
        of_both = await node.follower.transfers_of(tokens.block, frozenset({ME, YOU}))
        of_nobody = await node.follower.transfers_of(tokens.block, frozenset())
        earlier = await node.follower.transfers_of(tokens.before, frozenset({ME}))
    assert amounts(of_mine) == [100, 300, 500]
    assert amounts(of_both) == [100, 200, 300, 500]
    assert [log.log_index for log in of_both] == [1, 2, 4, 6]
    assert of_nobody == earlier == ()


async def test_transfers_of__a_block_without_logs__are_none_and_not_asked_for(
    tokens: Tokens,
) -> None:
    anvil = tokens.chain.anvil
    empty = await tokens.chain.mine()
    async with (
        FaultProxy(anvil.http_url, anvil.ws_url) as proxy,
        quick_node(proxy.http_url, chain_id=CHAIN_ID) as node,
        listening(node.follower, [tokens.block], lambda: frozenset({REGISTER})) as feed,
    ):
        assert await feed.blocks(1) == [empty]
        assert await node.follower.transfers_of(empty, frozenset({ME})) == ()
        assert proxy.asked["eth_getLogs"] == 0


def short_lists(most: int) -> Fault:
    """Refuses more accounts than that in one topic."""

    async def edit(_proxy: FaultProxy, request: Json, answer: Json) -> Json:
        topics = (
            request["params"][0].get("topics", []) if request["method"] == "eth_getLogs" else []
        )
        if any(len(topic) > most for topic in topics if isinstance(topic, list)):
            error = {"code": -32602, "message": f"exceed max topics: expected at most {most}"}
            return {"jsonrpc": "2.0", "id": request["id"], "error": error}
        return answer

    return Fault("short lists", edit=edit)


async def test_transfers_of__a_node_that_takes_few_accounts__come_in_parts_and_once(
    tokens: Tokens,
) -> None:
    anvil = tokens.chain.anvil
    accounts = frozenset({ME, YOU, HIM, *(an_address(f"account {n}") for n in range(60))})
    async with (
        FaultProxy(anvil.http_url, anvil.ws_url) as proxy,
        quick_node(proxy.http_url, chain_id=CHAIN_ID) as node,
    ):
        proxy.inject(short_lists(10))
        logs = await node.follower.transfers_of(tokens.block, accounts)
        refused = proxy.hits
        assert await node.follower.transfers_of(tokens.block, accounts) == logs
        assert 0 < refused == proxy.hits
    assert amounts(logs) == [100, 200, 300, 500]


def forged(**changed: object) -> Fault:
    """The first log told is another's."""

    async def edit(_proxy: FaultProxy, request: Json, answer: Json) -> Json:
        if request["method"] == "eth_getLogs" and answer["result"]:
            answer["result"][0] |= changed
        return answer

    return Fault("forged", edit=edit)


@pytest.mark.parametrize(
    "changed",
    [
        {"blockHash": a_hash("another block")},
        {"topics": [APPROVAL, topic_of(ME), topic_of(YOU)]},
        {"topics": [TRANSFER, topic_of(an_address("a stranger")), topic_of(ME)]},
        {"topics": [TRANSFER]},
        {"topics": []},
    ],
    ids=["another block", "another event", "another account", "no account", "no topic"],
)
async def test_transfers_of__what_was_not_asked_for__is_not_believed(
    tokens: Tokens, changed: dict[str, object]
) -> None:
    anvil = tokens.chain.anvil
    async with FaultProxy(anvil.http_url, anvil.ws_url) as proxy:
        proxy.inject(forged(**changed))
        async with quick_node(proxy.http_url, chain_id=CHAIN_ID) as node:
            with pytest.raises(RpcInconsistent):
                await node.follower.transfers_of(tokens.block, frozenset({ME}))
        async with quick_node(proxy.http_url, anvil.http_url, chain_id=CHAIN_ID) as node:
            logs = await node.follower.transfers_of(tokens.block, frozenset({ME}))
    assert amounts(logs) == [100, 300, 500]


async def test_transfers_of__a_block_that_is_gone__is_said_to_be(tokens: Tokens) -> None:
    gone = replace(tokens.block, hash=a_hash("gone"))
    async with quick_node(tokens.chain.anvil.http_url, chain_id=CHAIN_ID) as node:
        with pytest.raises(BlockUnknown):
            await node.follower.transfers_of(gone, frozenset({ME}))
